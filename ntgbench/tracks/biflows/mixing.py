"""Mixing: a classifier that learns from real and synthetic biflows together, as many as the training set has.

Of each class a share of the biflows is real and the rest synthetic, so that the size of the training set stays the
same. The curve over the shares says how much real traffic synthetic traffic can replace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.scores import Scores, score
from ntgbench.tracks.biflows.splits import share_of_classes
from ntgbench.tracks.biflows.utility import numbers
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from ntgbench.suites import SuiteInput


def measure(given: SuiteInput) -> Scores:
    """Scores `name@25%` where a quarter of each class is real, and `name@25%,none` of that quarter by itself."""
    train, synthetic, seed = given.train, given.synthetic, given.seed("classifier")
    if not np.array_equal(synthetic.label, train.label):  # it has learnt from other traffic than the training set
        synthetic = given.fitted().sample(*given.track.request(train), seed=given.seed("mixing"))
    scores: Scores = {}
    for share in given.settings.shares:
        at = f"@{share * 100:g}%"
        # Row i of both is of the same class, so that every class keeps its size.
        real = share_of_classes(train.label, share, given.seed("fraction"))
        mixed = Biflows.concat([train.select(real), synthetic.select(~real)])
        scores.update(score(given.metrics, given.test, mixed, seed, at))
        if 0 < share < 1:
            scores.update(score(given.metrics, given.test, train.select(real), seed, f"{at},none"))
    return numbers(scores)
