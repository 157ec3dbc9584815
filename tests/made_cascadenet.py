"""CascadeNet as small as it can be, trained for a few steps, and made-up traces that are hard on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from made_traces import IPV6
from ntgbench_cascadenet.generator import CascadeNet
from ntgbench_cascadenet.parameters import CascadeNetParameters, TunedParameters

from ntgbench.interfaces import Context
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import TCP, UDP, PacketTrace

TINY: dict[str, Any] = {
    "hidden": 8, "noise": 4, "window": 3, "critic_steps": 1, "g1_steps": 2, "g2_steps": 2, "g3_steps": 2,
    "joint_steps": 2,
}  # fmt: skip


def tiny(**changes: Any) -> CascadeNetParameters:
    """The tuned form, whose bits need no words to be learnt; without an average, which takes long for so few steps."""
    return replace(TunedParameters(**TINY, average=0.0), **changes)


def fitted(train: PacketTrace, seed: int = 6, **changes: Any) -> CascadeNet:
    """The system; of the example it has learnt flows of one to several packets and steps with this seed."""
    system = CascadeNet(tiny(**changes))
    system.fit(train, Context(seed=seed))
    return system


def flows(start_ns: list[int] | np.ndarray, packets: int = 1, gap_ns: int = 10**6) -> PacketTrace:
    """A flow of so many packets from each of these times on."""
    count = len(start_ns)
    flow, rank = np.divmod(np.arange(count * packets), packets)
    return PacketTrace.of(
        time_ns=10**18 + np.asarray(start_ns)[flow] + rank * gap_ns,
        source=flow // 50_000 + 1,
        destination=np.full(len(flow), 2),
        source_port=flow % 50_000 + 1024,
        destination_port=np.full(len(flow), 443),
        protocol=np.full(len(flow), TCP),
        ip_length=40 + rank % 1000,
        ttl=np.full(len(flow), 64),
    ).sorted_by_time()


def hostile() -> dict[str, tuple[PacketTrace, dict[str, Any]]]:
    """Traces by what is special about them, each with the parameters that it is tried with."""
    example, day = example_trace(), 86_400 * 10**9
    two = example.select(np.arange(2))
    ipv6 = example.select(np.arange(40))
    ends = np.stack([np.full(40, IPV6, np.uint64), np.arange(40, dtype=np.uint64)], axis=1)
    rng = np.random.default_rng(1)
    long = flows(np.sort(rng.integers(0, 150 * day, 50)), 3, gap_ns=day)
    return {
        "two packets": (two, {"ports": "words"}),
        "one flow": (flows([0], 30, 10**8), {"ports": "words"}),
        "one moment": (replace(example, time_ns=np.full(len(example), 7)), {"ports": "words"}),
        "IPv6 only": (replace(ipv6, source=ends, destination=ends[::-1]), {"ports": "words"}),
        "one protocol": (example.select(example.protocol == UDP), {"ports": "words"}),
        "a flow of 100,000 packets": (flows([0], 100_000), {}),
        "a flow of 100,000 packets, sequences": (flows([0], 100_000), {"packets": "lstm", "batch": 4, "steps": 5}),
        "10,000 flows of one packet": (flows(np.arange(10_000) * 10**6), {}),
        "150 days in 2,000 steps": (long, {"steps": 2_000, "batch": 8}),
    }
