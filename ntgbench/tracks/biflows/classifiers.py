"""Classifiers: several of them learn from synthetic traffic; metrics also see the training traffic, to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.interfaces import Exposed
from ntgbench.scores import Scores, score

if TYPE_CHECKING:
    from ntgbench.suites import SuiteInput


def measure(given: SuiteInput) -> Scores:
    """Scores of metrics that are handed the training and the held-out traffic as `real`."""
    return score(given.metrics, Exposed(given.train, given.test), given.synthetic, given.seed("classifiers"))
