"""The network: rows of an image exchange what they hold, and each is worked on by itself, by turns.

MLP-Mixer: Tolstikhin et al. 2021, arXiv 2105.01601, with normalisations that are scaled and shifted by time and what is
known of the image, and gates that begin at 0, as in DiT: Peebles and Xie 2022, arXiv 2212.09748, section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

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

    Args:
        rows: rows of an image.
        columns: D, pixels of a row.
        given: G, numbers that are known of an image.
        width: numbers of a row inside the network, even.
        blocks: number of blocks.
    """

    def __init__(self, rows: int, columns: int, given: int, width: int, blocks: int) -> None:
        super().__init__()
        self.shape = (rows, columns)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.given = nn.Sequential(nn.Linear(given, width), nn.SiLU(), nn.Linear(width, width))
        self.first = nn.Linear(columns, width)
        self.place = nn.Parameter(0.02 * torch.randn(rows, width))
        self.blocks = nn.ModuleList(Block(rows, width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, 2 * columns)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, images: Tensor, times: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of -1 and of 1, against one of 0 for 0: float (N, rows, D) each.

        Args:
            images: noisy images, float (N, rows, D).
            times: how noisy, float (N,), 0..1.
            given: what is known of each image, float (N, G).
        """
        embedding = F.silu(self.time(waves(times, self.place.shape[1])) + self.given(given))
        x = self.first(images) + self.place
        for block in self.blocks:
            x = block(x, embedding)
        absent, one = self.last(self.norm(x)).chunk(2, dim=2)
        return absent, one


class Cascade(nn.Module):
    """Two networks, one after the other: the first draws what is one number in a flow, and the second its packets.

    Cascades of diffusion models: Ho et al. 2021, arXiv 2106.15282.

    Args:
        rows: packets of an image.
        once: which columns are drawn once for a flow, bool (D,).
        kinds: number of kinds of flows.
        width: numbers of a row inside either network, even.
        blocks: blocks of either.
    """

    def __init__(self, rows: int, once: tuple[bool, ...], kinds: int, width: int, blocks: int) -> None:
        super().__init__()
        self.are_once = once
        columns = sum(once) + rows
        self.flow = Mixer(1, columns, kinds, width, blocks)
        self.packets = Mixer(rows, len(once) - sum(once), kinds + columns, width, blocks)

    @property
    def once(self) -> Tensor:
        """Which columns are drawn once, bool (D,)."""
        return torch.tensor(self.are_once, device=self.flow.place.device)


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
