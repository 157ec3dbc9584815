"""The third generator as an LSTM over the packets of a step, a form that the paper compares with (its appendix).

A sample is a cell: the packets of one flow in one step, in the order of time. It has as many places as the largest
cell of the training trace has packets, at most the parameter `step_packets`; of a larger cell it has the first
packets. Each place has the header fields M and a pair that says whether there is a packet; where there is none, M is 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ntgbench_cascadenet.batches import Batches
from ntgbench_cascadenet.heads import CHUNK, pairs, record_heads

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.series import Series

Noise = tuple[Tensor, Tensor, Tensor]


class SequenceGenerator(nn.Module):
    """G3: the header fields of all packets of a step, by an LSTM that makes five packets at a time."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        p = layout.parameters
        self.flags, self.width, self.noise, self.hidden = (
            len(layout.records.flags),
            layout.records.width,
            p.noise,
            p.hidden,
        )
        self.most = layout.longest
        self.outputs = self.most * (self.width + 2)
        self.lstm = nn.LSTM(layout.packet_input + p.noise, p.hidden, batch_first=True)
        self.head = nn.Linear(p.hidden, CHUNK * (self.width + 2))

    def draw(
        self, count: int, like: Tensor, generator: torch.Generator | None = None, packets: int | None = None
    ) -> Noise:
        """The noise of `count` sequences: (B, chunks, noise), and the first states of the LSTM, (1, B, hidden) each."""
        chunks = math.ceil((packets or self.most) / CHUNK)
        sizes = ((count, chunks, self.noise), (1, count, self.hidden), (1, count, self.hidden))
        of_chunks, state, cell = (torch.randn(size, device=like.device, generator=generator) for size in sizes)
        return of_chunks, state, cell

    def forward(self, inputs: Tensor, noise: Noise) -> Tensor:
        """M and the pair of each place, (B, places (width + 2)), for [C | A | W], (B, packet_input).

        The first place always has a packet, and what follows a place without one is 0: no gradient passes through this.
        """
        values, pair = self._places(inputs, noise)
        values, pair = values[:, : self.most], pair[:, : self.most]
        inside = (pair[..., 0] > pair[..., 1]).detach().clone()
        inside[:, 0] = True
        return torch.cat([values * inside.cumprod(1).unsqueeze(-1), pair], -1).flatten(1)

    def packets(self, inputs: Tensor, times: Tensor, generator: torch.Generator) -> Tensor:
        """M of the packets of K steps, (N, width), for (K, packet_input) and their numbers, (K,) in 1..most.

        The series says how many packets there are, so the pair is not looked at.
        """
        made = inputs.new_empty((int(times.sum()), self.width))
        begin = times.cumsum(0) - times
        # Sequences of about the same length run together: little is made in vain, and an LSTM never looks ahead.
        size = (times / CHUNK).ceil().log2().ceil()
        for group in sorted(set(size.tolist())):
            cells = (size == group).nonzero()[:, 0]
            places = torch.arange(int(times[cells].max()), device=inputs.device)
            values, _ = self._places(inputs[cells], self.draw(len(cells), inputs, generator, len(places)))
            inside = places < times[cells, None]
            made[(begin[cells, None] + places)[inside]] = values[:, : len(places)][inside]
        return made

    def _places(self, inputs: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        """M, (B, n, width), and the pairs, (B, n, 2), of five places for each chunk of the noise."""
        steps = torch.cat([inputs[:, None].expand(-1, noise[0].shape[1], -1), noise[0]], 2)
        made = self.head(self.lstm(steps, noise[1:])[0]).view(-1, self.width + 2)
        shape = (len(inputs), -1)
        values = record_heads(made[:, : self.width], self.flags).view(*shape, self.width)
        return values, pairs(made[:, self.width :]).view(*shape, 2)


class CellBatches(Batches):
    """Batches in which the third generator is trained on cells."""

    def __init__(self, layout: Layout, series: Series, trace: PacketTrace, device: torch.device) -> None:
        super().__init__(layout, series, trace, device)
        self.longest, self.samples = layout.longest, len(series.packets)
        self.number = torch.from_numpy(series.packets.astype(np.int64)).to(device)
        self.begin = self.number.cumsum(0) - self.number

    def packet_inputs(self, cells: Tensor) -> Tensor:
        """[C | A | W] of cells, (B, packet_input)."""
        return super().packet_inputs(self.begin[cells])

    def records(self, cells: Tensor) -> Tensor:
        """M and the pair of each place of cells, (B, places (width + 2))."""
        places = torch.arange(self.longest, device=cells.device)
        inside = places < self.number[cells, None]
        rows = (self.begin[cells, None] + places).clamp(max=self.packets - 1)
        values = self._records[rows] * inside.unsqueeze(2)
        return torch.cat([values, torch.stack([inside, ~inside], 2)], 2).flatten(1)

    def one_packet_each(self, rows: Tensor) -> Tensor:
        """The cell of a random packet of each flow, (B,)."""
        return self._cell[super().one_packet_each(rows)]
