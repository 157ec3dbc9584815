"""Connections: the packets of a trace grouped by 5-tuple, both directions together."""

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

    The packets of connection c are `order[first[c] : first[c] + count[c]]`, in the order of the rows of the trace, so
    the trace must be in the order of time.
    """

    order: Numbers  # int64 (N,). Rows of the trace, connection by connection
    first: Numbers  # int64 (C,). Where each connection begins in `order`
    count: Numbers  # int64 (C,). Packets of each connection, at least 1
    number: Numbers  # int64 (N,). The connection of each packet, as in `order`
    back: Numbers  # int64 (N,). 0 for packets of the side that sent the first one, 1 for those of the other; as `order`

    def __len__(self) -> int:
        return len(self.first)

    def inner_ns(self, time_ns: Numbers) -> Numbers:
        """Time since the packet before in the same connection, int64 (N,) as `order`; 0 for the first packet."""
        gaps = np.diff(time_ns[self.order], prepend=0)
        gaps[self.first] = 0
        return gaps

    def outer_ns(self, time_ns: Numbers) -> Numbers:
        """Time since the start of the connection before, int64 (C,); 0 for the first connection."""
        start = time_ns[self.order[self.first]]
        return np.diff(start, prepend=start[:1])

    @staticmethod
    def of(trace: PacketTrace) -> Connections:
        """The connections of a trace in the order of time."""
        flows = trace.flows
        heads = flows.heads()
        address = np.concatenate([trace.source[heads], trace.destination[heads]])
        port = np.concatenate([trace.source_port[heads], trace.destination_port[heads]])
        one, other = np.split(codes(address[:, 0], address[:, 1], port), 2)
        # Flows are numbered by their first packet, and so are the pairs.
        pair = codes(np.minimum(one, other), np.maximum(one, other), trace.protocol[heads])
        number = pair[flows.number]
        order = np.argsort(number, kind="stable")
        count = np.bincount(number)
        first = np.cumsum(count) - count
        of_packet = number[order]
        sender = one[flows.number[order]]
        back = (sender != sender[first][of_packet]).astype(np.int64)
        return Connections(order, first, count, of_packet, back)
