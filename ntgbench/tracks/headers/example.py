"""A small made-up trace, which conformance checks and tests use."""

from __future__ import annotations

import numpy as np

from ntgbench.traffic.trace import ACK, TCP, UDP, PacketTrace

_EPOCH_NS = 1_600_000_000 * 10**9


def example_trace(seed: int = 1, flows: int = 60) -> PacketTrace:
    """About 10 packets a flow over a minute: TCP and UDP, both ways, flows of one packet among them, one over IPv6."""
    rng = np.random.default_rng(seed)
    count = np.minimum(rng.geometric(0.15, flows), 40)
    count[:5] = [1, 1, 2, 40, 3]
    flow = np.repeat(np.arange(flows), count)
    start = rng.uniform(0, 50e9, flows)
    gap = rng.lognormal(17, 2, len(flow))
    gap[np.cumsum(count) - count] = 0
    after = np.cumsum(gap)
    time_ns = (start[flow] + after - after[np.cumsum(count) - count][flow]).astype(np.int64) % 60_000_000_000
    host, server = rng.integers(1, 30, flows), rng.integers(100, 120, flows)
    port, service = rng.integers(49152, 65536, flows), rng.choice([53, 80, 443, 5353], flows)
    udp = (service == 53) | (service == 5353)
    back = (rng.random(len(flow)) < 0.4) & (flow != 0)
    ends = [np.zeros((len(flow), 2), np.uint64) for _ in range(2)]
    numbers = (np.where(back, server[flow], host[flow]), np.where(back, host[flow], server[flow]))
    for end, number in zip(ends, numbers, strict=True):
        end[:, 0] = np.where(flow == 0, 0x2001_0DB8 << 32, 0)
        end[:, 1] = np.where(flow == 0, 0, 0xFFFF_0A00_0000) | number
    protocol = np.where(udp, UDP, TCP)[flow]
    payload = np.where(rng.random(len(flow)) < 0.3, 0, rng.integers(1, 1400, len(flow)))
    header = np.where(protocol == UDP, 28, 40) + np.where(flow == 0, 20, 0)
    trace = PacketTrace.of(
        time_ns=_EPOCH_NS + time_ns,
        source=ends[0],
        destination=ends[1],
        source_port=np.where(back, service[flow], port[flow]),
        destination_port=np.where(back, port[flow], service[flow]),
        protocol=protocol,
        ip_length=header + payload,
        ttl=np.where(back, 57, 64),
        tcp_flags=np.where(protocol == TCP, ACK, 0),
        ip_flags=np.where(flow == 0, 0, 2),
        ip_id=np.where(flow == 0, 0, rng.integers(0, 65536, len(flow))),
    )
    return trace.sorted_by_time()
