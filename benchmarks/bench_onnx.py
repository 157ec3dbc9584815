"""Token generators in ONNX Runtime beside our own steps in numpy, sampling on one thread, both in turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows
from ntgbench import systems
from ntgbench.interfaces import Budget, Context
from ntgbench.systems import choose

TRAIN = made_up_biflows(2000, classes=5, seed=1)


@pytest.fixture(scope="module", params=["llama", "mamba"])
def folder(request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the paper's size, hardly trained."""
    folder = tmp_path_factory.mktemp(request.param)
    choose(request.param).fit(TRAIN, Context(seed=1, budget=Budget(epochs=1))).save(folder)
    return folder


@pytest.mark.parametrize(("batch", "rounds"), [(1, 50), (512, 5)])
@pytest.mark.parametrize("name", ["onnx", "onnx-int8"])
def bench_sampling(benchmark, folder: Path, name: str, batch: int, rounds: int, tmp_path: Path) -> None:
    """Ours is ONNX Runtime, theirs our own steps in numpy; the aim is a ratio of 1, and more in int8."""
    base = systems.load(folder)
    system = choose(f"{base.system.spec.name}-{name}")
    generator = system.fit(TRAIN, Context(seed=1, base=folder / systems.MODEL_FOLDER)).built
    generator.save(tmp_path)
    benchmark.extra_info |= {"megabytes": sum(path.stat().st_size for path in tmp_path.iterdir()) / 1e6}
    labels = np.resize(np.arange(5, dtype=np.int32), batch)
    # The same numbers for both: biflows of the same lengths, but for a rare token.
    ours, theirs = np.random.default_rng(1), np.random.default_rng(1)
    in_turn(benchmark, lambda: generator.sample(labels, ours), lambda: base.built.sample(labels, theirs), rounds)
