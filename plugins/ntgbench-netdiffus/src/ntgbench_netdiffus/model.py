"""The class-conditional U-Net that predicts the noise in an image and the variance of a step back.

Architecture: Dhariwal and Nichol 2021, arXiv 2105.05233 (residual blocks whose second normalisation is scaled and
shifted by time and class), with two resolutions and attention at the full one. Images may have any number of rows.
"""

from __future__ import annotations

import copy
import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

GROUPS = 8
"""Largest number of groups in group normalisation; a group has at least four channels where there are as many."""

LONGEST_WAVE = 10_000.0
"""Period, over 2 pi, of the slowest component of the embedding of time."""

Convolution = TypeVar("Convolution", nn.Conv1d, nn.Conv2d)


class Residual(nn.Module):
    """Two convolutions conditioned on time and class, with a skip connection.

    Attributes:
        condition: scale and shift of the second normalisation.
    """

    def __init__(self, before: int, after: int, embedding: int) -> None:
        super().__init__()
        self.norm_in = normalisation(before)
        self.conv_in = nn.Conv2d(before, after, 3, padding=1)
        self.condition = nn.Linear(embedding, 2 * after)
        self.norm_out = normalisation(after)
        self.conv_out = zeroed(nn.Conv2d(after, after, 3, padding=1))
        self.skip = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """The block's output (N, after, H, W) for `x` (N, before, H, W) and the activated embedding (N, E)."""
        scale, shift = self.condition(embedding)[:, :, None, None].chunk(2, dim=1)
        inner = self.conv_in(F.silu(self.norm_in(x)))
        inner = torch.addcmul(shift, self.norm_out(inner), 1.0 + scale)
        after: Tensor = self.skip(x) + self.conv_out(F.silu(inner))
        return after


class Attention(nn.Module):
    """Attention of all pixels to all pixels, with a skip connection."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = normalisation(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.output = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The block's output for `x`, both (N, channels, H, W)."""
        pixels = x.flatten(2)
        # (N heads, channels of a head, pixels): for matrices this small bmm is faster than the fused kernel.
        query, key, value = (
            part.reshape(len(x) * self.heads, -1, pixels.shape[2])
            for part in self.qkv(self.norm(pixels)).chunk(3, dim=1)
        )
        weight = torch.bmm(key.transpose(1, 2), query * key.shape[1] ** -0.5).softmax(dim=1)
        attended = torch.bmm(value, weight).view_as(pixels)
        after: Tensor = x + self.output(attended).view_as(x)
        return after


class Stage(nn.Module):
    """A residual block, followed by attention when there are heads."""

    def __init__(self, before: int, after: int, embedding: int, heads: int) -> None:
        super().__init__()
        self.residual = Residual(before, after, embedding)
        self.attention = Attention(after, heads) if heads else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """The output (N, after, H, W) for `x` (N, before, H, W)."""
        after: Tensor = self.attention(self.residual(x, embedding))
        return after


class UNet(nn.Module):
    """Two resolutions of `channels` and 2 `channels`, `blocks` stages each on the way down and one more on the way up.

    Args:
        channels: channels at the full resolution, even.
        blocks: stages of each resolution on the way down.
        heads: attention heads, a divisor of the channels.
        classes: classes of biflows.
    """

    def __init__(self, channels: int, blocks: int, heads: int, classes: int) -> None:
        super().__init__()
        self.channels, wide, embedding = channels, 2 * channels, 4 * channels
        self.time = nn.Sequential(nn.Linear(channels, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.label = nn.Embedding(classes, embedding)
        self.first = nn.Conv2d(1, channels, 3, padding=1)
        self.down = nn.ModuleList(Stage(channels, channels, embedding, heads) for _ in range(blocks))
        self.shrink = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.down_wide = nn.ModuleList(Stage(wide if i else channels, wide, embedding, 0) for i in range(blocks))
        self.middle = nn.ModuleList([Stage(wide, wide, embedding, heads), Stage(wide, wide, embedding, 0)])
        from_below = [wide] * blocks + [channels]
        self.up_wide = nn.ModuleList(Stage(wide + below, wide, embedding, 0) for below in from_below)
        self.grow = nn.Conv2d(wide, wide, 3, padding=1)
        self.up = nn.ModuleList(
            Stage((channels if i else wide) + channels, channels, embedding, heads) for i in range(blocks + 1)
        )
        self.last = nn.Sequential(normalisation(channels), nn.SiLU(), zeroed(nn.Conv2d(channels, 2, 3, padding=1)))

    def forward(self, images: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Predicted noise and where in its range the logarithm of the variance is, float (N, 2, P, P).

        Args:
            images: noisy images, float (N, 1, P, P).
            times: how noisy, float (N,): steps of the forward process.
            labels: class of each, int64 (N,).
        """
        body = self.shrink.weight.dtype
        embedding = F.silu(self.time(waves(times, self.channels)) + self.label(labels)).to(body)
        x = self.first(images).to(body)
        kept = [x]
        for stage in [*self.down, self.shrink, *self.down_wide]:
            x = self.shrink(x) if stage is self.shrink else stage(x, embedding)
            kept += [x]
        for stage in self.middle:
            x = stage(x, embedding)
        for stage in self.up_wide:
            x = stage(torch.cat([x, kept.pop()], dim=1), embedding)
        # To the size of the images, which is not twice this one when the number of rows is odd.
        x = self.grow(F.interpolate(x, size=images.shape[2:]))
        for stage in self.up:
            x = stage(torch.cat([x, kept.pop()], dim=1), embedding)
        predicted: Tensor = self.last(x.to(images.dtype))
        return predicted

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.first.weight.device

    def with_body(self, dtype: torch.dtype) -> UNet:
        """A copy whose inner layers compute in `dtype`; embeddings, first and last layer stay as they are."""
        other = copy.deepcopy(self)
        for part in (other.down, other.shrink, other.down_wide, other.middle, other.up_wide, other.grow, other.up):
            part.to(dtype)
        return other


def zeroed(layer: Convolution) -> Convolution:
    """The layer with weights of zero: at first a residual block that ends with it changes nothing."""
    for weight in layer.parameters():
        nn.init.zeros_(weight)
    return layer


def normalisation(channels: int) -> nn.GroupNorm:
    """Group normalisation for so many channels."""
    return nn.GroupNorm(math.gcd(GROUPS, max(1, channels // 4)), channels)


def waves(times: Tensor, channels: int) -> Tensor:
    """Cosines and sines of `times`, float (N, channels): the embedding of Vaswani et al. 2017, arXiv 1706.03762."""
    half = channels // 2
    frequencies = LONGEST_WAVE ** -(torch.arange(half, device=times.device) / half)
    angles = times[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)
