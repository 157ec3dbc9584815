"""Augmentation: a classifier that learns from few real biflows and many synthetic ones (the paper's RQ3).

Of each class a fraction of the training biflows is available. Synthetic ones raise every class to the largest class of
the whole training set, and the classifier is tested on the held-out traffic. In the paper's design, arm "full",
generators have learnt from the whole training set and augmenters see the available biflows only: generators know more
than they would in the situation that is simulated. Arm "subset" fits the generator on the available biflows alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.datasets.splits import fraction
from ntgbench.suites.scores import Scores, score
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from ntgbench.suites.material import Material


def measure(material: Material) -> Scores:
    """Scores `name@5%` for a fraction of 5%, `name@5%,none` without synthetic biflows, `name@5%,subset` of that arm."""
    settings = material.protocol.augmentation
    metrics = material.of_suite("utility")
    seed = material.seed("classifier")
    largest = int(material.train.class_counts().max())
    scores: Scores = {}
    for share in settings.fractions:
        at = f"@{share * 100:g}%"
        few = fraction(material.train, share, material.seed("fraction"))
        scores.update(score(metrics, material.test, few, seed, f"{at},none"))
        labels = _missing(few, largest)
        for arm in settings.arms if material.is_generator else ("full",):
            alone = arm == "subset" or not material.is_generator
            sample = material.refit(few) if alone else material.sample
            made = sample(labels, material.seed("augmentation", arm, at))
            augmented = Biflows.concat([few, made])
            scores.update(score(metrics, material.test, augmented, seed, at if arm == "full" else f"{at},{arm}"))
    return scores


def _missing(few: Biflows, largest: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Labels that raise every class that `few` has to `largest` biflows."""
    counts = few.class_counts()
    wanted = np.where(counts > 0, largest - counts, 0)
    return np.repeat(np.arange(len(counts), dtype=np.int32), wanted)
