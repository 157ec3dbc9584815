"""Augmentation: a classifier that learns from few real biflows and many synthetic ones (the paper's RQ3).

Of each class a fraction of the training biflows is available. Synthetic ones raise every class to the largest class of
the whole training set, and the classifier is tested on the held-out traffic. In the paper's design, arm "full",
generators have learnt from the whole training set and augmenters see the available biflows only: generators know more
than they would in the situation that is simulated. Arm "subset" fits the generator on the available biflows alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.datasets.splits import first, fraction
from ntgbench.suites.scores import Scores, score
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from ntgbench.interfaces import Labels
    from ntgbench.suites.material import Material

Counts = npt.NDArray[np.int64]
"""Biflows of each class."""


def measure(material: Material) -> Scores:
    """Scores `name@5%` for a fraction of 5%, `name@5%,none` without synthetic biflows, `name@5%,subset` of that arm."""
    settings = material.protocol.augmentation
    metrics = material.of_suite("utility")
    seed = material.seed("classifier")
    few_at = {share: fraction(material.train, share, material.seed("fraction")) for share in settings.fractions}
    missing_at = {share: _missing(few, material.train) for share, few in few_at.items()}
    # A model that has learnt from everything is the same at every fraction, so its biflows are made once for all.
    pool = material.train.select([])
    if material.is_generator and "full" in settings.arms:
        most = np.max(list(missing_at.values()), axis=0)
        pool = material.sample(_labels(most), material.seed("augmentation", "full"))
    scores: Scores = {}
    for share, few in few_at.items():
        at = f"@{share * 100:g}%"
        scores.update(score(metrics, material.test, few, seed, f"{at},none"))
        for arm in settings.arms if material.is_generator else ("full",):
            if arm == "full" and material.is_generator:
                made = first(pool, missing_at[share])
            else:
                made = material.refit(few)(_labels(missing_at[share]), material.seed("augmentation", arm, at))
            augmented = Biflows.concat([few, made])
            scores.update(score(metrics, material.test, augmented, seed, at if arm == "full" else f"{at},{arm}"))
    return scores


def _missing(few: Biflows, train: Biflows) -> Counts:
    """How many biflows each class that `few` has lacks to the largest class of `train`, int64 (classes,)."""
    counts = few.class_counts()
    return np.where(counts > 0, train.class_counts().max() - counts, 0)


def _labels(counts: Counts) -> Labels:
    """So many labels of each class."""
    return np.repeat(np.arange(len(counts), dtype=np.int32), counts)
