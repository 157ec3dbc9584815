"""Fidelity metrics for ntgbench: Jensen-Shannon divergences, uniqueness and leakage."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

BINNED = "ntgbench_fidelity.divergence:binned"
RAW = "ntgbench_fidelity.divergence:raw"
UNIQUENESS = "ntgbench_fidelity.uniqueness:uniqueness"

# What they pass of the calibration checks.
STABLE = ("order-invariance", "outlier")
COUNTS = (*STABLE, "symmetry", "identity", "disjoint", "sample-size", "truncation", "class-swap", "noisy-copy")
GRAMS = (*COUNTS, "noise")
IN_BINS = (*GRAMS, "mode-dropping")


def _divergence(
    name: str, target: str, summary: str, primary: bool = False, passes: tuple[str, ...] = ()
) -> MetricSpec:
    return MetricSpec(
        name,
        target,
        f"Jensen-Shannon divergence of {summary}",
        "fidelity",
        "min",
        lowest=0.0,
        highest=1.0,
        primary=primary,
        passes=passes,
    )


def _against_train(name: str, summary: str, passes: tuple[str, ...]) -> MetricSpec:
    return MetricSpec(
        name, UNIQUENESS, summary, "fidelity", "min", lowest=0.0, highest=1.0, against="train", passes=passes
    )


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Divergences, macro-averaged over classes, and what tells copies from new traffic, over all biflows together."""
    return [
        _divergence("jsd_numpackets", BINNED, "the number of packets", passes=COUNTS),
        _divergence("jsd_1gram", BINNED, "signed payload lengths in 20 bins", passes=IN_BINS),
        _divergence(
            "jsd_2gram", BINNED, "pairs of successive signed payload lengths in 20 bins", primary=True, passes=IN_BINS
        ),
        _divergence("jsd_markov", BINNED, "what follows a signed payload length, in 20 bins", passes=IN_BINS),
        _divergence("jsd_1gram_raw", RAW, "signed payload lengths, byte by byte", passes=GRAMS),
        _divergence("jsd_2gram_raw", RAW, "pairs of successive signed payload lengths, byte by byte", passes=GRAMS),
        _divergence("jsd_markov_raw", RAW, "what follows a signed payload length, byte by byte", passes=GRAMS),
        _against_train(
            "uniqalign",
            "Difference between the shares of distinct biflows in synthetic and in real traffic",
            (*STABLE, "symmetry", "identity"),
        ),
        _against_train(
            "uniqalign_macro",
            "As uniqalign, class by class, averaged over classes",
            (*STABLE, "symmetry", "identity"),
        ),
        _against_train(
            "leakage_macro",
            "As leakage, class by class, averaged over classes",
            (*STABLE, "symmetry", "sample-size"),
        ),
        _against_train(
            "leakage",
            "Overlap (Jaccard) of the distinct synthetic and training biflows; "
            "below what real traffic scores it means low fidelity, not privacy",
            (*STABLE, "symmetry", "sample-size"),
        ),
        _against_train(
            "train_share",
            "Share of synthetic biflows that occur in the training set; "
            "below what real traffic scores it means low fidelity, not privacy",
            (*STABLE, "sample-size"),
        ),
    ]
