"""The training trace as tensors, of which batches are gathered by index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ntgbench_cascadenet.conditions import conditions

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.series import Series


class Batches:
    """Flows and packets of a trace on the device; nothing is stored that can be gathered.

    Shapes of what is gathered depend on no value, so a GPU never waits for the host.

    Attributes:
        flows: number of flows, F.
        packets: number of packets, N, flow by flow.
        samples: what the third generator is trained on: packets.
        flow_packets: packets of each flow, int64 (F,).
        device: where all tensors are.
    """

    def __init__(self, layout: Layout, series: Series, trace: PacketTrace, device: torch.device) -> None:
        def reals(values: npt.NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(device)

        def integers(values: npt.NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values, np.int64)).to(device)

        p = layout.parameters
        self.steps, self.window, self.zero_flag = p.steps, p.window, p.zero_flag
        self.flows, self.packets, self.device = len(series), len(trace), device
        self.samples, self.flow_packets = self.packets, trace.flows.count
        heads = trace.select(trace.flows.heads())
        self._conditions = reals(layout.scaled(conditions(series)))
        self._bits = torch.from_numpy(layout.tuples.encode(heads)).to(device)
        words = layout.tuples.words
        self._vectors = None if words is None else reals(words.table())
        self._words = None if words is None else integers(words.index(heads))
        self._cells = reals(layout.series(series))
        self._cell_step = integers(series.flow * p.steps + series.step)  # ascending: steps of all flows in a row
        self._length = integers(series.length)
        in_order = trace.select(trace.flows.order)
        self._records = torch.from_numpy(layout.records.encode(in_order, series.place, series.gap_ns)).to(device)
        self._cell = integers(series.cell)
        self._first_packet, self._packet_count = integers(trace.flows.first), integers(trace.flows.count)

    def flow(self, rows: Tensor) -> Tensor:
        """[C | A] of flows, float (B, flow), for int64 (B,)."""
        bits = self._bits[rows].to(torch.float32)
        parts = [self._conditions[rows], torch.stack([1 - bits, bits], 2).flatten(1)]
        if self._vectors is not None and self._words is not None:
            parts.append(self._vectors[self._words[rows]].flatten(1))
        return torch.cat(parts, 1)

    def series(self, rows: Tensor) -> Tensor:
        """S of flows, float (B, T, d)."""
        return self._steps(rows, torch.arange(self.steps, device=self.device).expand(len(rows), -1))

    def packet_inputs(self, packets: Tensor) -> Tensor:
        """[C | A | W] of packets, float (B, packet_input). A step outside the series is 0 but for its last number."""
        cell_step = self._cell_step[self._cell[packets]]
        flow, step = cell_step // self.steps, cell_step % self.steps
        half = self.window // 2
        around = step[:, None] + torch.arange(-half, half + 1, device=self.device)
        return torch.cat([self.flow(flow), self._steps(flow, around).flatten(1)], 1)

    def records(self, packets: Tensor) -> Tensor:
        """M of packets, float (B, width)."""
        return self._records[packets]

    def one_packet_each(self, rows: Tensor) -> Tensor:
        """A random packet of each flow, int64 (B,)."""
        count = self._packet_count[rows]
        drawn = (torch.rand(len(rows), device=self.device) * count).long()
        # A float may be rounded up.
        return self._first_packet[rows] + torch.minimum(drawn, count - 1)

    def _steps(self, flow: Tensor, step: Tensor) -> Tensor:
        """Steps of each flow, (B, n, d), for int64 (B,) and (B, n), the steps since the flow's first."""
        inside = (step >= 0) & (step < self._length[flow][:, None])
        wanted = flow[:, None] * self.steps + step
        cell = torch.searchsorted(self._cell_step, wanted).clamp(max=len(self._cell_step) - 1)
        filled = inside & (self._cell_step[cell] == wanted)
        flags = [filled, inside & ~filled] if self.zero_flag else []
        flags += [inside, ~inside]
        return torch.cat([self._cells[cell] * filled.unsqueeze(-1), torch.stack(flags, -1)], -1)
