"""Dynamics and records of traces of 10^6 packets on either side, against plain Python in the same session.

Each measure has two rows, ours and plain; compare the ratio of their times. The flows of both traces are known before,
as all metrics of a board share them. Plain Python groups packets itself, which takes about five seconds of its time in
`diagrams`, `timelines`, `flow_copies` and `sketches`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntgbench_trace_dynamics.queue import queue_replay
from ntgbench_trace_dynamics.scaling import diagrams
from ntgbench_trace_records.copies import records, timelines
from ntgbench_trace_records.sequences import flow_copies
from ntgbench_trace_records.sketches import sketches
from ntgbench_trace_records.validity import validity
from ntgbench_trace_records.wireshark import tshark

from ntgbench.traffic.trace import TCP, UDP, PacketTrace

PLUGINS = Path(__file__).parents[1] / "plugins"
PLAIN = {
    "plain_dynamics": PLUGINS / "ntgbench-trace-dynamics" / "tests" / "plain_dynamics.py",
    "plain_records": PLUGINS / "ntgbench-trace-records" / "tests" / "plain_records.py",
}

MEASURES = {
    queue_replay: "plain_dynamics",
    diagrams: "plain_dynamics",
    records: "plain_records",
    timelines: "plain_records",
    flow_copies: "plain_records",
    sketches: "plain_records",
}


def made_up_trace(seed: int, packets: int = 1_000_000, flows: int = 100_000) -> PacketTrace:
    """Flows of very unequal sizes and durations that begin at random in five minutes."""
    rng = np.random.default_rng(seed)
    weight = rng.pareto(1.1, flows) + 1
    flow = rng.choice(flows, packets, p=weight / weight.sum())
    minutes = 300 * 10**9
    duration = np.minimum(rng.lognormal(22, 2.5, flows), minutes)
    time = (rng.random(flows)[flow] * minutes + rng.random(packets) ** 2 * duration[flow]) % minutes
    trace = PacketTrace.of(
        time_ns=10**18 + time.astype(np.int64),
        source=rng.integers(2**30, 2**30 + 20_000, flows)[flow],
        destination=rng.integers(2**30, 2**30 + 20_000, flows)[flow],
        source_port=rng.integers(1024, 65536, flows)[flow],
        destination_port=rng.choice([53, 80, 443], flows)[flow],
        protocol=rng.choice([TCP, UDP], flows)[flow],
        ip_length=rng.choice([40, 52, 100, 576, 1500], packets),
        ttl=rng.choice([57, 64, 128], flows)[flow],
    ).sorted_by_time()
    assert len(trace.flows)
    return trace


REAL, SYNTHETIC = made_up_trace(1), made_up_trace(2)

each_measure = pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.__name__)


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    modules = {}
    for name, path in PLAIN.items():
        spec = importlib.util.spec_from_file_location(name, path)
        modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(modules[name])
    return modules


@each_measure
def bench_ours(benchmark, measure):
    benchmark.group = measure.__name__
    benchmark.pedantic(measure, (REAL, SYNTHETIC, 0), rounds=5, warmup_rounds=1)


@pytest.mark.long
@each_measure
def bench_plain(benchmark, measure, plain):
    benchmark.group = measure.__name__
    expected = benchmark.pedantic(getattr(plain[MEASURES[measure]], measure.__name__), (REAL, SYNTHETIC, 0))
    assert measure(REAL, SYNTHETIC, 0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("measure", [validity, tshark], ids=lambda measure: measure.__name__)
def bench_validity(benchmark, measure):
    benchmark.pedantic(measure, (REAL, SYNTHETIC, 0), rounds=2)
