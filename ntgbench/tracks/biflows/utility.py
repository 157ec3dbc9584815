"""Utility: a classifier that learns from synthetic traffic alone, tested on held-out traffic (the paper's RQ2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.scores import Scores, score
from ntgbench.tracks.biflows.resolution import halves_apart

if TYPE_CHECKING:
    from ntgbench.row_schema import MetricValue
    from ntgbench.suites import SuiteInput


def measure(given: SuiteInput) -> Scores:
    """Scores of a classifier trained on as many synthetic biflows of each class as the training set has."""
    seed = given.seed("classifier")
    found = score(given.metrics, given.test, given.synthetic, seed)
    return {**found, **halves_apart(given, seed, lambda half: (given.test, half))}


def numbers(scores: Scores) -> Scores:
    """The scores without confusion matrices, which rows hold of this suite alone: each is larger than all numbers."""
    found: Scores = {}
    for key, value in scores.items():
        bare: MetricValue = {**value}
        bare.pop("confusion", None)
        found[key] = bare
    return found
