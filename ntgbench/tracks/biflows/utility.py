"""Utility: a classifier that learns from synthetic traffic alone, tested on held-out traffic (the paper's RQ2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.scores import Scores, score
from ntgbench.tracks.biflows.resolution import halves_apart

if TYPE_CHECKING:
    from ntgbench.suites import SuiteInput


def measure(given: SuiteInput) -> Scores:
    """Scores of a classifier trained on as many synthetic biflows of each class as the training set has."""
    seed = given.seed("classifier")
    found = score(given.metrics, given.test, given.synthetic, seed)
    return {**found, **halves_apart(given, seed, lambda half: (given.test, half))}
