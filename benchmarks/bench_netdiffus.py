"""NetDiffus-NR: images there and back beside scipy, few steps beside all, bfloat16 beside float32, on one thread."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ntgbench_netdiffus.generator import NetDiffusGenerator
from ntgbench_netdiffus.parameters import NetDiffusParameters
from scipy.optimize import least_squares

from benchmarks.in_turn import in_turn
from benchmarks.processors import needs_bfloat16
from benchmarks.traffic import made_up_biflows
from benchmarks.training_step import training_step
from ntgbench.interfaces import Budget, Context
from ntgbench.mapping.image import ImageMapping

TRAIN = made_up_biflows(256, classes=5, seed=1)


def fitted(folder, **settings) -> NetDiffusGenerator:
    """A generator of the paper's size that `folder` holds the weights of."""
    generator = NetDiffusGenerator(NetDiffusParameters(**settings))
    generator.load(folder)
    return generator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """A model of the paper's size, hardly trained: what is measured does not depend on what it has learnt."""
    path = tmp_path_factory.mktemp("netdiffus")
    generator = NetDiffusGenerator(NetDiffusParameters(epochs=1))
    generator.fit(TRAIN, Context(seed=1, budget=Budget(epochs=1)))
    generator.save(path)
    return path


def bench_images_back(benchmark) -> None:
    """200 noisy images read by least squares, against scipy's `least_squares` for one after the other."""
    mapping = ImageMapping(10, 1460)
    images = mapping.encode(TRAIN.signed_pl[:200])
    images = images + np.random.default_rng(1).normal(0, 0.02, images.shape)
    fields = np.clip((images + images.transpose(0, 2, 1)) / 2, -1, 1)
    start = np.clip(np.arccos(np.diagonal(fields, axis1=1, axis2=2)) / 2, 1e-6, np.pi / 2 - 1e-6)

    def residual(angles: np.ndarray, field: np.ndarray) -> np.ndarray:
        return (np.cos(angles[:, None] + angles) - field).ravel()

    def theirs() -> list[np.ndarray]:
        return [
            least_squares(residual, guess, bounds=(0, np.pi / 2), args=(field,)).x
            for guess, field in zip(start, fields, strict=True)
        ]

    in_turn(benchmark, lambda: mapping.decode(images), theirs, rounds=3)


def bench_images_there(benchmark) -> None:
    """256 biflows made images, against reading them back."""
    mapping = ImageMapping(10, 1460)
    images = mapping.encode(TRAIN.signed_pl)
    in_turn(benchmark, lambda: mapping.encode(TRAIN.signed_pl), lambda: mapping.decode(images), rounds=30)


@pytest.mark.parametrize("batch", [1, 32, pytest.param(256, marks=pytest.mark.long)])
def bench_sampling(benchmark, folder, batch: int) -> None:
    """Few steps against the paper's 100; the aim is 10 times as fast."""
    few, all_steps = fitted(folder), fitted(folder, sampler="ancestral")
    labels, rng = np.resize(np.arange(5, dtype=np.int32), batch), np.random.default_rng(1)
    rounds = 5 if batch == 1 else 2
    in_turn(benchmark, lambda: few.sample(labels, rng), lambda: all_steps.sample(labels, rng), rounds)


@needs_bfloat16
def bench_sampling_precision(benchmark, folder) -> None:
    """256 biflows in bfloat16 against float32."""
    ours, theirs = fitted(folder, sampling_precision="bfloat16"), fitted(folder)
    labels, rng = np.resize(np.arange(5, dtype=np.int32), 256), np.random.default_rng(1)
    in_turn(benchmark, lambda: ours.sample(labels, rng), lambda: theirs.sample(labels, rng), rounds=3)


@needs_bfloat16
def bench_training_step(benchmark, folder) -> None:
    """A step of the default batch in bfloat16 against float32."""
    generator = fitted(folder)
    rows = generator._rows(TRAIN)[: generator.parameters.batch]
    loss = generator._loss(torch.device("cpu"))
    generator.model.train()
    ours, theirs = (
        training_step(generator.model, lambda: loss(rows)[0], bfloat16=bfloat16) for bfloat16 in (True, False)
    )
    in_turn(benchmark, ours, theirs, rounds=5)
