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
        in_time = np.argsort(trace.time_ns, kind="stable")
        # Numbered by where each first appears in time.
        in_order = codes(*(column[in_time] for column in (*addresses, ports)))
        number = np.empty_like(in_order)
        number[in_time] = in_order
        order = in_time[np.argsort(in_order, kind="stable")]
        count = np.bincount(in_order)
        return TraceFlows(order, np.cumsum(count) - count, count, number)


def codes(*columns: npt.NDArray[np.integer]) -> Numbers:
    """A number for each row, int64 (N,): equal for rows whose values are equal in all columns.

    Numbers are 0, 1, … in the order in which rows first appear.
    """
    code, distinct = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        index, values = _encoded(column)
        if values > 1:
            code, distinct = (index, values) if distinct == 1 else _encoded(code * values + index)
    return code


def _encoded(column: npt.NDArray[np.integer]) -> tuple[Numbers, int]:
    """The place of each value among the distinct ones, in the order in which they appear, and how many these are."""
    # Arrow's hash table takes a quarter of the time of sorting.
    import pyarrow as pa

    encoded = pa.array(column).dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)
