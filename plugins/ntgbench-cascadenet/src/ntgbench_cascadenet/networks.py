"""The networks of CascadeNet: three generators (paper, section 3.3) and three critics.

    C     conditions of a flow        A     its 5-tuple          S   its series, T steps
    z     noise, N(0, 1)              M     header fields        W   window of S around a packet

    A = G1(C, z)   S = G2(C, A, z)   M = G3(C, A, W, z)
    D1(C, A)       D2(C, A, S)       D3(C, A, W, M)

When conditions are generated, (C, A) = G1(z).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from ntgbench_cascadenet.heads import CHUNK, pairs, record_heads
from ntgbench_cascadenet.packet_sequence import SequenceGenerator

if TYPE_CHECKING:
    from ntgbench_cascadenet.layout import Layout


def dense(inputs: int, hidden: int, outputs: int, layers: int, norm: bool) -> nn.Sequential:
    """`layers` times linear, batch norm when wanted, and GELU; then linear."""
    parts: list[nn.Module] = []
    for layer in range(layers):
        parts.append(nn.Linear(inputs if layer == 0 else hidden, hidden))
        parts += [nn.BatchNorm1d(hidden)] if norm else []
        parts.append(nn.GELU())
    return nn.Sequential(*parts, nn.Linear(hidden, outputs))


def critic(inputs: int, hidden: int) -> nn.Sequential:
    """Four hidden layers without normalisation and one number without a bound."""
    return dense(inputs, hidden, 1, 4, norm=False)


class FlowGenerator(nn.Module):
    """G1: the 5-tuple of a flow, and its conditions when these are generated."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        p = layout.parameters
        self.generates = p.conditions == "generated"
        self.conditions, self.pairs, self.noise = len(layout.conditions), 2 * layout.tuples.bits, p.noise
        outputs = layout.tuples.width + (self.conditions if self.generates else 0)
        inputs = p.noise + (0 if self.generates else self.conditions)
        self.body = dense(inputs, p.hidden, outputs, 2, norm=True)

    def forward(self, conditions: Tensor, noise: Tensor) -> Tensor:
        """[C | A], (B, flow), for C, (B, c), which is not looked at when conditions are generated."""
        if self.generates:
            made = self.body(noise)
            conditions, made = made[:, : self.conditions].sigmoid(), made[:, self.conditions :]
        else:
            made = self.body(torch.cat([conditions, noise], 1))
        return torch.cat([conditions, pairs(made[:, : self.pairs]), made[:, self.pairs :].tanh()], 1)


class SeriesGenerator(nn.Module):
    """G2: the series of a flow, by an LSTM that makes five steps at a time, or by a dense network that makes all."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        p = layout.parameters
        self.steps, self.width, self.plain, self.noise = p.steps, layout.step, layout.plain, p.noise
        self.zero_flag, self.hidden, self.chunks = p.zero_flag, p.hidden, math.ceil(p.steps / CHUNK)
        self.recurrent, self.half_window = p.series == "lstm", p.window // 2
        if self.recurrent:
            self.lstm = nn.LSTM(layout.flow + p.noise, p.hidden, batch_first=True)
            self.head = nn.Linear(p.hidden, CHUNK * layout.step)
        else:
            self.chunks = 1
            self.body = dense(layout.flow + p.noise, p.hidden, p.steps * layout.step, 2, norm=True)

    def draw(self, count: int, like: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        """The noise of `count` flows: (B, chunks, noise), and the first states of the LSTM, (1, B, hidden) each."""
        sizes = [(count, self.chunks, self.noise)] + [(1, count, self.hidden)] * (2 if self.recurrent else 0)
        return tuple(torch.randn(size, device=like.device, generator=generator) for size in sizes)

    def forward(self, flow: Tensor, noise: tuple[Tensor, ...]) -> Tensor:
        """S, (B, T, d), for [C | A], (B, flow)."""
        if self.recurrent:
            inputs = torch.cat([flow[:, None].expand(-1, self.chunks, -1), noise[0]], 2)
            made = self.head(self.lstm(inputs, (noise[1], noise[2]))[0]).reshape(len(flow), -1, self.width)
        else:
            made = self.body(torch.cat([flow, noise[0][:, 0]], 1)).view(len(flow), self.steps, self.width)
        return self.masked(made[:, : self.steps])

    def until_end(self, flow: Tensor, noise: tuple[Tensor, ...]) -> Tensor:
        """S as `forward` makes it, where packets and the windows around them are; what comes later means nothing.

        For sampling: the LSTM goes on with those flows only that have not ended half a window ago.
        """
        if not self.recurrent:
            return self.forward(flow, noise)
        made = flow.new_zeros(len(flow), self.chunks * CHUNK, self.width)
        rows, length = torch.arange(len(flow), device=flow.device), flow.new_zeros(len(flow))
        state = noise[1], noise[2]
        for begin in range(0, self.chunks * CHUNK, CHUNK):
            inputs = torch.cat([flow[rows], noise[0][rows, begin // CHUNK]], 1)
            hidden, state = self.lstm(inputs[:, None], state)
            steps = self.head(hidden).view(-1, CHUNK, self.width)
            made[rows, begin : begin + CHUNK] = steps
            inside = steps[..., -2] > steps[..., -1]
            inside[:, 0] |= begin == 0
            length += (length == begin) * inside.cumprod(1).sum(1)
            goes_on = length + self.half_window > begin + CHUNK
            goes_on |= length == begin + CHUNK
            rows, length, state = rows[goes_on], length[goes_on], (state[0][:, goes_on], state[1][:, goes_on])
        return self.masked(made[:, : self.steps])

    def masked(self, made: Tensor) -> Tensor:
        """Heads, then zeros where the flags say so: no gradient passes through a decision."""
        values, flags = made[..., : self.plain].sigmoid(), pairs(made[..., self.plain :])
        activity = flags[..., -2:]
        inside = activity[..., 0] > activity[..., 1]
        inside[:, 0] = True
        active = inside.cumprod(1).unsqueeze(-1).to(made.dtype)
        if not self.zero_flag:
            return torch.cat([values * active, activity], -1)
        zero = flags[..., :2]
        filled = zero[..., 0] > zero[..., 1]
        filled[:, 0] = True
        return torch.cat([values * filled.unsqueeze(-1) * active, zero * active, activity], -1)


class PacketGenerator(nn.Module):
    """G3: the header fields of a packet from its flow and the steps around it."""

    most = 16_384
    """Packets of one step that are made at a time, at most."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        p = layout.parameters
        self.flags, self.outputs, self.noise = len(layout.records.flags), layout.records.width, p.noise
        self.body = dense(layout.packet_input + p.noise, p.hidden, self.outputs, 2, norm=True)

    def draw(self, count: int, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The noise of `count` packets, (B, noise)."""
        return torch.randn(count, self.noise, device=like.device, generator=generator)

    def forward(self, inputs: Tensor, noise: Tensor) -> Tensor:
        """M, (B, width), for [C | A | W], (B, packet_input)."""
        return record_heads(self.body(torch.cat([inputs, noise], 1)), self.flags)

    def packets(self, inputs: Tensor, times: Tensor, generator: torch.Generator) -> Tensor:
        """M of the packets of K steps, (N, width), for (K, packet_input) and their numbers, (K,)."""
        return self.repeated(inputs, times, self.draw(int(times.sum()), inputs, generator))

    def repeated(self, inputs: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """M of packets, (N, width), that share inputs: (K, packet_input), each for as many packets as `times` says.

        The same as `forward` with repeated inputs, but their part of the first layer is computed once.
        """
        first = self.body[0]
        assert isinstance(first, nn.Linear)
        known = functional.linear(inputs, first.weight[:, : inputs.shape[1]], first.bias)
        made = known.repeat_interleave(times, 0, output_size=len(noise))
        made.addmm_(noise, first.weight[:, inputs.shape[1] :].t())
        return record_heads(self.body[1:](made), self.flags)


class Generators(nn.Module):
    """The three generators: all that a fitted model needs."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.g1 = FlowGenerator(layout)
        self.g2 = SeriesGenerator(layout)
        if layout.parameters.packets == "mlp":
            self.g3: PacketGenerator | SequenceGenerator = PacketGenerator(layout)
        else:
            self.g3 = SequenceGenerator(layout)


class Cascade(Generators):
    """All six networks."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        p = layout.parameters
        self.d1 = critic(layout.flow, p.hidden)
        self.d2 = critic(layout.flow + p.steps * layout.step, p.hidden)
        self.d3 = critic(layout.packet_input + self.g3.outputs, p.hidden)
