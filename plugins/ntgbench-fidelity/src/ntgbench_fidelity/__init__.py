"""Fidelity metrics for ntgbench: Jensen-Shannon divergences, k-marginal, coverage, uniqueness and leakage."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

BINNED = "ntgbench_fidelity.divergence:binned"
RAW = "ntgbench_fidelity.divergence:raw"
BINNED_GRAMS = "ntgbench_fidelity.ngrams:binned"
RAW_GRAMS = "ntgbench_fidelity.ngrams:raw"
POSITIONS = "ntgbench_fidelity.positions:by_position"
KMARGINAL = "ntgbench_fidelity.positions:kmarginal"
COVERAGE = "ntgbench_fidelity.coverage:coverage"
UNIQUENESS = "ntgbench_fidelity.uniqueness:uniqueness"


DISTANCE = ("identity", "order-invariance", "truncation", "class-swap", "noisy-copy", "outlier", "symmetry")
"""Calibration checks that all divergences pass, and kmarginal."""

NEIGHBOURS = ("identity", "disjoint", "order-invariance", "noise", "truncation", "class-swap", "noisy-copy")
"""Calibration checks that coverage and density pass."""


def _divergence(name: str, target: str, summary: str, *also_passes: str, primary: bool = False) -> MetricSpec:
    return MetricSpec(
        name,
        target,
        f"Jensen-Shannon divergence of {summary}",
        "fidelity",
        "min",
        lowest=0.0,
        highest=1.0,
        primary=primary,
        passes=(*DISTANCE, *also_passes),
    )


def _against_train(name: str, summary: str, *passes: str) -> MetricSpec:
    return MetricSpec(
        name, UNIQUENESS, summary, "fidelity", "min", lowest=0.0, highest=1.0, against="train", passes=passes
    )


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Distances averaged over classes, coverage, and what tells copies from new traffic, over all biflows together."""
    return [
        _divergence("jsd_numpackets", BINNED, "the number of packets", "disjoint", "sample-size", "mode-dropping"),
        _divergence("jsd_1gram", BINNED, "signed payload lengths in 20 bins", "disjoint", "noise", "mode-dropping"),
        _divergence(
            "jsd_2gram",
            BINNED,
            "pairs of successive signed payload lengths in 20 bins",
            "disjoint",
            "noise",
            "mode-dropping",
            primary=True,
        ),
        _divergence(
            "jsd_markov",
            BINNED,
            "what follows a signed payload length, in 20 bins",
            "disjoint",
            "noise",
            "mode-dropping",
        ),
        _divergence("jsd_1gram_raw", RAW, "signed payload lengths, byte by byte", "disjoint", "noise"),
        _divergence(
            "jsd_2gram_raw",
            RAW,
            "pairs of successive signed payload lengths, byte by byte",
            "disjoint",
            "noise",
            "sample-size",
        ),
        _divergence(
            "jsd_markov_raw",
            RAW,
            "what follows a signed payload length, byte by byte",
            "disjoint",
            "noise",
            "sample-size",
        ),
        _divergence(
            "jsd_3gram", BINNED_GRAMS, "three successive signed payload lengths in 20 bins", "disjoint", "noise"
        ),
        _divergence(
            "jsd_4gram",
            BINNED_GRAMS,
            "four successive signed payload lengths in 20 bins",
            "disjoint",
            "noise",
            "sample-size",
        ),
        _divergence(
            "jsd_5gram",
            BINNED_GRAMS,
            "five successive signed payload lengths in 20 bins",
            "disjoint",
            "noise",
            "sample-size",
        ),
        _divergence(
            "jsd_3gram_raw",
            RAW_GRAMS,
            "three successive signed payload lengths, byte by byte",
            "disjoint",
            "noise",
            "sample-size",
        ),
        _divergence(
            "jsd_4gram_raw",
            RAW_GRAMS,
            "four successive signed payload lengths, byte by byte",
            "disjoint",
            "noise",
            "sample-size",
        ),
        _divergence(
            "jsd_5gram_raw",
            RAW_GRAMS,
            "five successive signed payload lengths, byte by byte",
            "disjoint",
            "noise",
            "sample-size",
            "markov-order",
        ),
        _divergence(
            "jsd_position",
            POSITIONS,
            "what is at a position, in 20 bins, averaged over positions",
            "noise",
            "mode-dropping",
            "markov-order",
        ),
        _divergence(
            "jsd_position_raw",
            POSITIONS,
            "what is at a position, byte by byte, averaged over positions",
            "noise",
            "sample-size",
            "mode-dropping",
        ),
        MetricSpec(
            "kmarginal",
            KMARGINAL,
            "Total variation distance of the class and what is at three positions, in 20 bins, averaged over triples",
            "fidelity",
            "min",
            lowest=0.0,
            highest=1.0,
            passes=(*DISTANCE, "disjoint", "noise", "sample-size", "markov-order"),
        ),
        MetricSpec(
            "coverage",
            COVERAGE,
            "Share of real biflows with a synthetic one as near as their 5th nearest real one",
            "fidelity",
            "max",
            lowest=0.0,
            highest=1.0,
            passes=(*NEIGHBOURS, "mode-dropping", "outlier"),
        ),
        MetricSpec(
            "density",
            COVERAGE,
            "Share of synthetic biflows near real ones, over that of real biflows there; to be read beside coverage",
            "fidelity",
            "near",
            lowest=0.0,
            best=1.0,
            passes=(*NEIGHBOURS, "sample-size", "markov-order"),
        ),
        MetricSpec(
            "heldout_bits",
            "ntgbench_fidelity.likelihood:heldout_bits",
            "Bits that the system's own likelihood needs for a held-out biflow of known class, mean",
            "fidelity",
            "min",
            lowest=0.0,
            digits=2,
            likelihood=True,
        ),
        _against_train(
            "uniqalign",
            "Difference between the shares of distinct biflows in synthetic and in real traffic",
            "identity",
            "order-invariance",
            "noise",
            "truncation",
            "noisy-copy",
            "outlier",
            "symmetry",
        ),
        _against_train(
            "uniqalign_macro",
            "As uniqalign, class by class, averaged over classes",
            "identity",
            "order-invariance",
            "truncation",
            "noisy-copy",
            "outlier",
            "symmetry",
        ),
        _against_train(
            "leakage_macro",
            "As leakage, class by class, averaged over classes",
            "order-invariance",
            "outlier",
            "symmetry",
        ),
        _against_train(
            "leakage",
            "Overlap (Jaccard) of the distinct synthetic and training biflows; "
            "below what real traffic scores it means low fidelity, not privacy",
            "order-invariance",
            "sample-size",
            "outlier",
            "symmetry",
        ),
        _against_train(
            "train_share",
            "Share of synthetic biflows that occur in the training set; "
            "below what real traffic scores it means low fidelity, not privacy",
            "order-invariance",
            "outlier",
        ),
    ]
