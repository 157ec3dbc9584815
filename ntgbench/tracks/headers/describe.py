"""Figures about a packet trace for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.figures import Counts, histogram, most_frequent
from ntgbench.traffic.trace import TCP, UDP
from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from ntgbench.traffic.trace import PacketTrace

_BINS, _TIMES = 20, 40  # of a histogram
_MOST_PORTS = 8


def describe(trace: PacketTrace) -> dict[str, Any]:
    """Packets, flows and seconds first; then what packets and flows are like. Flows are unidirectional."""
    count = trace.flows.count
    seconds = trace.span_ns / 1e9
    since_ns = trace.time_ns - (trace.time_ns.min() if len(trace) else 0)
    return {
        "packets": len(trace),
        "flows": len(count),
        "seconds": seconds,
        "packets_over_time": histogram(since_ns / 1e9, 0, seconds or 1.0, _TIMES, "s", median=False),
        "packets_per_second": len(trace) / seconds if seconds else 0.0,
        "bits_per_second": 8 * int(trace.ip_length.sum(dtype=np.int64)) / seconds if seconds else 0.0,
        "source_addresses": _distinct(trace.source),
        "destination_addresses": _distinct(trace.destination),
        "protocols": Counts({name: int((trace.protocol == one).sum()) for name, one in (("TCP", TCP), ("UDP", UDP))}),
        "tcp_share": float((trace.protocol == TCP).mean()) if len(trace) else 0.0,
        "ipv6_share": float((~trace.is_ipv4()).mean()) if len(trace) else 0.0,
        "destination_ports": most_frequent(trace.destination_port, _MOST_PORTS),
        "ip_lengths": histogram(trace.ip_length, 0, max(int(trace.ip_length.max(initial=0)), 1500), _BINS, "bytes"),
        "mean_ip_length": float(trace.ip_length.mean()) if len(trace) else 0.0,
        "ttl_values": len(np.unique(trace.ttl)),
        "packets_of_flows": _sizes(count),
        "one_packet_flows": float((count == 1).mean()) if len(count) else 0.0,
        "largest_flow": int(count.max(initial=0)),
    }


def _sizes(count: npt.NDArray[np.int64]) -> Counts:
    """Flows by their number of packets, in powers of ten."""
    found = Counts({"1": int((count == 1).sum())})
    low, high = 2, 9
    while low <= count.max(initial=0):
        found[f"{low:,} to {high:,}"] = int(((count >= low) & (count <= high)).sum())
        low, high = high + 1, 10 * high + 9
    return found


def _distinct(address: np.ndarray) -> int:
    return int(codes(address[:, 0], address[:, 1]).max(initial=-1)) + 1
