"""How well classes were recognised: F1 scores and accuracy, with intervals by bootstrap over the biflows tested."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.interfaces import Confusion, Measured
from ntgbench.row_schema import MOST_SHOWN_CLASSES

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from ntgbench.traffic.biflows import Biflows

NAMES = ("macro_f1", "weighted_f1", "accuracy")

DRAWS = 1000
"""Bootstrap samples of an interval."""

FEWEST = 10
"""Sessions, or biflows where there are none, that an interval needs: fewer do not say how much they vary."""

_BLOCK = 4_000_000  # numbers in memory at a time while samples are drawn

Scores = npt.NDArray[np.float64]
"""Macro-F1, weighted F1 and accuracy in the last axis."""


def measured(tested: Biflows, predicted: npt.NDArray[Any], seed: int) -> dict[str, Measured]:
    """Macro-F1 with the confusion matrix, weighted F1 and accuracy of `predicted` labels (N,), each with its interval.

    F1 of a class is 2 TP / (2 TP + FP + FN), 0 when it is never predicted. Means are over the classes that `tested` has
    biflows of. More classes than a row can hold have no confusion matrix.
    """
    tally = tallied(tested, predicted)
    values, drawn = scores(tally.sum(axis=0)), resampled(tally, seed)
    found = {name: with_interval(float(values[i]), drawn[:, i]) for i, name in enumerate(NAMES)}
    return {**found, "macro_f1": replace(found["macro_f1"], confusion=_confusion(tested, predicted))}


def tallied(tested: Biflows, predicted: npt.NDArray[Any]) -> csr_array:
    """What scores are made of, (groups, 3 classes): of each class the hits, the biflows, and those taken for it.

    A group is a session, or a biflow where sessions are not known.
    """
    from scipy.sparse import csr_array

    size, rows = len(tested.classes), len(tested)
    group = np.arange(rows)
    if tested.session is not None:
        _, group = np.unique(tested.session, return_inverse=True)
    hit = predicted == tested.label
    places = (group[hit], group, group), (tested.label[hit], size + tested.label, 2 * size + predicted)
    row, column = (np.concatenate(part) for part in places)
    shape = (int(group.max(initial=-1)) + 1, 3 * size)
    return csr_array((np.ones(len(row)), (row, column)), shape=shape)


def scores(sums: npt.NDArray[np.float64]) -> Scores:
    """Scores (…, 3) of summed tallies (…, 3 classes)."""
    hit, true, taken = np.split(sums, 3, axis=-1)
    f1 = np.divide(2 * hit, true + taken, out=np.zeros_like(hit), where=true > 0)
    if sums.ndim == 1:  # the very sums of scikit-learn's f1_score and of numpy's averages
        f1, true = f1[true > 0], true[true > 0]
        return np.array([f1.mean(), np.average(f1, weights=true), hit.sum() / true.sum()])
    count = true.sum(axis=-1)
    macro = f1.sum(axis=-1) / np.count_nonzero(true, axis=-1)
    return np.stack([macro, (f1 * true).sum(axis=-1) / count, hit.sum(axis=-1) / count], axis=-1)


def resampled(tally: csr_array, seed: int) -> Scores:
    """Scores of bootstrap samples of the groups, (DRAWS, 3): those of one seed and number of groups are paired."""
    groups, width = tally.shape
    if groups < FEWEST:
        return np.empty((0, len(NAMES)))
    rng, columns = np.random.default_rng(seed), tally.T.tocsr()
    at_once = max(_BLOCK // max(groups, width), 1)
    parts = []
    for begin in range(0, DRAWS, at_once):
        draws = min(at_once, DRAWS - begin)
        drawn = rng.integers(0, groups, (draws, groups)) + groups * np.arange(draws)[:, None]
        times = np.bincount(drawn.ravel(), minlength=draws * groups).reshape(draws, groups)
        parts.append(scores((columns @ times.T.astype(np.float64)).T))
    return np.concatenate(parts)


def with_interval(value: float, drawn: npt.NDArray[np.float64]) -> Measured:
    """The value with the 2.5% and 97.5% quantiles of what bootstrap samples gave; none where nothing was drawn."""
    if not len(drawn):
        return Measured(value)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Measured(value, min(float(low), value), max(float(high), value), drawn=drawn)


def _confusion(tested: Biflows, predicted: npt.NDArray[Any]) -> Confusion | None:
    size = len(tested.classes)
    if size > MOST_SHOWN_CLASSES:
        return None
    cells = np.bincount(tested.label.astype(np.int64) * size + predicted, minlength=size * size)
    return Confusion(tested.classes, cells.reshape(size, size))
