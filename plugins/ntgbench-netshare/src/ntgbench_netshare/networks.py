"""The networks of DoppelGANger (Lin et al. 2020, arXiv 1909.13403) as NetShare uses them.

A   attributes of a flow in a chunk        z   noise, N(0, 1)
F   features of its packets                S   packets that a step of the LSTM makes

A = MLP(z)    F = LSTM(A, z_1, z_2, …)     D(F, A)    D_attr(A)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from ntgbench_netshare.layout import Layout
    from ntgbench_netshare.parameters import NetShareParameters

LAYERS = 4
"""Hidden layers of the dense networks."""


def critic(inputs: int, hidden: int) -> nn.Sequential:
    """Four hidden layers and one number without a bound."""
    parts: list[nn.Module] = []
    for layer in range(LAYERS):
        parts += [nn.Linear(hidden if layer else inputs, hidden), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(hidden, 1))


class Generator(nn.Module):
    """Attributes from noise, and features for attributes."""

    def __init__(self, layout: Layout, p: NetShareParameters) -> None:
        super().__init__()
        self.pairs, self.noise, self.longest = 2 * layout.bits, p.noise, layout.longest
        self.flags, self.width, self.at_once = len(layout.flags), layout.features, p.packets_a_step
        self.steps = math.ceil(self.longest / self.at_once)
        parts: list[nn.Module] = []
        for layer in range(LAYERS):
            parts += [nn.Linear(p.hidden if layer else p.noise, p.hidden), nn.ReLU(), nn.BatchNorm1d(p.hidden)]
        self.body = nn.Sequential(*parts, nn.Linear(p.hidden, layout.attributes))
        self.lstm = nn.LSTM(layout.attributes + p.noise, p.lstm, batch_first=True)
        self.head = nn.Linear(p.lstm, self.at_once * self.width)

    def attributes(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """A of so many flows, float (B, attributes)."""
        noise = torch.randn(count, self.noise, generator=generator, device=self.head.weight.device)
        made = self.body(noise)
        pairs, vectors, start = made[:, : self.pairs], made[:, self.pairs : -1], made[:, -1:]
        return torch.cat([_pairs(pairs), vectors.tanh(), start.sigmoid()], 1)

    def chosen(self, attributes: Tensor) -> Tensor:
        """A as the LSTM gets it: pairs are decided, and no gradient passes."""
        made = attributes.detach()
        pairs = made[:, : self.pairs].view(len(made), -1, 2)
        first = (pairs[..., 0] >= pairs[..., 1]).to(made.dtype)
        return torch.cat([torch.stack([first, 1 - first], 2).flatten(1), made[:, self.pairs :]], 1)

    def features(self, chosen: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """F of flows with these attributes, float (B, T, features): 0 after the first packet that is the last.

        The LSTM goes on only with flows that have not ended: what it would make of the others is masked anyway.
        """
        count, device = len(chosen), chosen.device
        state = tuple(
            torch.randn(1, count, self.lstm.hidden_size, generator=generator, device=device) for _ in range(2)
        )
        noise = torch.randn(self.steps, count, self.noise, generator=generator, device=device)
        rows, made = torch.arange(count, device=device), []
        for step in range(self.steps):
            inputs = torch.cat([chosen[rows], noise[step, rows]], 1)
            out, state = self.lstm(inputs.unsqueeze(1), state)
            packets = self._heads(self.head(out).view(-1, self.at_once, self.width))
            ends = packets[..., -1] > packets[..., -2]
            # A packet is there when none before it was the last one.
            there = (ends.cumsum(1) - ends.long()) == 0
            packets = packets * there.unsqueeze(2)
            if len(rows) < count:
                packets = packets.new_zeros(count, self.at_once, self.width).index_copy(0, rows, packets)
            made.append(packets)
            on = ~ends.any(1)
            rows, state = rows[on], (state[0][:, on], state[1][:, on])
            if not len(rows):
                break
        found = torch.cat(made, 1)[:, : self.longest]
        return torch.nn.functional.pad(found, (0, 0, 0, self.longest - found.shape[1]))

    def _heads(self, made: Tensor) -> Tensor:
        first, flags, last, goes_on = made.tensor_split((4, 4 + self.flags, 6 + self.flags), 2)
        return torch.cat([first.sigmoid(), flags.softmax(2), last.sigmoid(), _pairs(goes_on)], 2)


def counts(features: Tensor) -> Tensor:
    """Packets of each sequence, int64 (B,): up to the first one that is the last, or all."""
    ends = features[..., -1] > features[..., -2]
    longest = features.shape[1]
    return torch.where(ends.any(1), ends.long().argmax(1) + 1, longest)


def _pairs(values: Tensor) -> Tensor:
    """Softmax over each two numbers that follow each other, (…, 2 n): the logistic function of their difference."""
    ahead = values[..., ::2] - values[..., 1::2]
    return torch.stack([ahead, -ahead], -1).flatten(-2).sigmoid()
