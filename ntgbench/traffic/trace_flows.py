"""TraceFlows: the packets of a trace grouped by 5-tuple."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TraceFlows:
    """F flows: unidirectional, one for each 5-tuple, however long it pauses; numbered by their first packet in time.

    The packets of flow f are `order[first[f] : first[f] + count[f]]`, in the order of their times.
    """

    order: Numbers  # int64 (N,). Rows of the trace, flow by flow
    first: Numbers  # int64 (F,). Where each flow begins in `order`
    count: Numbers  # int64 (F,). Packets of each flow, at least 1
    number: Numbers  # int64 (N,). The flow of each packet of the trace, in the trace's order

    def __len__(self) -> int:
        return len(self.first)

    @property
    def last(self) -> Numbers:
        """Where each flow ends in `order`: the place of its last packet, int64 (F,)."""
        return self.first + self.count - 1

    def heads(self) -> Numbers:
        """Row of the first packet of each flow, int64 (F,)."""
        return self.order[self.first]

    def sums(self, values: npt.NDArray[np.number]) -> npt.NDArray[np.number]:
        """Sum over each flow of `values`, one a packet in the trace's order; int64 or float64 (F,)."""
        return np.add.reduceat(values[self.order], self.first) if len(self) else values[:0]

    def gaps_ns(self, time_ns: Numbers) -> tuple[Numbers, Numbers]:
        """Gaps between following packets of a flow in ns, flow by flow, and the flow of each: int64 (N - F,)."""
        between = np.diff(time_ns[self.order])
        inside = np.ones(len(between), bool)
        inside[self.first[1:] - 1] = False
        return between[inside], np.repeat(np.arange(len(self)), self.count - 1)

    @staticmethod
    def of(trace: PacketTrace) -> TraceFlows:
        """The flows of a trace in any order of packets; those of one time count in the trace's order."""
        ports = trace.source_port.astype(np.int64) << 24 | trace.destination_port.astype(np.int64) << 8 | trace.protocol
        addresses = [half for side in (trace.source, trace.destination) for half in (side[:, 0], side[:, 1])]
        code = codes(*addresses, ports)
        in_time = np.argsort(trace.time_ns, kind="stable")
        _, appears, inverse = np.unique(code[in_time], return_index=True, return_inverse=True)
        # Numbered by where each first appears in time.
        rank = np.empty(len(appears), np.int64)
        rank[np.argsort(appears)] = np.arange(len(appears))
        number = np.empty(len(code), np.int64)
        number[in_time] = rank[inverse]
        order = in_time[np.argsort(number[in_time], kind="stable")]
        count = np.bincount(number, minlength=len(appears))
        return TraceFlows(order, np.cumsum(count) - count, count, number)


def codes(*columns: npt.NDArray[np.integer]) -> Numbers:
    """A number for each row, int64 (N,): equal for rows whose values are equal in all columns, in 0..distinct-1."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, inverse = np.unique(column, return_inverse=True)
        if len(values) > 1:
            code = np.unique(code * len(values) + inverse, return_inverse=True)[1]
    return code
