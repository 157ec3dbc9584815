"""The Bayesian network and its chain of packets, beside a chain in plain Python, on one thread.

The plain one does less: it counts what follows the last two packets of a connection and nothing else, and makes the
sizes and gaps of packets without their headers.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from ntgbench_bayes_net.generator import BayesNet
from ntgbench_bayes_net.parameters import BayesNetParameters

from benchmarks.in_turn import in_turn
from benchmarks.trace_scale import large_trace
from ntgbench.interfaces import Context
from ntgbench.traffic.trace import PacketTrace

SHORT, LONG = 20_000, 400_000

Packet = tuple[int, int]
"""Length, and logarithm of the gap before it in parts of 4."""


def plain_fit(trace: PacketTrace) -> dict[Any, Any]:
    """What follows two packets of a flow, as (symbols, cumulative counts)."""
    flows: dict[Any, list[tuple[int, int]]] = defaultdict(list)
    columns = (trace.source[:, 1], trace.destination[:, 1], trace.source_port, trace.destination_port, trace.protocol)
    keys = zip(*(column.tolist() for column in columns), strict=True)
    for key, time, length in zip(keys, trace.time_ns.tolist(), trace.ip_length.tolist(), strict=True):
        flows[key].append((time, length))
    counts: dict[Any, Counter[Any]] = defaultdict(Counter)
    for packets in flows.values():
        before: tuple[Packet | None, Packet | None] = (None, None)
        last = packets[0][0]
        for time, length in packets:
            symbol = length, (time - last + 1).bit_length() * 4
            counts[before][symbol] += 1
            before, last = (before[1], symbol), time
        counts[before][None] += 1
    return {context: (list(count), list(np.cumsum(list(count.values())))) for context, count in counts.items()}


def plain_sample(chain: dict[Any, Any], packets: int, rng: random.Random) -> list[tuple[float, int]]:
    made: list[tuple[float, int]] = []
    while len(made) < packets:
        before: tuple[Packet | None, Packet | None] = (None, None)
        time = rng.random() * 60e9
        while True:
            symbols, upto = chain[before]
            (symbol,) = rng.choices(symbols, cum_weights=upto)
            if symbol is None:
                break
            time += 2 ** (symbol[1] / 4 + rng.random())
            made.append((time, symbol[0]))
            before = before[1], symbol
    return sorted(made[:packets])


@pytest.mark.parametrize("packets", [SHORT, pytest.param(LONG, marks=pytest.mark.long)])
def bench_fit(benchmark, packets: int) -> None:
    """Structure, tables and chain; the aim is that the richer model takes no longer."""
    trace = large_trace(packets, seed=1)
    system = BayesNet(BayesNetParameters())
    in_turn(benchmark, lambda: system.fit(trace, Context(seed=1)), lambda: plain_fit(trace), rounds=3)


@pytest.mark.parametrize("packets", [SHORT, pytest.param(LONG, marks=pytest.mark.long)])
def bench_sampling(benchmark, packets: int) -> None:
    """As many packets as in training; the aim is at most four times the time of the plain chain."""
    trace = large_trace(packets, seed=1)
    system = BayesNet(BayesNetParameters())
    system.fit(trace, Context(seed=1))
    chain = plain_fit(trace)
    rng, plain_rng = np.random.default_rng(1), random.Random(1)
    ours, theirs = (
        lambda: system.sample(packets, trace.span_ns, rng),
        lambda: plain_sample(chain, packets, plain_rng),
    )
    in_turn(benchmark, ours, theirs, rounds=3)
