"""A classifier two-sample test: how well can a classifier tell synthetic biflows from real ones?

Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017, arXiv 1610.06545; the area under the
ROC curve in place of the accuracy, which needs no threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from ntgbench.interfaces import Measured
from ntgbench.tracks.biflows.splits import equal_counts
from ntgbench_detection.features import Features, features, require_same_form, sample

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows

FOLDS = 5
"""Parts of the biflows; each is scored by a classifier that has learnt from the others."""

DRAWS = 200
"""Draws of the bootstrap."""

WIDENED = math.sqrt(1 + FOLDS / (FOLDS - 1))
"""Times the interval of the bootstrap: it keeps the classifiers as they are fitted, and they vary too. With K folds the
variance of a mean over folds is not 1/K of a fold's but 1/K + 1/(K - 1), the sizes of the parts tested and learnt from.
Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003."""

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Groups:
    """Distinct biflows of both sides.

    Attributes:
        features: (G, F). What the classifier is told of each.
        real, synthetic: int64 (G,). How often each occurs on each side.
    """

    features: Features
    real: Counts
    synthetic: Counts


def detection(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, Measured | str]:
    """detection_auc: the area under the ROC curve of a classifier that tells synthetic biflows (1) from real ones (0).

    0.5 means that it cannot tell them apart, 1 that it always can. Both sides are cut to equal counts of each class,
    and to at most `MOST_BIFLOWS`; a class without synthetic biflows keeps its real ones. Classes are not told to the
    classifier. It is `HistGradientBoostingClassifier` of scikit-learn on `features`, cross-fitted by `scores`, which
    holds equal biflows together. Biflows of a session are not held together: nearly all sessions have some biflow in
    common with others, so the folds could not be told apart. Where sessions differ from each other, real traffic of
    other sessions is therefore above 0.5, which the real-vs-real floor shows.

    Returns:
        The area, 0..1, with a 95% interval by a bootstrap over distinct biflows, made wider by `WIDENED` for what other
        classifiers would change; a text when there are too few distinct biflows for that.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.
    """
    require_same_form(real, synthetic)
    rng = np.random.default_rng(seed)
    real, synthetic = (sample(side, rng) for side in equal_counts(real, synthetic, seed))
    if not len(synthetic):
        return {"detection_auc": "no class has both real and synthetic biflows"}
    return {"detection_auc": detected(grouped(real, synthetic), seed)}


def grouped(real: Biflows, synthetic: Biflows) -> Groups:
    """The distinct biflows of both sides, in the order of their values."""
    both = np.concatenate([real.signed_pl, synthetic.signed_pl])
    rows, group = np.unique(both, axis=0, return_inverse=True)
    counts = (np.bincount(side, minlength=len(rows)) for side in np.split(group, [len(real)]))
    return Groups(features(rows), *counts)


def detected(groups: Groups, seed: int) -> Measured | str:
    """The area under the ROC curve of `scores`, with its interval; a text when there are fewer groups than folds."""
    if len(groups.real) < FOLDS:
        return f"there are fewer than {FOLDS} distinct biflows"
    found = scores(groups, seed)
    order = np.argsort(found, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(found[order])), len(order) - 1)
    real, synthetic = groups.real[order].astype(np.float64), groups.synthetic[order].astype(np.float64)
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        times = np.bincount(rng.integers(len(order), size=len(order)), minlength=len(order))
        drawn.append(area(real * times, synthetic * times, ends))
    value = area(real, synthetic, ends)
    low, high = np.clip(value + WIDENED * (np.quantile(drawn, [0.025, 0.975]) - value), 0, 1)
    return Measured(value, min(float(low), value), max(float(high), value))


def scores(groups: Groups, seed: int) -> Floats:
    """How synthetic each distinct biflow looks, float64 (G,), to a classifier that has not seen it.

    The groups are dealt out to `FOLDS` folds of nearly as many biflows each; each fold's classifier learns from the
    others.
    """
    fold, found = dealt(groups.real + groups.synthetic, seed), np.zeros(len(groups.real))
    told = Parallel(n_jobs=-1, prefer="threads")(delayed(_told)(groups, fold == out, seed) for out in range(FOLDS))
    for out in range(FOLDS):
        found[fold == out] = told[out]
    return found


def _told(groups: Groups, out: npt.NDArray[np.bool_], seed: int) -> Floats:
    """The scores of the groups in `out` by a classifier that has learnt from the others; 0 if these are of one side."""
    rows = [np.repeat(np.flatnonzero(~out), side[~out]) for side in (groups.real, groups.synthetic)]
    if not all(map(len, rows)):
        return np.zeros(np.count_nonzero(out))
    # Stopping early would take a random part of the training set, which could share biflows with the rest.
    model = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
    # Each fold in one thread: threads that share a tree wait for each other at every node.
    with threadpool_limits(1, "openmp"):
        model.fit(groups.features[np.concatenate(rows)], np.repeat([0, 1], list(map(len, rows))))
        found: Floats = model.decision_function(groups.features[out])
    return found


def dealt(size: Counts, seed: int) -> Counts:
    """The fold of each group, int64 (G,), given their sizes: the largest first, each to the smallest fold so far."""
    name = np.random.default_rng(seed).permutation(len(size))
    group, fold = np.repeat(name, size), np.empty(len(size), np.int64)
    for number, (_, out) in enumerate(GroupKFold(FOLDS).split(group, groups=group)):
        fold[group[out]] = number
    return fold[name]


def area(real: Floats, synthetic: Floats, ends: Counts) -> float:
    """The area under the ROC curve, 0..1; ties count half (Mann-Whitney), and 0.5 where a side has no weight.

    The weights of both sides, (G,), are in ascending order of score; `ends` are the last indices of runs of one score.
    """
    below, above = (np.append(0.0, side.cumsum()[ends]) for side in (real, synthetic))
    whole = below[-1] * above[-1]
    return float(np.trapezoid(below, above) / whole) if whole else 0.5
