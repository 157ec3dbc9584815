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

from ntgbench.scores import Scores, score
from ntgbench.tracks.biflows.splits import first, fraction
from ntgbench.tracks.biflows.utility import numbers
from ntgbench.traffic.biflows import Biflows

if TYPE_CHECKING:
    from ntgbench.row_schema import MetricValue
    from ntgbench.suites import SuiteInput
    from ntgbench.tracks.biflows.interfaces import Labels

Counts = npt.NDArray[np.int64]
"""Biflows of each class."""


def measure(given: SuiteInput) -> Scores:
    """Scores `name@5%` for a fraction of 5%, `name@5%,none` without synthetic biflows, `name@5%,subset` of that arm.

    `name@5%,gain` is the first minus the second, with its interval where the metric gives bootstrap samples: those of
    both are of the same biflows.
    """
    settings = given.settings
    metrics = given.metrics
    seed, learns = given.seed("classifier"), given.system.is_generator
    few_at = {share: fraction(given.train, share, given.seed("fraction")) for share in settings.fractions}
    missing_at = {share: _missing(few, given.train) for share, few in few_at.items()}
    # A model that has learnt from everything is the same at every fraction, so its biflows are made once for all.
    pool = given.train.select([])
    if learns and "full" in settings.arms:
        most = np.max(list(missing_at.values()), axis=0)
        pool = given.fitted().sample(_labels(most), seed=given.seed("augmentation", "full"))
    scores: Scores = {}
    drawn: dict[str, npt.NDArray[np.float64]] = {}
    for share, few in few_at.items():
        at = f"@{share * 100:g}%"
        scores.update(score(metrics, given.test, few, seed, f"{at},none", drawn=drawn))
        for arm in settings.arms if learns else ("full",):
            if arm == "full" and learns:
                made = first(pool, missing_at[share])
            else:
                made = given.refit(few).sample(_labels(missing_at[share]), seed=given.seed("augmentation", arm, at))
            augmented = Biflows.concat([few, made])
            here = at if arm == "full" else f"{at},{arm}"
            scores.update(score(metrics, given.test, augmented, seed, here, drawn=drawn))
            for metric in metrics:
                name, bare = f"{metric.name}{here}", f"{metric.name}{at},none"
                scores[f"{name},gain"] = _gain(scores[name], scores[bare], drawn.get(name), drawn.get(bare))
    return numbers(scores)


def _gain(with_synthetic: MetricValue, without: MetricValue, *drawn: npt.NDArray[np.float64] | None) -> MetricValue:
    """The first number minus the second; of a metric without a number, the reason."""
    failed = next((one for one in (with_synthetic, without) if one["value"] is None), None)
    gain: MetricValue = {**(failed or with_synthetic)}
    for key in ("primary", "low", "high"):
        gain.pop(key, None)  # type: ignore[misc]
    if with_synthetic["value"] is not None and without["value"] is not None:
        value = gain["value"] = with_synthetic["value"] - without["value"]
        if drawn[0] is not None and drawn[1] is not None and len(drawn[0]) == len(drawn[1]) > 0:
            low, high = np.quantile(drawn[0] - drawn[1], (0.025, 0.975))
            gain["low"], gain["high"] = min(float(low), value), max(float(high), value)
    return gain


def _missing(few: Biflows, train: Biflows) -> Counts:
    """How many biflows each class that `few` has lacks to the largest class of `train`, int64 (classes,)."""
    counts = few.class_counts()
    return np.where(counts > 0, train.class_counts().max() - counts, 0)


def _labels(counts: Counts) -> Labels:
    """So many labels of each class."""
    return np.repeat(np.arange(len(counts), dtype=np.int32), counts)
