"""The packets of a trace grouped by connection, both directions together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Connections:
    """C connections, numbered by their first packet in time; the two directions of a 5-tuple are one connection.

    The packets of connection c are `order[first[c] : first[c] + count[c]]`, in the order of their times.
    """

    order: Numbers  # int64 (N,). Rows of the trace, connection by connection
    first: Numbers  # int64 (C,). Where each connection begins in `order`
    count: Numbers  # int64 (C,). Packets of each connection, at least 1
    inner_ns: Numbers  # int64 (N,). Time since the packet before in the same connection, as in `order`; 0 for the first
    outer_ns: Numbers  # int64 (C,). Time since the start of the connection before; 0 for the first

    def __len__(self) -> int:
        return len(self.first)

    @staticmethod
    def of(trace: PacketTrace) -> Connections:
        """The connections of a trace in the order of time."""
        flows = trace.flows
        heads = flows.heads()
        address = np.concatenate([trace.source[heads], trace.destination[heads]])
        port = np.concatenate([trace.source_port[heads], trace.destination_port[heads]])
        one, other = np.split(codes(address[:, 0], address[:, 1], port), 2)
        pair = codes(np.minimum(one, other), np.maximum(one, other), trace.protocol[heads])
        # Flows are numbered by their first packet, so the first flow of a connection says when that begins.
        _, appears, inverse = np.unique(pair, return_index=True, return_inverse=True)
        rank = np.empty(len(appears), np.int64)
        rank[np.argsort(appears)] = np.arange(len(appears))
        number = rank[inverse][flows.number]
        order = np.argsort(number, kind="stable")
        count = np.bincount(number)
        first = np.cumsum(count) - count
        inner = np.diff(trace.time_ns[order], prepend=trace.time_ns[:1])
        inner[first] = 0
        start = trace.time_ns[order[first]]
        return Connections(order, first, count, inner, np.diff(start, prepend=start[:1]))
