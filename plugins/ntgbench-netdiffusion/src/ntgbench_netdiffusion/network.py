"""The network: tokens of some rows of an image exchange what they hold, and each is worked on by itself, by turns.

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
    """A mixing of tokens and a mixing of the numbers of each token, each with a skip connection."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.condition = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.over_tokens = nn.Sequential(nn.Linear(tokens, 2 * tokens), nn.GELU(), nn.Linear(2 * tokens, tokens))
        self.over_width = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """The block's output for `x`, both (N, tokens, width), and the activated embedding (N, width)."""
        shift, scale, gate, shift_2, scale_2, gate_2 = self.condition(embedding)[:, None].chunk(6, dim=2)
        mixed = self.over_tokens(torch.addcmul(shift, self.norm(x), 1 + scale).transpose(1, 2)).transpose(1, 2)
        x = torch.addcmul(x, gate, mixed)
        after: Tensor = torch.addcmul(x, gate_2, self.over_width(torch.addcmul(shift_2, self.norm(x), 1 + scale_2)))
        return after


class Mixer(nn.Module):
    """Predicts the target v of `Schedule.velocity`.

    Args:
        rows: rows of an image, a multiple of those of a token.
        columns: pixels of a row, D.
        token: rows of a token.
        width: numbers of a token inside the network, even.
        blocks: number of blocks.
    """

    def __init__(self, rows: int, columns: int, token: int, width: int, blocks: int) -> None:
        super().__init__()
        self.columns, self.tokens = columns, rows // token
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.kind = nn.Embedding(CLASSES, width)
        self.first = nn.Linear(token * columns, width)
        self.place = nn.Parameter(0.02 * torch.randn(self.tokens, width))
        self.blocks = nn.ModuleList(Block(self.tokens, width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, token * columns)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, images: Tensor, times: Tensor, kinds: Tensor) -> Tensor:
        """The prediction, float (N, rows, D).

        Args:
            images: noisy images, float (N, rows, D).
            times: how noisy, float (N,), 0..1.
            kinds: kind of each flow, int64 (N,).
        """
        embedding = F.silu(self.time(waves(times, self.kind.embedding_dim)) + self.kind(kinds))
        x = self.first(images.reshape(len(images), self.tokens, -1)) + self.place
        for block in self.blocks:
            x = block(x, embedding)
        predicted: Tensor = self.last(self.norm(x)).view(images.shape)
        return predicted


def waves(times: Tensor, width: int) -> Tensor:
    """Cosines and sines of thousandths of `times`, float (N, width): Vaswani et al. 2017, arXiv 1706.03762."""
    half = width // 2
    frequencies = 1_000 * LONGEST_WAVE ** -(torch.arange(half, device=times.device) / half)
    angles = times[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)
