"""The last layers of generators: what their numbers are made into."""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 5
"""Steps of the series that one step of the LSTM makes."""


def pairs(values: Tensor) -> Tensor:
    """Softmax over each two numbers that follow each other, (…, 2 n): the logistic function of their difference."""
    ahead = values[..., ::2] - values[..., 1::2]
    return torch.stack([ahead, -ahead], -1).flatten(-2).sigmoid()


def record_heads(made: Tensor, flags: int) -> Tensor:
    """Header fields, (N, width), as numbers in 0..1; the `flags` kinds of IP flags sum to 1."""
    first, kinds, rest = made.tensor_split((3, 3 + flags), 1)
    return torch.cat([first.sigmoid(), kinds.softmax(1), rest.sigmoid()], 1)
