"""Utility: a classifier that learns from synthetic traffic alone, tested on held-out traffic (the paper's RQ2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.scores import Scores, score

if TYPE_CHECKING:
    from ntgbench.row_schema import MetricValue
    from ntgbench.suites import SuiteInput


def measure(given: SuiteInput) -> Scores:
    """Scores of a classifier trained on as many synthetic biflows of each class as the training set has."""
    return score(given.metrics, given.test, given.synthetic, given.seed("classifier"))


def numbers(scores: Scores) -> Scores:
    """The scores without confusion matrices, which rows hold of this suite alone: each is larger than all numbers."""
    found: Scores = {}
    for key, value in scores.items():
        bare: MetricValue = {**value}
        bare.pop("confusion", None)
        found[key] = bare
    return found
