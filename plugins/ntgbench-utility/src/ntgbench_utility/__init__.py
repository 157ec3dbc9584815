"""Utility metrics for ntgbench: train on synthetic traffic, test on real traffic."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

FOREST = "ntgbench_utility.forest:train_on_synthetic"
CLASSIFIERS = "ntgbench_utility.classifiers:compare"

SEES = ("order-invariance", "sample-size", "noise", "truncation", "class-swap", "noisy-copy", "outlier")
"""Calibration checks that scores of the forest pass."""


def _score(name: str, summary: str, primary: bool = False) -> MetricSpec:
    return MetricSpec(name, FOREST, summary, "utility", "max", lowest=0.0, highest=1.0, primary=primary, passes=SEES)


def _classifier(name: str, what: str, primary: bool = False) -> MetricSpec:
    summary = f"F1 score of {what}, mean over classes"
    return MetricSpec(name, CLASSIFIERS, summary, "classifiers", "max", lowest=0.0, highest=1.0, primary=primary)


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Scores of classifiers that learn from synthetic biflows and are tested on real ones."""
    return [
        _score("macro_f1", "F1 score, mean over classes", primary=True),
        _score("weighted_f1", "F1 score, mean over classes weighted by their biflows"),
        _score("accuracy", "Share of biflows whose class is recognised"),
        _classifier("macro_f1_boosting", "gradient boosting", primary=True),
        _classifier("macro_f1_network", "a small neural network"),
        _classifier("macro_f1_neighbours", "the nearest neighbours"),
        _classifier("macro_f1_forest", "a random forest, on the same sample as the others"),
        MetricSpec(
            "rank_consistency",
            CLASSIFIERS,
            "Kendall's tau: whether classifiers rank on synthetic traffic as on real traffic",
            "classifiers",
            "max",
            lowest=-1.0,
            highest=1.0,
            digits=2,
        ),
    ]
