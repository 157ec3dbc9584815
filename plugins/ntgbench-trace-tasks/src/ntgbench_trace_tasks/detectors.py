"""The other detectors of CascadeNet's evaluation, on the same representations of flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench_trace_tasks.flow_rows import Labels, f1, judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_trace_tasks.representations import Numbers, Rows

ANOMALOUS = 0.1
"""Share of the real flows that the detector trained on them calls anomalous."""

BLOCK = 1000
"""Rows whose distances to all training rows are in memory at a time."""


def detect(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:
    """F1 of a detector trained on synthetic flows, with that of real flows as truth; both judge the real flows.

    Returns `f1_REPRESENTATION_DETECTOR` in 0..1 for each representation and each of `DETECTORS` and the auto-encoder,
    and `@ref` on headers alone. "Normal" is positive for the isolation forest, "anomalous" for the others, as in
    CascadeNet's evaluation (README, "Other detectors"). At most 4,000 flows of at least two packets from each trace,
    drawn by `seed`. A text instead when a trace has no flow of two packets.
    """
    from threadpoolctl import threadpool_limits

    from ntgbench_trace_tasks.autoencoder import reconstruction_errors

    def judge(real_rows: Rows, synthetic_rows: Rows, true: bool) -> dict[str, float]:
        # Equal rows are judged once: rounding must not tell them apart.
        distinct, inverse = np.unique(real_rows, axis=0, return_inverse=True)
        found = {"_iforest": f1(*(_normal(rows, distinct)[inverse] for rows in (synthetic_rows, real_rows)))}
        mean, spread = synthetic_rows.mean(0), synthetic_rows.std(0)
        spread[spread == 0] = 1
        training = [(rows - mean) / spread for rows in (synthetic_rows, real_rows)]
        distinct = (distinct - mean) / spread
        for name, scores in DETECTORS.items():
            found[f"_{name}"] = _f1_of_scores(*(scores(rows, distinct)[inverse] for rows in training))
        if true:
            errors = (reconstruction_errors(rows, distinct, seed)[inverse] for rows in training)
            found["_ae"] = _f1_of_scores(*errors)
        return found

    with threadpool_limits(1):
        values = judged(real, synthetic, seed, [f"_{name}" for name in ("iforest", *DETECTORS, "ae")], judge)
    # The reference's network is not seeded, and linear by an oversight.
    return {name: value for name, value in values.items() if not name.endswith("_ae@ref")}


def _f1_of_scores(synthetic: Rows, real: Rows) -> float:
    """F1 of scores above the 90th percentile of `real`."""
    threshold = np.percentile(real, 100 * (1 - ANOMALOUS))
    return f1(synthetic > threshold, real > threshold)


def _normal(training: Rows, judged: Rows) -> Labels:
    """Which rows an isolation forest of 100 trees calls normal; it calls 10% of its training rows anomalous."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=100, contamination=ANOMALOUS, random_state=0).fit(training)
    normal: Labels = forest.decision_function(judged) >= 0
    return normal


def gmm(training: Rows, judged: Rows) -> Rows:
    """Negative log-likelihood under one Gaussian whose covariance has 10^6 added to its diagonal, as in the reference.

    So large a number makes it the distance to the mean, nearly.
    """
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(n_components=1, reg_covar=1e6, random_state=0, init_params="random").fit(training)
    return np.asarray(-mixture.score_samples(judged))


def pca(training: Rows, judged: Rows) -> Rows:
    """Distance to the first principal axis's unit vector, divided by its share of the variance, as PyOD's PCA has it.

    Rows are standardised by the training rows first. The axis points to where the farthest training row lies.
    """
    mean, spread = training.mean(0), training.std(0)
    spread[spread == 0] = 1
    training, judged = (training - mean) / spread, (judged - mean) / spread
    variance, axes = np.linalg.eigh(training.T @ training)
    along = training @ axes[:, -1]
    axis = axes[:, -1] * (1 if along[np.abs(along).argmax()] >= 0 else -1)
    share = variance[-1] / variance.sum() if variance.sum() > 0 else 1.0
    return np.asarray(np.linalg.norm(judged - axis, axis=1) / share)


def kde(training: Rows, judged: Rows) -> Rows:
    """Negative logarithm of a Gaussian kernel density of bandwidth 1, without its constant factor."""
    from scipy.spatial.distance import cdist
    from scipy.special import logsumexp

    rows, times = np.unique(training, axis=0, return_counts=True)
    scores = [
        -logsumexp(cdist(judged[begin : begin + BLOCK], rows, "sqeuclidean") / -2, axis=1, b=times)
        for begin in range(0, len(judged), BLOCK)
    ]
    return np.concatenate(scores) + np.log(len(training))


DETECTORS: dict[str, Callable[[Rows, Rows], Rows]] = {"gmm": gmm, "pca": pca, "kde": kde}
"""By name: scores of rows, float64 (rows,), higher is more anomalous, by a detector fitted on training rows."""
