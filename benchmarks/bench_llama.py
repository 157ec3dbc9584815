"""LLaMA beside transformers: a training step and sampling on one thread, both in turn, so that ratios hold."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from ntgbench_llama.generator import LlamaGenerator
from ntgbench_llama.parameters import LlamaParameters
from ntgbench_llama.steps import LlamaSteps, Weights
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.in_turn import in_turn
from benchmarks.token_sampling import TRAIN, beside_generate, hardly_trained
from ntgbench.interfaces import Budget, Context
from ntgbench.learning.adamw import LARGEST_GRADIENT, AdamW
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


@pytest.mark.filterwarnings("ignore")  # the compiler has much to say
@pytest.mark.parametrize(
    ("batch", "how"),
    [(1, "float32"), pytest.param(1, "compiled", marks=pytest.mark.long), (32, "float32"), (32, "bfloat16")],
    ids=str,
)
def bench_training_step(benchmark, ours: LlamaGenerator, theirs: LlamaForCausalLM, batch: int, how: str) -> None:
    """Against LlamaForCausalLM with AdamW as torch makes it by default; the aim at batch 1 is 2 times as fast."""
    rows = torch.from_numpy(ours.mapping.encode(TRAIN.signed_pl, TRAIN.label))[:batch]
    model = LlamaGenerator(LlamaParameters())
    model.fit(TRAIN.select([0]), Context(seed=1, budget=Budget(epochs=1)))
    of_rows = next_token_loss(model.model)
    optimiser = AdamW(model.model, weight_decay=0.01)

    def loss() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=how == "bfloat16"):
            return of_rows(rows)[0]

    loss_of_step = torch.compile(loss) if how == "compiled" else loss
    reference = LlamaForCausalLM(LlamaConfig.from_dict(theirs.config.to_dict()))
    reference_optimiser = torch.optim.AdamW(reference.parameters(), lr=1e-4)
    labels = rows.masked_fill(rows == PAD, -100)

    def step_theirs() -> None:
        reference_optimiser.zero_grad()
        reference(input_ids=rows, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(reference.parameters(), LARGEST_GRADIENT)
        reference_optimiser.step()

    in_turn(benchmark, lambda: optimiser.step(loss_of_step(), 1e-4), step_theirs, rounds=60 if batch == 1 else 8)


@pytest.mark.parametrize(
    ("batch", "rounds", "precision"),
    [(1, 40, "float32"), (2048, 3, "float32"), (2048, 3, "bfloat16")],
    ids=["1", "2048", "2048-bfloat16"],
)
def bench_sampling(
    benchmark, ours: LlamaGenerator, theirs: LlamaForCausalLM, batch: int, rounds: int, precision: Precision
) -> None:
    """Against `generate` over all tokens; the aims are 7 times as fast for one biflow, 3 and 4.5 times for 2048."""
    sampler = Sampler(partial(LlamaSteps, Weights(ours.model, np, precision)), ours.mapping)
    beside_generate(benchmark, sampler, theirs, batch, rounds)
