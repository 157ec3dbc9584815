"""The training trace as tensors, of which batches are gathered by index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ntgbench_cascadenet.conditions import conditions

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.series import Series


class Batches:
    """Flows and packets of a trace on the device; nothing is stored that can be gathered.

    Attributes:
        flows: number of flows, F.
        packets: number of packets, N.
        samples: what the third generator is trained on: packets.
    """

    def __init__(self, layout: Layout, series: Series, trace: PacketTrace, device: torch.device) -> None:
        def real(values: np.ndarray) -> Tensor:  # type: ignore[type-arg]
            return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(device)

        def whole(values: np.ndarray) -> Tensor:  # type: ignore[type-arg]
            return torch.from_numpy(np.ascontiguousarray(values, np.int64)).to(device)

        p = layout.parameters
        self.steps, self.width, self.plain, self.window = p.steps, layout.step, layout.plain, p.window
        self.zero_flag, self.flows, self.packets = p.zero_flag, len(series), len(trace)
        self.samples = self.packets
        heads = trace.select(trace.flows.heads())
        self.condition_table = real(layout.scaled(conditions(series)))
        self.bits = torch.from_numpy(layout.tuples.encode(heads)).to(device)
        words = layout.tuples.words
        self.vectors = None if words is None else real(words.table())
        self.words = None if words is None else whole(words.index(heads))
        self.cells = real(layout.series(series))
        self.cell_flow, self.cell_step = whole(series.flow), whole(series.step)
        self.first, self.count, self.length = whole(series.first), whole(series.count), whole(series.length)
        in_order = trace.select(trace.flows.order)
        self.record_table = torch.from_numpy(layout.records.encode(in_order, series.place)).to(device)
        self.cell = whole(series.cell)
        self.first_packet, self.packet_count = whole(trace.flows.first), whole(trace.flows.count)

    def flow(self, rows: Tensor) -> Tensor:
        """[C | A] of flows, (B, flow)."""
        bits = self.bits[rows].to(self.cells.dtype)
        parts = [self.condition_table[rows], torch.stack([1 - bits, bits], 2).flatten(1)]
        if self.vectors is not None and self.words is not None:
            parts.append(self.vectors[self.words[rows]].flatten(1))
        return torch.cat(parts, 1)

    def conditions(self, rows: Tensor) -> Tensor:
        """C of flows, (B, c)."""
        return self.condition_table[rows]

    def series(self, rows: Tensor) -> Tensor:
        """S of flows, (B, T, d)."""
        count = self.count[rows]
        place = torch.arange(len(rows), device=rows.device).repeat_interleave(count)
        begin = (self.first[rows] - (count.cumsum(0) - count)).repeat_interleave(count)
        cells = begin + torch.arange(len(begin), device=rows.device)
        inside = torch.arange(self.steps, device=rows.device) < self.length[rows][:, None]
        return self._with_flags(inside, place * self.steps + self.cell_step[cells], cells)

    def packet_inputs(self, packets: Tensor) -> tuple[Tensor, Tensor]:
        """[C | A] and W of packets, (B, flow) and (B, window, d). Steps outside the series are 0 but for the last."""
        middle, half = self.cell[packets], self.window // 2
        flow, step = self.cell_flow[middle], self.cell_step[middle]
        offsets = torch.arange(-half, half + 1, device=packets.device)
        near = (middle[:, None] + offsets).clamp(0, len(self.cell_flow) - 1)
        distance = self.cell_step[near] - step[:, None]
        found = (self.cell_flow[near] == flow[:, None]) & (distance.abs() <= half)
        # At the ends of the table a neighbour appears again and again, which changes nothing.
        place = torch.arange(len(packets), device=packets.device)[:, None] * self.window + half + distance
        steps = step[:, None] + offsets
        inside = (steps >= 0) & (steps < self.length[flow][:, None])
        return self.flow(flow), self._with_flags(inside, place[found], near[found])

    def records(self, packets: Tensor) -> Tensor:
        """M of packets, (B, width)."""
        return self.record_table[packets]

    def one_packet_each(self, rows: Tensor) -> Tensor:
        """A random packet of each flow, (B,)."""
        count = self.packet_count[rows]
        drawn = (torch.rand(len(rows), device=rows.device) * count).long().clamp(max=count - 1)
        return self.first_packet[rows] + drawn

    def _with_flags(self, inside: Tensor, place: Tensor, cells: Tensor) -> Tensor:
        """Steps, (B, n, d), of which `place` says where, counted over both axes, the cells go."""
        made = self.cells.new_zeros((*inside.shape, self.width))
        made.view(-1, self.width)[place, : self.plain] = self.cells[cells]
        if self.zero_flag:
            filled = inside.new_zeros(inside.shape)
            filled.view(-1)[place] = True
            made[..., self.plain] = filled
            made[..., self.plain + 1] = inside & ~filled
        made[..., -2], made[..., -1] = inside, ~inside
        return made
