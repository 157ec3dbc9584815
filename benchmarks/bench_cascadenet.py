"""CascadeNet: a step of training, and sampling, beside a plain implementation with the same weights, on one thread."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ntgbench_cascadenet.generator import CascadeNet
from ntgbench_cascadenet.parameters import CascadeNetParameters
from ntgbench_cascadenet.phases import Phase
from ntgbench_cascadenet.training import PHASES

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
    layout, cascade = generator.model.layout, generator.model.generators
    steps = cascade.g2.head.bias.data.view(-1, layout.step)
    steps[:, 0] = logit(np.log(5) / (layout.rate.high - layout.rate.low))
    steps[:, -2] = -1.0  # most flows end with their first step
    span_ns, rng = TRACE.span_ns, np.random.default_rng(1)

    def theirs() -> None:
        sampled(plain, cascade, layout, 20_000)

    in_turn(benchmark, lambda: generator.sample(20_000, span_ns, rng), theirs, rounds=3)


def logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


@torch.no_grad()
def sampled(plain, cascade, layout, packets):
    """Packets as rows in the order of time, made as the paper's code does: 128 flows at a time, then one by one.

    Conditions are generated, ports and protocols are words, times "ml". A flow with the 5-tuple of an earlier one is
    dropped, and so is what lies outside the trace.
    """
    grid, tuples, records = layout.grid, layout.tuples, layout.records
    half, kinds, made, known = layout.parameters.window // 2, len(records.flags), 0, set()
    outside = torch.zeros(half, layout.step)
    outside[:, -1] = 1
    rows = []
    while made < packets:
        flow = plain.made_flows(cascade, layout, torch.zeros(128, len(layout.conditions)))
        series = plain.made_series(cascade, layout, flow)
        numbers = plain.counts(series, layout).long().tolist()
        inputs = []
        for one, steps, number in zip(flow, series, numbers, strict=True):
            padded = torch.cat([outside, steps, outside])
            for step, count in enumerate(number):
                row = torch.cat([one, padded[step : step + 2 * half + 1].flatten()])
                inputs += [row] * count
        inputs = torch.stack(inputs)
        fields = plain.made_packets(cascade, layout, inputs).numpy()
        begin = 0
        for one, number in zip(flow.numpy(), numbers, strict=True):
            own = fields[begin : begin + sum(number)]
            begin += sum(number)
            key = five_tuple(one[len(layout.conditions) :], tuples)
            if key in known:
                continue
            known.add(key)
            tau = np.repeat(np.arange(len(number)), number) + own[:, -1]
            start, end = (one[at] * layout.top[at] for at in (-2 + len(layout.conditions), -1 + len(layout.conditions)))
            tau = tau - (tau.max() + tau.min()) / 2 + (start + end) / 2 / grid.step_ns
            for after, numbers_of_packet in zip(np.rint(tau * grid.step_ns).astype(np.int64), own, strict=True):
                if 0 <= after <= grid.span_ns:
                    numeric = [*numbers_of_packet[:3], *numbers_of_packet[3 + kinds : 5 + kinds]]
                    values = [
                        low + value * (high - low) for value, (low, high) in zip(numeric, records.ranges, strict=True)
                    ]
                    flags = records.flags[int(np.argmax(numbers_of_packet[3 : 3 + kinds]))]
                    rows.append((int(after), *key, *values, flags))
        made = len(rows)
    return sorted(rows)


def five_tuple(numbers, tuples):
    """The 5-tuple that a vector stands for: bits by the larger number, words by the nearest vector."""
    bits = [int(numbers[2 * bit + 1] > numbers[2 * bit]) for bit in range(tuples.bits)]
    ends = [int("".join(map(str, bits[begin : begin + 32])), 2) for begin in (0, 32)]
    vectors = numbers[2 * tuples.bits :].reshape(3, -1)
    ports = [int(tuples.words.ports[np.argmax(tuples.words.port_vectors @ vector)]) for vector in vectors[:2]]
    protocol = tuples.words.protocols[np.argmax(tuples.words.protocol_vectors @ vectors[2])]
    return (*ends, *ports, int(protocol))
