"""The network: packets as vectors, a context of the window before a packet, and a head for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from ntgbench_stan.heads import log_mass

if TYPE_CHECKING:
    from ntgbench_stan.layout import Layout
    from ntgbench_stan.parameters import StanParameters

CELLS = 32
"""Parts of the range of a continuous column that have a vector of their own."""


class Network(nn.Module):
    """p(packet | window) = product over its columns j of p(x_j | window, x_1 … x_{j-1}) (arXiv 2009.12740).

    Symbols: B chunks or streams, T packets, W window, K columns, E numbers a column, H width, U width of a head.
    """

    rows: Tensor
    sizes: Tensor
    offset: Tensor
    unit: Tensor
    mask: Tensor

    def __init__(self, layout: Layout, p: StanParameters) -> None:
        super().__init__()
        self.columns, self.window = layout.columns, p.window
        self.link = layout.at.get("link")
        count, width = len(self.columns), len(self.columns) * p.embedding
        rows = [min(column.size, CELLS) if column.mixture else column.size for column in self.columns]
        sizes = [column.size for column in self.columns]
        buffers = {
            "rows": torch.tensor(rows),
            "sizes": torch.tensor(sizes),
            "offset": torch.tensor([sum(rows[:i]) for i in range(count)]),
            "unit": torch.tensor([[column.mixture / column.size] for column in self.columns]),
        }
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer, persistent=False)
        self.table = nn.Embedding(sum(rows), p.embedding)
        self.slope = nn.Parameter(0.1 * torch.randn(count, p.embedding))
        self.start = nn.Parameter(0.1 * torch.randn(width))
        self.enter = nn.Linear(width, p.hidden)
        self.layers = nn.ModuleList(nn.Linear(2 * p.hidden, p.hidden) for _ in range(p.window.bit_length() - 1))
        linked = width if self.link is not None else 0
        self.inner = nn.Linear(p.hidden + width + linked, count * p.head)
        self.heads = nn.ModuleList(
            nn.Linear(p.head, 3 * p.components if column.mixture else column.size) for column in self.columns
        )
        column_of = torch.arange(count).repeat_interleave(p.head)
        earlier = column_of[:, None] > torch.arange(count).repeat_interleave(p.embedding)
        seen = [torch.ones(count * p.head, p.hidden, dtype=torch.bool), earlier]
        if self.link is not None:
            seen.append((column_of > self.link)[:, None].expand(-1, linked))
        self.register_buffer("mask", torch.cat(seen, 1), persistent=False)

    def embed(self, codes: Tensor) -> Tensor:
        """Packets as vectors, (…, K E), for codes (…, K).

        A class has a vector; a value of a continuous column has that of its part of the range, and that of the column
        times itself.
        """
        return self._vectors(codes, slice(None)).flatten(-2)

    def embed_column(self, i: int, code: Tensor) -> Tensor:
        """Values of column i as vectors, (…, E), for codes (…,)."""
        return self._vectors(code.unsqueeze(-1), slice(i, i + 1)).squeeze(-2)

    def _vectors(self, codes: Tensor, which: slice) -> Tensor:
        row = codes * self.rows[which] // self.sizes[which] + self.offset[which]
        return self.table(row) + codes.unsqueeze(-1) * (self.unit * self.slope)[which]  # type: ignore[no-any-return]

    def context(self, packets: Tensor) -> Tensor:
        """What each window of W following packets says, (B, T - W + 1, H), for vectors of packets (B, T, K E).

        Causal convolutions of two packets each, 1, 2, 4, … packets apart, with what they get added to what they give.
        """
        hidden = torch.relu(self.enter(packets))
        for i, layer in enumerate(self.layers):
            apart = 2**i
            old, new = hidden[:, :-apart], hidden[:, apart:]
            hidden = new + torch.relu(layer(torch.cat([old, new], -1)))
        return hidden

    def inner_weight(self) -> Tensor:
        """Weights of the hidden layers of all heads, (K U, H + K E): 0 where a head must not see a later column."""
        return self.inner.weight * self.mask

    def outputs(self, context: Tensor, packets: Tensor, linked: Tensor | None = None) -> list[Tensor]:
        """What each head says of its column, (…, outputs), for contexts (…, H) and the packets' own vectors (…, K E).

        `linked` has the vectors of the packets that these are linked to, (…, K E), where the layout has links.
        """
        parts = [context, packets] if linked is None else [context, packets, linked]
        hidden = torch.relu(functional.linear(torch.cat(parts, -1), self.inner_weight(), self.inner.bias))
        parts = list(hidden.view(*hidden.shape[:-1], len(self.columns), -1).unbind(-2))
        return [head(part) for head, part in zip(self.heads, parts, strict=True)]

    def log_likelihood(self, outputs: list[Tensor], codes: Tensor) -> Tensor:
        """Log-probability of each column, (…, K), for codes (…, K)."""
        found = []
        for i, (column, output) in enumerate(zip(self.columns, outputs, strict=True)):
            if column.mixture:
                found.append(log_mass(output, codes[..., i], column.size))
            else:
                logits = torch.log_softmax(output, -1)
                found.append(logits.gather(-1, codes[..., i : i + 1])[..., 0])
        return torch.stack(found, -1)
