"""The network: rows of an image exchange what they hold, and each is worked on by itself, by turns.

MLP-Mixer: Tolstikhin et al. 2021, arXiv 2105.01601, with normalisations that are scaled and shifted by time and kind of
flow, and gates that begin at 0, as in DiT: Peebles and Xie 2022, arXiv 2212.09748, section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ntgbench_netdiffusion.images import CLASSES

LONGEST_WAVE = 10_000.0
"""Period, over 2 pi, of the slowest component of the embedding of time."""


class Block(nn.Module):
    """A mixing of rows and a mixing of the numbers of each row, each with a skip connection."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.condition = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.over_rows = nn.Sequential(nn.Linear(rows, 2 * rows), nn.GELU(), nn.Linear(2 * rows, rows))
        self.over_width = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """The block's output for `x`, both (N, rows, width), and the activated embedding (N, width)."""
        shift, scale, gate, shift_2, scale_2, gate_2 = self.condition(embedding)[:, None].chunk(6, dim=2)
        mixed = self.over_rows(torch.addcmul(shift, self.norm(x), 1 + scale).transpose(1, 2)).transpose(1, 2)
        x = torch.addcmul(x, gate, mixed)
        after: Tensor = torch.addcmul(x, gate_2, self.over_width(torch.addcmul(shift_2, self.norm(x), 1 + scale_2)))
        return after


class Mixer(nn.Module):
    """What an image is, by what is left of it in noise.

    A pixel is -1, 0 or 1. The network says how likely each value is by the rest of the image; the noisy pixel itself
    then counts by the density of its noise, see `posterior`. So the network need not carry every pixel to its end.
    Columns that are drawn once for a flow are the same pixel in all rows, whose logits are averaged.

    Args:
        rows: rows of an image.
        once: which columns of a row are drawn once for a flow, bool (D,).
        width: numbers of a row inside the network, even.
        blocks: number of blocks.
    """

    def __init__(self, rows: int, once: tuple[bool, ...], width: int, blocks: int) -> None:
        super().__init__()
        columns = len(once)
        self.are_once = once
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.kind = nn.Embedding(CLASSES, width)
        self.first = nn.Linear(columns, width)
        self.place = nn.Parameter(0.02 * torch.randn(rows, width))
        self.blocks = nn.ModuleList(Block(rows, width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, 2 * columns)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, images: Tensor, times: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of -1 and of 1, against one of 0 for 0: float (N, rows, D) each.

        Args:
            images: noisy images, float (N, rows, D).
            times: how noisy, float (N,), 0..1.
            kinds: kind of each flow, int64 (N,).
        """
        embedding = F.silu(self.time(waves(times, self.kind.embedding_dim)) + self.kind(kinds))
        x = self.first(images) + self.place
        for block in self.blocks:
            x = block(x, embedding)
        absent, one = (self.tied(logits) for logits in self.last(self.norm(x)).chunk(2, dim=2))
        return absent, one

    @property
    def once(self) -> Tensor:
        """Which columns are drawn once, bool (D,)."""
        return torch.tensor(self.are_once, device=self.place.device)

    def tied(self, values: Tensor) -> Tensor:
        """The values, (N, rows, D), with the mean over the rows in columns that are drawn once."""
        once: Tensor = torch.where(self.once, values.mean(1, keepdim=True), values)
        return once


def posterior(logits: tuple[Tensor, Tensor], images: Tensor, signal: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The logits with what the noisy pixels say: that of a value k rises by (s k x - s^2 k^2 / 2) / n^2.

    By Bayes' rule: of a pixel k, x = s k + n e has the density N(s k, n^2).

    Args:
        logits: of -1 and 1, float (N, rows, D) each.
        images: the noisy images x, float (N, rows, D).
        signal: s, and
        noise: n of the schedule, at the time of each image, float (N, 1, 1).
    """
    ratio = (signal / noise).square()
    tilt = images * (signal / noise.square())
    absent, one = logits
    return absent - tilt - ratio / 2, one + tilt - ratio / 2


def waves(times: Tensor, width: int) -> Tensor:
    """Cosines and sines of thousandths of `times`, float (N, width): Vaswani et al. 2017, arXiv 1706.03762."""
    half = width // 2
    frequencies = 1_000 * LONGEST_WAVE ** -(torch.arange(half, device=times.device) / half)
    angles = times[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)
