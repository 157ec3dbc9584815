"""Metrics for ntgbench that judge synthetic biflows by classifiers."""

from __future__ import annotations

from ntgbench.hookspecs import hookimpl
from ntgbench.interfaces import MetricSpec


@hookimpl
def ntgbench_metrics() -> list[MetricSpec]:
    """A classifier that tells synthetic from real biflows, and one that tells classes."""
    return [
        MetricSpec(
            "detection_auc",
            "ntgbench_detection.detection:detection",
            "How well a classifier tells synthetic from real biflows (area under the ROC curve); 0.5: not at all",
            "fidelity",
            "near",
            lowest=0.0,
            highest=1.0,
            best=0.5,
            costly=True,
            passes=("identity", "order-invariance", "markov-order"),
        ),
        MetricSpec(
            "class_agreement",
            "ntgbench_detection.agreement:agreement",
            "Share of synthetic biflows that a classifier trained on held-out ones takes for the class asked for",
            "fidelity",
            "max",
            lowest=0.0,
            highest=1.0,
            costly=True,
            passes=("order-invariance", "class-swap", "markov-order"),
        ),
    ]
