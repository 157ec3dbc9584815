"""Packet traces made of a few numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ntgbench.traffic.trace import ACK, PSH, TCP, UDP, PacketTrace, ipv4_address

CLIENT, SERVER, OTHER = (1, 40_000), (2, 443), (3, 443)
DATA = ACK | PSH


def trace(*packets: tuple[Any, ...]) -> PacketTrace:
    """Packets as (seconds, (host, port) from, (host, port) to, flags, payload, sequence, acknowledgement).

    Flags of -1 are UDP; the numbers may be left out.
    """
    times, senders, receivers, flags, payloads, *_ = zip(*((*packet, 0, 0)[:7] for packet in packets), strict=True)
    numbers = np.array([(*packet, 0, 0)[5:7] for packet in packets], np.int64) % 2**32
    source, destination = np.array(senders), np.array(receivers)
    flag = np.array(flags)
    header = np.where(flag < 0, 28, 40)
    return PacketTrace.of(
        time_ns=np.rint(np.array(times) * 1e9).astype(np.int64),
        source=ipv4_address(source[:, 0].astype(np.uint32)),
        destination=ipv4_address(destination[:, 0].astype(np.uint32)),
        source_port=source[:, 1].astype(np.uint16),
        destination_port=destination[:, 1].astype(np.uint16),
        protocol=np.where(flag < 0, UDP, TCP).astype(np.uint8),
        ip_length=(header + np.array(payloads)).astype(np.int32),
        payload_length=np.array(payloads, np.int32),
        ttl=np.full(len(packets), 64, np.uint8),
        tcp_flags=np.maximum(flag, 0).astype(np.uint8),
        tcp_sequence=numbers[:, 0].astype(np.uint32),
        tcp_acknowledgement=numbers[:, 1].astype(np.uint32),
    )


def up(time: float, payload: int = 0, flags: int = DATA, sequence: int = 0, acknowledges: int = 0) -> tuple[Any, ...]:
    return time, CLIENT, SERVER, flags, payload, sequence, acknowledges


def down(time: float, payload: int = 0, flags: int = DATA, sequence: int = 0, acknowledges: int = 0) -> tuple[Any, ...]:
    return time, SERVER, CLIENT, flags, payload, sequence, acknowledges


IPV6 = 0x2001_0DB8 << 32


@st.composite
def traces(draw: st.DrawFn, most: int = 30, ordered: bool = True) -> PacketTrace:
    """Packets that captures can hold, IPv4 and IPv6, with few hosts and ports, so that flows have several packets."""
    count = draw(st.integers(1, most))

    def column(values: st.SearchStrategy[int]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=count, max_size=count)), np.int64)

    time_ns = column(st.integers(1, 2**32 * 10**9 - 1) | st.integers(10**18, 10**18 + 5))
    protocol = column(st.sampled_from([TCP, UDP]))
    ipv6 = column(st.booleans()).astype(bool)
    ends = np.zeros((2, count, 2), np.uint64)
    for end in ends:
        host = column(st.integers(0, 3) | st.integers(0, 2**32 - 1)).astype(np.uint64)
        end[:, 0] = np.where(ipv6, IPV6, 0)
        end[:, 1] = np.where(ipv6, host, host | np.uint64(0xFFFF_0000_0000))
    tcp, port = protocol == TCP, st.sampled_from([53, 443, 65535])
    payload = column(st.integers(0, 3) | st.integers(0, 65_000))
    return PacketTrace.of(
        time_ns=np.sort(time_ns) if ordered else time_ns,
        source=ends[0],
        destination=ends[1],
        source_port=column(port),
        destination_port=column(port),
        protocol=protocol,
        ip_length=np.where(tcp, 40 + 4 * column(st.integers(0, 10)), 28) + np.where(ipv6, 20, 0) + payload,
        payload_length=payload,
        ttl=column(st.integers(0, 255)),
        tcp_flags=np.where(tcp, column(st.integers(0, 255)), 0),
        tcp_sequence=np.where(tcp, column(st.integers(0, 2**32 - 1)), 0),
        tcp_acknowledgement=np.where(tcp, column(st.integers(0, 2**32 - 1)), 0),
        tos=column(st.integers(0, 255)),
        ip_id=np.where(ipv6, 0, column(st.integers(0, 65535))),
        ip_flags=np.where(ipv6, 0, column(st.sampled_from([0, 2, 4, 6]))),
    )
