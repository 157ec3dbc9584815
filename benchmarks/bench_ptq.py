"""The int8 quantisations of LLaMA beside LLaMA itself in float32, sampling on one thread, both in turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ntgbench_ptq.generator import DynamicActivation, Quantized, WeightOnly

from benchmarks.in_turn import in_turn
from benchmarks.processors import needs_int8
from benchmarks.traffic import made_up_biflows
from ntgbench import NoParameters, systems
from ntgbench.interfaces import Budget, Context
from ntgbench.systems import FittedSystem, choose

TRAIN = made_up_biflows(2000, classes=5, seed=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaMA of the paper's size, hardly trained."""
    folder = tmp_path_factory.mktemp("llama")
    choose("llama").fit(TRAIN, Context(seed=1, budget=Budget(epochs=1))).save(folder)
    return folder


@pytest.fixture(scope="module")
def plain(folder: Path) -> FittedSystem:
    """It in float32."""
    return systems.load(folder)


@pytest.mark.parametrize(("batch", "rounds"), [(1, 50), (256, 3)])
@pytest.mark.parametrize("scheme", [WeightOnly, pytest.param(DynamicActivation, marks=needs_int8)])
def bench_sampling(
    benchmark, folder: Path, plain: FittedSystem, scheme: type[Quantized], batch: int, rounds: int
) -> None:
    """Ours is the quantised model, run by transformers; theirs is ours in float32, whose steps are in numpy."""
    generator = scheme(NoParameters())
    generator.fit(TRAIN, Context(seed=1, base=folder / systems.MODEL_FOLDER))
    labels = np.resize(np.arange(5, dtype=np.int32), batch)
    # The same numbers for both: biflows of the same lengths, but for a rare token.
    in_turn(
        benchmark,
        lambda: generator.sample(labels, np.random.default_rng(1)),
        lambda: plain.built.sample(labels, np.random.default_rng(1)),
        rounds,
    )


@pytest.mark.parametrize("scheme", [WeightOnly, DynamicActivation])
def bench_size(benchmark, folder: Path, scheme: type[Quantized], tmp_path: Path) -> None:
    """Size on disk, in 10^6 bytes."""
    generator = scheme(NoParameters())
    generator.fit(TRAIN, Context(seed=1, base=folder / systems.MODEL_FOLDER))
    benchmark.pedantic(generator.save, (tmp_path,), rounds=1)
    size = sum(path.stat().st_size for path in tmp_path.iterdir()) / 1e6
    benchmark.extra_info |= {"megabytes": size}
    print(f"{size:.3f} MB")
