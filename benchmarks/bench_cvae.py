"""The autoencoder: its training step beside torch's default AdamW, sampling beside one biflow after the other."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from ntgbench_cvae.generator import CvaeGenerator
from ntgbench_cvae.parameters import CvaeParameters

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows
from benchmarks.training_step import training_step
from ntgbench.interfaces import Budget, Context

TRAIN = made_up_biflows(512, classes=5, seed=1)


@pytest.fixture(scope="module")
def ours() -> CvaeGenerator:
    """The paper's size, hardly trained: what is measured does not depend on what it has learnt."""
    generator = CvaeGenerator(CvaeParameters())
    generator.fit(TRAIN, Context(seed=1, budget=Budget(epochs=1)))
    return generator


@pytest.mark.parametrize("batch", [1, 256])
def bench_training_step(benchmark, ours: CvaeGenerator, batch: int) -> None:
    """Against AdamW as torch makes it by default, on the same loss."""
    rows = ours._rows(TRAIN)[:batch]
    steps = [
        training_step(model, lambda model=model: model.loss(rows)[0], fused=fused)
        for model, fused in ((deepcopy(ours.model), True), (deepcopy(ours.model), False))
    ]
    in_turn(benchmark, *steps, rounds=50)


@pytest.mark.parametrize("batch", [1, 2048])
def bench_sampling(benchmark, ours: CvaeGenerator, batch: int) -> None:
    """Against decoding one biflow after the other, packet by packet, as the definition says it."""
    labels, rng = np.resize(np.arange(5, dtype=np.int32), batch), np.random.default_rng(1)

    @torch.no_grad()
    def plain() -> list[list[int]]:
        biflows = []
        for label in labels.tolist():
            one_hot = torch.zeros(1, ours.classes)
            one_hot[0, label] = 1.0
            values, presence = ours.model.decode(torch.randn(1, ours.parameters.latent), one_hot)
            there, biflow = presence.sigmoid()[0].tolist(), []
            for packet, value in enumerate(values[0].tolist()):
                if packet and there[packet] <= rng.random():
                    break
                size = min(max(round(abs(value) * ours.pl_max), 1), ours.pl_max)
                biflow.append(-size if value < 0 else size)
            biflows.append(biflow)
        return biflows

    in_turn(benchmark, lambda: ours.sample(labels, rng), plain, rounds=100 if batch == 1 else 3)
