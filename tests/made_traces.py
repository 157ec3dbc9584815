"""Packet traces made of a few numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

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
