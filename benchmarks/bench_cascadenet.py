"""CascadeNet: a step of training, and sampling, beside a plain implementation with the same weights, on one thread."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntgbench_cascadenet.generator import CascadeNet
from ntgbench_cascadenet.parameters import CascadeNetParameters
from ntgbench_cascadenet.training import PHASES, Phase

from benchmarks.in_turn import in_turn
from benchmarks.trace_scale import large_trace
from ntgbench.interfaces import Context
from ntgbench.learning.device import without_denormals

TESTS = Path(__file__).parents[1] / "plugins" / "ntgbench-cascadenet" / "tests"

TRACE = large_trace(20_000, seed=1)


@pytest.fixture(scope="module")
def plain() -> Any:
    spec = importlib.util.spec_from_file_location("plain_cascadenet", TESTS / "plain_cascadenet.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("hidden", [128, pytest.param(512, marks=pytest.mark.long)])
def bench_training_step(benchmark, plain, phase: str, hidden: int) -> None:
    """A step of generators with five of critics, 128 rows, 20 time steps; the aim for 512 is 1.3 times as fast."""
    layout, batches, cascade = plain.prepared(TRACE, hidden=hidden)
    ours = Phase(phase, cascade, batches, layout)
    theirs = plain.PlainPhase(phase, copy.deepcopy(cascade), plain.Dense(TRACE, layout), layout)
    draws = ours.draws(1, 0)
    with without_denormals():
        in_turn(benchmark, lambda: ours.step(draws), lambda: theirs.step(draws), rounds=5)


@pytest.mark.parametrize("hidden", [128, pytest.param(512, marks=pytest.mark.long)])
def bench_sampling(benchmark, plain, hidden: int) -> None:
    """20,000 packets; the aim is 10 times as fast. Flows have about six packets, as in real traces."""
    generator = CascadeNet(CascadeNetParameters(hidden=hidden, **{f"{name}_steps": 0 for name in PHASES}))
    generator.fit(TRACE, Context(seed=1))
    steps = generator.cascade.g2.head.bias.data.view(-1, generator.layout.step)
    steps[:, 0] = logit(np.log(5) / (generator.layout.rate.high - generator.layout.rate.low))
    steps[:, -2] = -1.0  # most flows end with their first step
    span_ns, rng = TRACE.span_ns, np.random.default_rng(1)

    def theirs() -> None:
        plain.sampled(generator.cascade, generator.layout, 20_000)

    in_turn(benchmark, lambda: generator.sample(20_000, span_ns, rng), theirs, rounds=3)


def logit(share: float) -> float:
    return float(np.log(share / (1 - share)))
