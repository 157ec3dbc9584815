"""The other detectors of CascadeNet's evaluation, on the same representations of flows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ntgbench_trace_tasks.flow_rows import f1, judged
from ntgbench_trace_tasks.representations import Rows

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Detector = Callable[[Rows, Rows, int], Rows]
"""`detector(training rows, rows, seed)`: scores, float64 (rows,), the more anomalous the higher."""

ANOMALOUS = 0.1
"""Share of the real flows that the detector trained on them calls anomalous."""

BLOCK = 1000
"""Rows whose distances to all training rows are in memory at a time."""


def detect(detector: Detector, real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:
    """F1 of a detector trained on synthetic flows, with that of real flows as truth; both judge the real flows.

    CascadeNet's evaluation (README, "Other detectors"). At most 3,500 flows of at least two packets from each trace,
    drawn by `seed`. Columns are standardised by the synthetic rows, except for the isolation forest.

    Returns for each representation `f1_REPRESENTATION_DETECTOR` in 0..1, and `@ref` on headers alone, except for the
    auto-encoder, whose reference is not seeded. "Normal" is positive for the isolation forest, "anomalous" for the
    others. A text instead when a trace has no flow of two packets.
    """
    from threadpoolctl import threadpool_limits

    key, is_forest = f"_{detector.__name__}", detector is iforest

    def judge(real_rows: Rows, synthetic_rows: Rows, true: bool) -> dict[str, float]:
        if detector is ae and not true:
            return {}
        sides = [synthetic_rows, real_rows]
        if not is_forest:
            mean, spread = _moments(synthetic_rows)
            sides = [(rows - mean) / spread for rows in sides]
        # Equal rows are judged once: rounding must not tell them apart.
        distinct, inverse = np.unique(sides[1], axis=0, return_inverse=True)
        of_synthetic, of_real = (detector(rows, distinct, seed)[inverse] for rows in sides)
        if is_forest:
            return {key: f1(of_synthetic <= 0, of_real <= 0)}
        threshold = np.percentile(of_real, 100 * (1 - ANOMALOUS))
        return {key: f1(of_synthetic > threshold, of_real > threshold)}

    with threadpool_limits(1):
        values = judged(real, synthetic, seed, (key,), judge)
    return {name: value for name, value in values.items() if detector is not ae or "@" not in name}


def iforest(training: Rows, judged: Rows, seed: int) -> Rows:  # noqa: ARG001
    """An isolation forest of 100 trees; above 0 where it calls a row anomalous, as it does 10% of its training rows."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=100, contamination=ANOMALOUS, random_state=0).fit(training)
    return np.asarray(-forest.decision_function(judged))


def gmm(training: Rows, judged: Rows, seed: int) -> Rows:  # noqa: ARG001
    """Negative log-likelihood under one Gaussian whose covariance has 10^6 added to its diagonal, as in the reference.

    So large a number makes it the distance to the mean, nearly.
    """
    from sklearn.mixture import GaussianMixture

    training = np.repeat(training, 2, axis=0) if len(training) == 1 else training  # scikit-learn wants two
    mixture = GaussianMixture(n_components=1, reg_covar=1e6, random_state=0, init_params="random").fit(training)
    return np.asarray(-mixture.score_samples(judged))


def pca(training: Rows, judged: Rows, seed: int) -> Rows:  # noqa: ARG001
    """Distance to the first principal axis's unit vector, divided by its share of the variance, as PyOD's PCA has it.

    Rows are standardised by the training rows first. The axis points to where the farthest training row lies.
    """
    mean, spread = _moments(training)
    training, judged = (training - mean) / spread, (judged - mean) / spread
    variance, axes = np.linalg.eigh(training.T @ training)
    along = training @ axes[:, -1]
    axis = axes[:, -1] * (1 if along[np.abs(along).argmax()] >= 0 else -1)
    share = variance[-1] / variance.sum() if variance[-1] > 0 else 1.0
    return np.asarray(np.linalg.norm(judged - axis, axis=1) / share)


def kde(training: Rows, judged: Rows, seed: int) -> Rows:  # noqa: ARG001
    """Negative logarithm of a Gaussian kernel density of bandwidth 1, without its constant factor."""
    from scipy.spatial.distance import cdist

    rows, times = np.unique(training, axis=0, return_counts=True)
    scores = []
    for begin in range(0, len(judged), BLOCK):
        distance = cdist(judged[begin : begin + BLOCK], rows, "sqeuclidean")
        nearest = distance.min(axis=1)
        distance -= nearest[:, None]
        distance /= -2
        scores.append(nearest / 2 - np.log(np.exp(distance, out=distance) @ times))
    return np.asarray(np.concatenate(scores) + np.log(len(training)))


def ae(training: Rows, judged: Rows, seed: int) -> Rows:
    """What an auto-encoder misses of each row."""
    from ntgbench_trace_tasks.autoencoder import reconstruction_errors

    return reconstruction_errors(training, judged, seed)


def _moments(rows: Rows) -> tuple[Rows, Rows]:
    """Mean and standard deviation of each column, 1 for one that does not vary."""
    mean, spread = rows.mean(0), rows.std(0)
    spread[spread == 0] = 1
    return mean, spread


f1_iforest, f1_gmm, f1_pca, f1_kde, f1_ae = (partial(detect, detector) for detector in (iforest, gmm, pca, kde, ae))
