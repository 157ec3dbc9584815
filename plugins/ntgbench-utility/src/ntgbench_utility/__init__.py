"""Utility metrics for ntgbench: train on synthetic traffic, test on real traffic."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

FOREST = "ntgbench_utility.forest:train_on_synthetic"

SEES = ("order-invariance", "sample-size", "noise", "truncation", "class-swap", "noisy-copy", "outlier")
"""Calibration checks that scores of the forest pass."""


def _score(name: str, summary: str, primary: bool = False) -> MetricSpec:
    return MetricSpec(name, FOREST, summary, "utility", "max", lowest=0.0, highest=1.0, primary=primary, passes=SEES)


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Scores of a random forest that learns from synthetic biflows and is tested on real ones."""
    return [
        _score("macro_f1", "F1 score, mean over classes", primary=True),
        _score("weighted_f1", "F1 score, mean over classes weighted by their biflows"),
        _score("accuracy", "Share of biflows whose class is recognised"),
    ]
