"""Fidelity metrics for ntgbench: Jensen-Shannon divergences, uniqueness and leakage."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

BINNED = "ntgbench_fidelity.divergence:binned"
RAW = "ntgbench_fidelity.divergence:raw"
UNIQUENESS = "ntgbench_fidelity.uniqueness:uniqueness"


def _divergence(name: str, target: str, summary: str, primary: bool = False) -> MetricSpec:
    return MetricSpec(
        name,
        target,
        f"Jensen-Shannon divergence of {summary}",
        "fidelity",
        "min",
        lowest=0.0,
        highest=1.0,
        primary=primary,
    )


def _against_train(name: str, summary: str) -> MetricSpec:
    return MetricSpec(name, UNIQUENESS, summary, "fidelity", "min", lowest=0.0, highest=1.0, against="train")


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Divergences, macro-averaged over classes, and what tells copies from new traffic, over all biflows together."""
    return [
        _divergence("jsd_numpackets", BINNED, "the number of packets"),
        _divergence("jsd_1gram", BINNED, "signed payload lengths in 20 bins"),
        _divergence("jsd_2gram", BINNED, "pairs of successive signed payload lengths in 20 bins", primary=True),
        _divergence("jsd_markov", BINNED, "what follows a signed payload length, in 20 bins"),
        _divergence("jsd_1gram_raw", RAW, "signed payload lengths, byte by byte"),
        _divergence("jsd_2gram_raw", RAW, "pairs of successive signed payload lengths, byte by byte"),
        _divergence("jsd_markov_raw", RAW, "what follows a signed payload length, byte by byte"),
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
            "uniqalign", "Difference between the shares of distinct biflows in synthetic and in real traffic"
        ),
        _against_train("uniqalign_macro", "As uniqalign, class by class, averaged over classes"),
        _against_train("leakage_macro", "As leakage, class by class, averaged over classes"),
        _against_train(
            "leakage",
            "Overlap (Jaccard) of the distinct synthetic and training biflows; "
            "below what real traffic scores it means low fidelity, not privacy",
        ),
        _against_train(
            "train_share",
            "Share of synthetic biflows that occur in the training set; "
            "below what real traffic scores it means low fidelity, not privacy",
        ),
    ]
