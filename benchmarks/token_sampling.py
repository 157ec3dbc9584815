"""Sampling of a token model beside transformers' `generate`, in turn, on one thread."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows
from ntgbench import systems
from ntgbench.interfaces import Budget, Context
from ntgbench.learning.sampling import Sampler
from ntgbench.learning.token_generator import TokenGenerator
from ntgbench.mapping.tokens import EOS, PAD

Generator = TypeVar("Generator", bound=TokenGenerator)

TRAIN = made_up_biflows(256, classes=5, seed=1)


def hardly_trained(generator: Generator, request: pytest.FixtureRequest) -> Generator:
    """What speeds are measured on: `generator` after an epoch of little traffic, or what --fitted asks for.

    What hardly anything has been learnt from is the worst case for sampling: no biflows begin alike, and each costs
    the model all its steps.
    """
    folder: Path | None = request.config.getoption("fitted")
    if folder is None:
        generator.fit(TRAIN, Context(seed=1, budget=Budget(epochs=1)))
        return generator
    fitted = systems.load(folder).built
    if not isinstance(fitted, type(generator)):
        pytest.skip(f"{folder} holds no {generator.kind}")
    return fitted


def beside_generate(benchmark, sampler: Sampler, theirs: PreTrainedModel, batch: int, rounds: int) -> None:
    """Time `batch` biflows of all packets, over all tokens, by `sampler` and by `generate` of the same model."""
    labels = np.resize(np.arange(sampler.mapping.classes, dtype=np.int32), batch)
    prompt = torch.from_numpy(sampler.mapping.class_tokens(labels))[:, None]
    packets = sampler.mapping.packets
    settings = {
        "do_sample": True,
        "top_k": 0,
        "min_new_tokens": packets,
        "max_new_tokens": packets,
        "suppress_tokens": [PAD, *range(2, sampler.mapping.first_value)],
    }
    sampler.possible = torch.full_like(sampler.possible, -torch.inf)  # no end either

    def theirs_sample() -> torch.Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return theirs.generate(prompt, attention_mask=torch.ones_like(prompt), pad_token_id=PAD, **settings)

    rng = np.random.default_rng(1)
    assert theirs_sample().shape == (batch, packets + 1)
    assert (sampler.sample(labels, rng) > EOS).sum() == batch * (packets + 1)
    in_turn(benchmark, lambda: sampler.mapping.decode(sampler.sample(labels, rng)), theirs_sample, rounds)
