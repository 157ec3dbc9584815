"""Traces that are hard on a Bayesian network of connections, and what its parameters are in tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from made_cascadenet import flows
from made_traces import IPV6
from ntgbench_bayes_net.generator import BayesNet
from ntgbench_bayes_net.parameters import BayesNetParameters

from ntgbench.interfaces import Context
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import UDP, PacketTrace


def fitted(train: PacketTrace, **changes: object) -> BayesNet:
    """The system, fitted."""
    system = BayesNet(replace(BayesNetParameters(), **changes))
    system.fit(train, Context(seed=1))
    return system


def hostile() -> dict[str, PacketTrace]:
    """Traces by what is special about them."""
    example, day = example_trace(), 86_400 * 10**9
    some = example.select(np.arange(40))
    ends = np.stack([np.full(40, IPV6, np.uint64), np.arange(40, dtype=np.uint64)], axis=1)
    rng = np.random.default_rng(1)
    random = rng.integers(0, 2**32, (2, 3000))
    return {
        "one packet": example.select(np.arange(1)),
        "two packets": example.select(np.arange(2)),
        "one flow": flows([0], 30, 10**8),
        "one moment": replace(example, time_ns=np.full(len(example), 7)),
        "IPv6 only": replace(some, source=ends, destination=ends[::-1]),
        "one protocol": example.select(example.protocol == UDP),
        "a flow of 100,000 packets": flows([0], 100_000),
        "10,000 flows of one packet": flows(np.arange(10_000) * 10**6),
        "150 days": flows(np.sort(rng.integers(0, 150 * day, 50)), 3, gap_ns=day),
        "all fields at random": PacketTrace.of(
            time_ns=np.sort(rng.integers(0, 10**10, 3000)),
            source=random[0],
            destination=random[1],
            source_port=rng.integers(0, 2**16, 3000),
            destination_port=rng.integers(0, 2**16, 3000),
            protocol=np.full(3000, 6),
            ip_length=rng.integers(40, 60_000, 3000),
            ttl=rng.integers(1, 256, 3000),
            tcp_flags=rng.integers(0, 256, 3000),
            tos=rng.integers(0, 256, 3000),
        ),
    }
