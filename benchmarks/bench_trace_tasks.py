"""Tasks on traces of 10^6 packets: representations of flows against plain Python, and what each suite takes.

Plain Python and its counterpart work on 10^5 packets. One thread.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ntgbench_trace_tasks import ntgbench_metrics
from ntgbench_trace_tasks.representations import MOST_PACKETS, REPRESENTATIONS, FlowPackets, Measures
from threadpoolctl import threadpool_limits

from benchmarks.in_turn import in_turn
from ntgbench.scores import score
from ntgbench.traffic.trace import PacketTrace

TESTS = Path(__file__).parents[1] / "plugins" / "ntgbench-trace-tasks" / "tests"


def made_up_trace(packets: int, seed: int) -> PacketTrace:
    """Flows of about 10 packets, a few of them large, that start at random within an hour."""
    rng = np.random.default_rng(seed)
    flow = (packets // 10 * rng.random(packets) ** 2).astype(np.int64)
    start = rng.uniform(0, 3.6e12, packets // 10 + 1)
    times = (start[flow] + rng.lognormal(19, 2, packets)).astype(np.int64)
    order = np.argsort(times, kind="stable")
    flow = flow[order]
    return PacketTrace.of(
        time_ns=times[order],
        source=1 + flow % 5000,
        destination=10_000 + flow % 777,
        source_port=1024 + flow % 60_000,
        destination_port=np.full(packets, 443),
        protocol=np.where(flow % 3, 6, 17),
        ip_length=40 + rng.integers(0, 1460, packets),
        ttl=np.full(packets, 64),
    )


def all_rows(real: PacketTrace, synthetic: PacketTrace) -> dict[str, Any]:
    measures = Measures.of(FlowPackets.of(real, len(real), 0))
    flows = FlowPackets.of(synthetic, len(synthetic), 0)
    return {name: rows(flows, measures) for name, rows in REPRESENTATIONS.items()}


def bench_representations(benchmark):
    """All six of all flows, which are grouped already on both sides, against plain Python."""
    spec = importlib.util.spec_from_file_location("plain_trace_tasks", TESTS / "plain_trace_tasks.py")
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    traces = [made_up_trace(100_000, seed) for seed in (1, 2)]
    flows = [plain.flows(trace) for trace in traces]
    expected = plain.representations(*flows, MOST_PACKETS)
    for name, rows in all_rows(*traces).items():
        np.testing.assert_allclose(rows, expected[name], rtol=1e-9, atol=1e-6)
    in_turn(benchmark, lambda: all_rows(*traces), lambda: plain.representations(*flows, MOST_PACKETS), rounds=3)


@pytest.mark.parametrize("suite", ["prediction", "anomaly", "detectors"])
def bench_suite(benchmark, suite):
    """All metrics of a suite on 10^6 packets on either side."""
    real, synthetic = (made_up_trace(1_000_000, seed) for seed in (1, 2))
    metrics = [metric for metric in ntgbench_metrics() if metric.suite == suite]
    with threadpool_limits(1):
        begun = time.process_time()
        benchmark.pedantic(score, (metrics, real, synthetic, 0), rounds=1)
        benchmark.extra_info["cpu_s"] = time.process_time() - begun
    print(suite, benchmark.extra_info)
