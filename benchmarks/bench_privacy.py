"""Privacy metrics on 80,000 training, 20,000 held-out and 80,000 synthetic biflows of 53 classes.

The area and the rate are timed in turn with scikit-learn's, whose area and curve take two calls.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ntgbench_privacy.copies import copies
from ntgbench_privacy.curves import Curve
from ntgbench_privacy.membership import membership
from sklearn.metrics import roc_auc_score, roc_curve

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows
from ntgbench.interfaces import Exposed
from ntgbench.traffic.biflows import Biflows


def sessions_of(biflows: Biflows, first: int) -> Biflows:
    """The biflows in sessions of about 20 biflows of one class."""
    return replace(biflows, session=(first + np.arange(len(biflows)) // 20).astype(np.int32))


TRAIN, TEST = sessions_of(made_up_biflows(80_000, 53, 1), 0), sessions_of(made_up_biflows(20_000, 53, 2), 10_000)
REAL, SYNTHETIC = Exposed(TRAIN, TEST), made_up_biflows(80_000, 53, 3)


@pytest.mark.parametrize("measure", [membership, copies], ids=lambda measure: measure.__name__)
def bench_ours(benchmark, measure):
    found = benchmark.pedantic(measure, (REAL, SYNTHETIC, 0), rounds=2)
    assert not any(isinstance(one, str) for one in found.values())


def bench_curve(benchmark):
    rng = np.random.default_rng(0)
    member = np.arange(40_000) < 20_000
    score, weight = rng.normal(size=40_000).round(2), rng.random(40_000)
    curve = Curve(score, member)

    def theirs() -> tuple[float, float]:
        false, true, _ = roc_curve(member, score, sample_weight=weight)
        return float(roc_auc_score(member, score, sample_weight=weight)), float(np.interp(0.01, false, true))

    assert curve.measure(weight) == pytest.approx(theirs(), abs=1e-9)
    in_turn(benchmark, lambda: curve.measure(weight), theirs, rounds=20)
