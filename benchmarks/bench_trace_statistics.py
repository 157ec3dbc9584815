"""The suites statistics, temporal and bursts of header traces on one thread, against pandas and loops over flows.

Both sides begin with traces whose flows are not known yet. The other way must take at least `AT_LEAST` times as long.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntgbench_trace_statistics.fields import statistics
from ntgbench_trace_statistics.link import bursts
from ntgbench_trace_statistics.timing import temporal
from threadpoolctl import threadpool_limits

from ntgbench.traffic.trace import TCP, UDP, PacketTrace

AT_LEAST = 20

TESTS = Path(__file__).parents[1] / "plugins" / "ntgbench-trace-statistics" / "tests"

Measured = tuple[float, dict[str, float]]


def made_up_trace(packets: int, seed: int) -> PacketTrace:
    """About a flow for ten packets in ten minutes, sizes and gaps with heavy tails; times in whole us, as captures."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(np.ceil(rng.pareto(0.9, packets // 5) + 0.2), packets // 50).astype(np.int64)
    sizes = sizes[: np.searchsorted(np.cumsum(sizes), packets) + 1]
    flow = np.repeat(np.arange(len(sizes)), sizes)[:packets]
    gaps = rng.lognormal(11, 2.5, packets)
    gaps[np.flatnonzero(np.diff(flow, prepend=-1))] = 0
    since = np.cumsum(gaps)
    since -= since[np.searchsorted(flow, flow)]
    starts = rng.uniform(0, 600e6, len(sizes))
    time_us = ((starts[flow] + since) % 600e6).astype(np.int64)
    hosts, services = rng.integers(1, 3000, (2, len(sizes))), rng.choice([53, 80, 123, 443, 8080], len(sizes))
    protocol = np.where((services == 53) | (services == 123), UDP, TCP)
    return PacketTrace.of(
        time_ns=(1_600_000_000_000_000 + time_us) * 1000,
        source=hosts[0][flow],
        destination=hosts[1][flow],
        source_port=rng.integers(1024, 65536, len(sizes))[flow],
        destination_port=services[flow],
        protocol=protocol[flow],
        ip_length=np.where(rng.random(packets) < 0.4, 40, rng.integers(41, 1501, packets)),
        ttl=rng.choice([50, 64, 128], len(sizes))[flow],
    ).sorted_by_time()


@pytest.mark.parametrize("packets", [100_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def bench_suites(benchmark, packets):
    real, synthetic = made_up_trace(packets, 1), made_up_trace(packets, 2)
    plain = _plain()
    ours: list[list[Measured]] = []

    def all_suites() -> None:
        # Copies, because a trace remembers its flows.
        sides = replace(real), replace(synthetic)
        ours.append([_measured(measure, *sides, 0) for measure in (statistics, temporal, bursts)])

    with threadpool_limits(1):
        benchmark.pedantic(all_suites, rounds=3, warmup_rounds=1)
        theirs = [_measured(measure, real, synthetic) for measure in (plain.statistics, plain.temporal, plain.bursts)]
    for (_, found), (_, expected) in zip(ours[-1], theirs, strict=True):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    seconds = np.median([[spent for spent, _ in of_round] for of_round in ours[1:]], axis=0)
    plain_seconds = np.array([spent for spent, _ in theirs])
    benchmark.extra_info |= {
        "ours_cpu_ms": 1e3 * float(seconds.sum()),
        "theirs_cpu_ms": 1e3 * float(plain_seconds.sum()),
        "ratio": float(plain_seconds.sum() / seconds.sum()),
        "ratios": dict(zip(("statistics", "temporal", "bursts"), (plain_seconds / seconds).tolist(), strict=True)),
    }
    print(benchmark.extra_info)
    assert benchmark.extra_info["ratio"] >= AT_LEAST


def _measured(measure: Any, *given: Any) -> Measured:
    """CPU seconds of a call, and what it returned."""
    begun = time.process_time()
    found = measure(*given)
    return time.process_time() - begun, found


def _plain() -> Any:
    spec = importlib.util.spec_from_file_location("plain_trace_metrics", TESTS / "plain_trace_metrics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
