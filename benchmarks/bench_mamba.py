"""Mamba beside transformers: a training step and sampling on one thread, both in turn, so that ratios hold."""

from __future__ import annotations

import pytest
import torch
from ntgbench_mamba.generator import MambaGenerator
from ntgbench_mamba.parameters import MambaParameters
from transformers import MambaConfig, MambaForCausalLM, logging

from benchmarks.in_turn import in_turn
from benchmarks.token_sampling import TRAIN, beside_generate, hardly_trained
from ntgbench.interfaces import Budget, Context
from ntgbench.learning.adamw import LARGEST_GRADIENT, AdamW
from ntgbench.learning.sampling import Sampler
from ntgbench.learning.token_model import next_token_loss
from ntgbench.mapping.tokens import PAD


@pytest.fixture(scope="module")
def ours(request: pytest.FixtureRequest) -> MambaGenerator:
    """The paper's size."""
    return hardly_trained(MambaGenerator(MambaParameters()), request)


@pytest.fixture(scope="module")
def theirs(ours: MambaGenerator, tmp_path_factory: pytest.TempPathFactory) -> MambaForCausalLM:
    """The same model in transformers."""
    logging.set_verbosity_error()  # it warns that it falls back to torch's operations, as wanted here
    folder = tmp_path_factory.mktemp("mamba")
    ours.save(folder)
    return MambaForCausalLM.from_pretrained(folder)


@pytest.mark.parametrize("batch", [1, 32])
def bench_training_step(benchmark, ours: MambaGenerator, theirs: MambaForCausalLM, batch: int) -> None:
    """Against MambaForCausalLM with AdamW as torch makes it by default; the aim at batch 1 is 4 times as fast."""
    rows = torch.from_numpy(ours.mapping.encode(TRAIN.signed_pl, TRAIN.label))[:batch]
    model = MambaGenerator(MambaParameters())
    model.fit(TRAIN.select([0]), Context(seed=1, budget=Budget(epochs=1)))
    loss = next_token_loss(model.model)
    optimiser = AdamW(model.model, weight_decay=0.01)
    reference = MambaForCausalLM(MambaConfig.from_dict(theirs.config.to_dict()))
    reference_optimiser = torch.optim.AdamW(reference.parameters(), lr=1e-4)
    labels = rows.masked_fill(rows == PAD, -100)

    def step_theirs() -> None:
        reference_optimiser.zero_grad()
        reference(input_ids=rows, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(reference.parameters(), LARGEST_GRADIENT)
        reference_optimiser.step()

    in_turn(benchmark, lambda: optimiser.step(loss(rows)[0], 1e-4), step_theirs, rounds=30 if batch == 1 else 5)


@pytest.mark.parametrize(("batch", "rounds"), [(1, 20), (2048, 2)])
def bench_sampling(benchmark, ours: MambaGenerator, theirs: MambaForCausalLM, batch: int, rounds: int) -> None:
    """Against `generate` over all tokens; the aim for one biflow is 6 times as fast."""
    beside_generate(benchmark, Sampler(ours.start, ours.mapping), theirs, batch, rounds)
