"""Figures about a packet trace for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.traffic.trace import TCP
from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace


def describe(trace: PacketTrace) -> dict[str, Any]:
    """Packets, flows and seconds first; then what packets and flows are like. Flows are unidirectional."""
    count = trace.flows.count
    seconds = trace.span_ns / 1e9
    return {
        "packets": len(trace),
        "flows": len(count),
        "seconds": seconds,
        "packets_per_second": len(trace) / seconds if seconds else 0.0,
        "bits_per_second": 8 * int(trace.ip_length.sum(dtype=np.int64)) / seconds if seconds else 0.0,
        "source_addresses": _distinct(trace.source),
        "destination_addresses": _distinct(trace.destination),
        "tcp_share": float((trace.protocol == TCP).mean()) if len(trace) else 0.0,
        "ipv6_share": float((~trace.is_ipv4()).mean()) if len(trace) else 0.0,
        "mean_ip_length": float(trace.ip_length.mean()) if len(trace) else 0.0,
        "ttl_values": len(np.unique(trace.ttl)),
        "one_packet_flows": float((count == 1).mean()) if len(count) else 0.0,
        "largest_flow": int(count.max(initial=0)),
    }


def _distinct(address: np.ndarray) -> int:
    return int(codes(address[:, 0], address[:, 1]).max(initial=-1)) + 1
