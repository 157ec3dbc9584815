"""Fidelity metrics on 80,000 biflows of 53 classes on either side, against plain Python in the same session.

Each group has two rows, ours and plain; the ratio of their times is the figure that counts.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from ntgbench_fidelity.divergence import binned, raw
from ntgbench_fidelity.uniqueness import uniqueness

from benchmarks.traffic import made_up_biflows

TESTS = Path(__file__).parents[1] / "plugins" / "ntgbench-fidelity" / "tests"

REAL, SYNTHETIC = (made_up_biflows(80_000, 53, seed) for seed in (1, 2))

each_measure = pytest.mark.parametrize("measure", [binned, raw, uniqueness], ids=lambda measure: measure.__name__)


@pytest.fixture(scope="module")
def plain() -> Any:
    spec = importlib.util.spec_from_file_location("plain_fidelity", TESTS / "plain_fidelity.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@each_measure
def bench_ours(benchmark, measure):
    benchmark.group = measure.__name__
    benchmark(measure, REAL, SYNTHETIC, 0)


@each_measure
def bench_plain(benchmark, measure, plain):
    benchmark.group = measure.__name__
    expected = benchmark.pedantic(getattr(plain, measure.__name__), (REAL, SYNTHETIC))
    assert measure(REAL, SYNTHETIC, 0) == pytest.approx(expected, abs=1e-12, rel=0)
