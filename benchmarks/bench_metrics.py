"""Fidelity metrics on 80,000 biflows of 53 classes on either side, against plain Python in the same session.

Each measure has two rows, ours and plain; compare the ratio of their times. Those that take minutes in plain Python
have one, ours. Utility metrics, on fewer biflows, are timed in turn with scikit-learn.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntgbench_fidelity import ngrams
from ntgbench_fidelity.coverage import coverage
from ntgbench_fidelity.divergence import binned, raw
from ntgbench_fidelity.positions import by_position, kmarginal
from ntgbench_fidelity.uniqueness import uniqueness
from ntgbench_utility.forest import train_on_synthetic
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows

TESTS = Path(__file__).parents[1] / "plugins" / "ntgbench-fidelity" / "tests"

REAL, SYNTHETIC = (made_up_biflows(80_000, 53, seed) for seed in (1, 2))

MEASURES = {
    "binned": binned,
    "raw": raw,
    "uniqueness": uniqueness,
    "by_position": by_position,
}
"""By the name that plain_fidelity.py has for them."""

OURS = {
    **MEASURES,
    "long_binned": ngrams.binned,
    "long_raw": ngrams.raw,
    "kmarginal": kmarginal,
    "coverage": coverage,
}


@pytest.fixture(scope="module")
def plain() -> Any:
    spec = importlib.util.spec_from_file_location("plain_fidelity", TESTS / "plain_fidelity.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", OURS)
def bench_ours(benchmark, name):
    benchmark.group = name
    benchmark(OURS[name], REAL, SYNTHETIC, 0)


@pytest.mark.long
@pytest.mark.parametrize("name", MEASURES)
def bench_plain(benchmark, name, plain):
    benchmark.group = name
    expected = benchmark.pedantic(getattr(plain, name), (REAL, SYNTHETIC))
    assert MEASURES[name](REAL, SYNTHETIC, 0) == pytest.approx(expected, abs=1e-12, rel=0)


def bench_forest(benchmark):
    """1,000 biflows of 20 classes on either side, against scikit-learn's forest and scores on one thread."""
    real, synthetic = (made_up_biflows(1_000, 20, seed) for seed in (1, 2))
    classes = np.unique(real.label)

    def theirs() -> dict[str, float]:
        found = RandomForestClassifier(random_state=0).fit(synthetic.signed_pl, synthetic.label).predict(real.signed_pl)
        scores = {
            f"{mean}_f1": f1_score(real.label, found, labels=classes, average=mean) for mean in ("macro", "weighted")
        }
        return scores | {"accuracy": accuracy_score(real.label, found)}

    ours = {name: found.value for name, found in train_on_synthetic(real, synthetic, 0).items()}
    assert ours == pytest.approx(theirs())
    in_turn(benchmark, lambda: train_on_synthetic(real, synthetic, 0), theirs, rounds=2)
