"""Utility: a classifier that learns from synthetic traffic alone, tested on held-out traffic (the paper's RQ2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.suites.scores import Scores, score

if TYPE_CHECKING:
    from ntgbench.suites.material import Material


def measure(material: Material) -> Scores:
    """Scores of a classifier trained on as many synthetic biflows of each class as the training set has."""
    return score(material.of_suite("utility"), material.test, material.synthetic, material.seed("classifier"))
