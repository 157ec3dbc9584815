"""Mamba beside transformers: a training step and sampling on one thread, both in turn, so that ratios hold."""

from __future__ import annotations

import pytest
import torch
from ntgbench_mamba.generator import MambaGenerator
from ntgbench_mamba.parameters import MambaParameters
from transformers import MambaConfig, MambaForCausalLM, logging

from benchmarks.in_turn import in_turn
from benchmarks.token_sampling import TRAIN, beside_generate, hardly_trained
from benchmarks.training_step import training_step
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
    """Against MambaForCausalLM with AdamW as torch makes it by default."""
    rows = torch.from_numpy(ours.mapping.encode(TRAIN.signed_pl, TRAIN.label))[:batch]
    labels = rows.masked_fill(rows == PAD, -100)
    model = ours.new_model()
    model.initialise(1)
    reference = MambaForCausalLM(MambaConfig.from_dict(theirs.config.to_dict()))
    step = training_step(model, lambda: next_token_loss(model)(rows)[0])
    step_theirs = training_step(reference, lambda: reference(input_ids=rows, labels=labels).loss, fused=False)
    in_turn(benchmark, step, step_theirs, rounds=30 if batch == 1 else 5)


@pytest.mark.parametrize(("batch", "rounds"), [(1, 20), (2048, 2)])
def bench_sampling(benchmark, ours: MambaGenerator, theirs: MambaForCausalLM, batch: int, rounds: int) -> None:
    """Against `generate` over all tokens; the aim for one biflow is 6 times as fast."""
    beside_generate(benchmark, Sampler(ours.start, ours.mapping), theirs, batch, rounds)
