"""LLaMA beside transformers: a training step and sampling on one thread, both in turn, so that ratios hold."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from ntgbench_llama.generator import LlamaGenerator
from ntgbench_llama.parameters import LlamaParameters
from ntgbench_llama.steps import LlamaSteps, Weights
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.in_turn import in_turn
from benchmarks.processors import needs_bfloat16
from benchmarks.token_sampling import TRAIN, beside_generate, hardly_trained
from benchmarks.training_step import training_step
from ntgbench.learning.recipe import Precision
from ntgbench.learning.sampling import Sampler
from ntgbench.learning.token_model import next_token_loss
from ntgbench.mapping.tokens import PAD


@pytest.fixture(scope="module")
def ours(request: pytest.FixtureRequest) -> LlamaGenerator:
    """The paper's size."""
    return hardly_trained(LlamaGenerator(LlamaParameters(epochs=1)), request)


@pytest.fixture(scope="module")
def theirs(ours: LlamaGenerator, tmp_path_factory: pytest.TempPathFactory) -> LlamaForCausalLM:
    """The same model in transformers."""
    folder = tmp_path_factory.mktemp("llama")
    ours.save(folder)
    return LlamaForCausalLM.from_pretrained(folder)


@pytest.mark.parametrize(
    ("batch", "precision"),
    [(1, "float32"), (32, "float32"), pytest.param(32, "bfloat16", marks=needs_bfloat16)],
    ids=str,
)
def bench_training_step(
    benchmark, ours: LlamaGenerator, theirs: LlamaForCausalLM, batch: int, precision: Precision
) -> None:
    """Against LlamaForCausalLM in float32 with AdamW as torch makes it by default."""
    rows = torch.from_numpy(ours.mapping.encode(TRAIN.signed_pl, TRAIN.label))[:batch]
    labels = rows.masked_fill(rows == PAD, -100)
    model = ours.new_model()
    model.initialise(1)
    reference = LlamaForCausalLM(LlamaConfig.from_dict(theirs.config.to_dict()))
    step = training_step(model, lambda: next_token_loss(model)(rows)[0], bfloat16=precision == "bfloat16")
    step_theirs = training_step(reference, lambda: reference(input_ids=rows, labels=labels).loss, fused=False)
    in_turn(benchmark, step, step_theirs, rounds=60 if batch == 1 else 8)


@pytest.mark.parametrize(
    ("batch", "rounds", "precision"),
    [(1, 40, "float32"), (2048, 3, "float32"), pytest.param(2048, 3, "bfloat16", marks=needs_bfloat16)],
    ids=["1", "2048", "2048-bfloat16"],
)
def bench_sampling(
    benchmark, ours: LlamaGenerator, theirs: LlamaForCausalLM, batch: int, rounds: int, precision: Precision
) -> None:
    """Against `generate` over all tokens; the aims are 7 times as fast for one biflow, 3 and 4.5 times for 2048."""
    sampler = Sampler(partial(LlamaSteps, Weights(ours.model, np, precision)), ours.mapping)
    beside_generate(benchmark, sampler, theirs, batch, rounds)


def bench_systematic_sampling(benchmark, ours: LlamaGenerator) -> None:
    """Against independent draws from the same model; the aim is at most 1.3 times their time."""
    labels = np.resize(np.arange(ours.mapping.classes, dtype=np.int32), 2048)
    systematic, independent = (Sampler(ours.start, ours.mapping, way) for way in ("systematic", "independent"))
    rng = np.random.default_rng(1)
    in_turn(benchmark, lambda: systematic.sample(labels, rng), lambda: independent.sample(labels, rng), rounds=3)
