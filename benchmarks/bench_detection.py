"""Metrics that fit classifiers, and held-out bits, on 80,000 biflows of 53 classes on either side.

On fewer biflows, detection is timed in turn with scikit-learn's cross-validation of the same classifier on all rows.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from ntgbench_detection.agreement import agreement
from ntgbench_detection.detection import detection
from ntgbench_detection.features import features
from ntgbench_fidelity.likelihood import heldout_bits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows
from ntgbench.interfaces import Context
from ntgbench.systems import choose

REAL, SYNTHETIC = (made_up_biflows(80_000, 53, seed) for seed in (1, 2))


@pytest.mark.parametrize("measure", [detection, agreement], ids=lambda measure: measure.__name__)
def bench_large(benchmark, measure):
    begun = time.process_time()
    benchmark.pedantic(measure, (REAL, SYNTHETIC, 0))
    benchmark.extra_info["cpu_seconds"] = time.process_time() - begun


@pytest.mark.parametrize("order", [1, 3])
def bench_bits(benchmark, order):
    """A chain's likelihoods of 80,000 biflows, and the score of them."""
    chain = choose(f"markov[order={order}]").fit(SYNTHETIC, Context(seed=0))
    benchmark(lambda: heldout_bits(REAL, SYNTHETIC, 0, chain.log_likelihood(REAL)))


def bench_detection_in_turn(benchmark):
    """2,000 biflows of 10 classes on either side."""
    real, synthetic = (made_up_biflows(2_000, 10, seed) for seed in (1, 2))

    def theirs() -> float:
        rows = np.concatenate([real.signed_pl, synthetic.signed_pl])
        side, group = np.repeat([0, 1], 2_000), np.unique(rows, axis=0, return_inverse=True)[1]
        model = HistGradientBoostingClassifier(early_stopping=False)
        folds = {"groups": group, "cv": GroupKFold(5), "method": "decision_function"}
        return float(roc_auc_score(side, cross_val_predict(model, features(rows), side, **folds)))

    in_turn(benchmark, lambda: detection(real, synthetic, 0), theirs, rounds=2)
