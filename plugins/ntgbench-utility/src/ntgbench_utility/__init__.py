"""Utility metrics for ntgbench: train on synthetic traffic, test on real traffic."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec

FOREST = "ntgbench_utility.forest:train_on_synthetic"


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """Scores of a random forest that learns from synthetic biflows and is tested on real ones."""
    return [
        MetricSpec("macro_f1", FOREST, "F1 score, mean over classes", "utility", "max", primary=True),
        MetricSpec("weighted_f1", FOREST, "F1 score, mean over classes weighted by their biflows", "utility", "max"),
        MetricSpec("accuracy", FOREST, "Share of biflows whose class is recognised", "utility", "max"),
    ]
