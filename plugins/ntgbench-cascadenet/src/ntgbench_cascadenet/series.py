"""The packets of each flow as a time series that begins with the flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.grid import Grid, Numbers

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Series:
    """The steps of F flows that have packets, K cells, flow by flow; steps count from the first one of the flow.

    Steps without packets are left out, so the size is that of the packets whatever T is.
    """

    flow: Numbers  # int64 (K,). Flow of each cell, ascending
    step: Numbers  # int64 (K,). Step since the flow's first, ascending inside a flow; 0 for its first cell
    packets: Numbers  # int64 (K,). Packets in the step, at least 1
    size: Numbers  # int64 (K,). Bytes in the step
    middle: Reals  # float64 (K,). Middle between the first and last packet of the step, 0..1 of the step
    span: Reals  # float64 (K,). Half of the time between these, 0..0.5 of the step
    first: Numbers  # int64 (F,). First cell of each flow
    count: Numbers  # int64 (F,). Cells of each flow, at least 1
    length: Numbers  # int64 (F,). L, steps from the first to the last with packets
    start_ns: Numbers  # int64 (F,). First packet of each flow, since the start of the trace
    end_ns: Numbers  # int64 (F,). Last packet of each flow, since the start of the trace
    cell: Numbers  # int64 (N,). Cell of each packet, in the order of `trace.flows.order`
    place: Reals  # float64 (N,). Where each packet is in its step, 0..1
    gap_ns: Numbers  # int64 (N,). Time since the packet before in the same cell, 0 for its first

    def __len__(self) -> int:
        return len(self.first)

    @staticmethod
    def of(trace: PacketTrace, grid: Grid) -> Series:
        """The series of a trace in the order of time, which lasts no longer than the grid."""
        flows = trace.flows
        after = trace.time_ns[flows.order] - grid.start_ns
        step = grid.step(after)
        place = grid.place(after, step)
        of_packet = flows.number[flows.order]
        new = np.ones(len(after), bool)
        new[1:] = (np.diff(of_packet) != 0) | (np.diff(step) != 0)
        begin = np.flatnonzero(new)
        cell = np.cumsum(new) - 1
        flow = of_packet[begin]
        count = np.bincount(flow, minlength=len(flows))
        first = np.cumsum(count) - count
        since = step[begin] - step[flows.first][flow]
        end = np.append(begin[1:], len(after)) - 1
        return Series(
            flow=flow,
            step=since,
            packets=np.diff(np.append(begin, len(after))),
            size=np.add.reduceat(trace.ip_length[flows.order].astype(np.int64), begin),
            middle=(place[begin] + place[end]) / 2,
            span=(place[end] - place[begin]) / 2,
            first=first,
            count=count,
            length=since[first + count - 1] + 1,
            start_ns=after[flows.first],
            end_ns=after[flows.last],
            cell=cell,
            place=place,
            gap_ns=np.where(new, 0, np.diff(after, prepend=0)),
        )
