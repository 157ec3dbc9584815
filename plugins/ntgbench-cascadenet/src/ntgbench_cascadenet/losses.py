"""The losses of a pair of networks that were given the same: those of `ntgbench.learning.adversaries`, at less cost."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ntgbench.learning import adversaries


class Pair(NamedTuple):
    """What one critic sees: real and synthetic rows, float (B, n), each after what the generator was given, (B, g).

    The gradient at what was given is not penalised.
    """

    critic: nn.Sequential  # begins with a linear layer
    given: Tensor
    real: Tensor
    fake: Tensor


def critic_loss(pair: Pair) -> Tensor:
    """E D(fake) - E D(real) + lambda E (|grad D(mixed)| - 1)^2; synthetic rows count as constants.

    What both kinds of rows have in common passes the first layer once.
    """
    first, others = pair.critic[0], pair.critic[1:]
    assert isinstance(first, nn.Linear)
    for_given, for_judged = torch.split(first.weight, [pair.given.shape[1], pair.real.shape[1]], 1)
    common = functional.linear(pair.given, for_given, first.bias)
    after = functional.linear(torch.stack([pair.fake.detach(), pair.real]), for_judged) + common
    return adversaries.loss_behind_linear(others, for_judged, after.flatten(0, 1))


def generator_loss(pair: Pair) -> Tensor:
    """-E D(fake)."""
    return adversaries.generator_loss(pair.critic, torch.cat([pair.given, pair.fake], 1))
