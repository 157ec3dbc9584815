"""The losses of Wasserstein GANs with a penalty on the gradient (Gulrajani et al. 2017, arXiv 1704.00028)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

PENALTY = 10.0
"""Weight of the penalty, lambda."""


class Pair(NamedTuple):
    """What one critic sees: real and synthetic rows, float (B, n) each.

    The gradient at the first `given` numbers, which the generator was given, is not penalised.
    """

    critic: nn.Sequential
    real: Tensor
    fake: Tensor
    given: int


def critic_loss(pair: Pair) -> Tensor:
    """E D(fake) - E D(real) + lambda E (|grad D(mixed)| - 1)^2; synthetic rows count as constants.

    A mixed row is a real and a synthetic one, mixed in one random proportion in all its numbers.
    """
    first, others = pair.critic[0], pair.critic[1:]
    assert isinstance(first, nn.Linear)
    after = first(torch.cat([pair.fake.detach(), pair.real]))
    fake, real = after.unflatten(0, (2, -1)).unbind()
    # The first layer is linear, so it need not see mixed rows: what it makes of them is a mixture, too.
    mixed = torch.lerp(fake, real, torch.rand(len(real), 1, device=real.device))
    (slope,) = torch.autograd.grad(others(mixed).sum(), mixed, create_graph=True)
    slope = slope @ first.weight[:, pair.given :]
    penalty = (slope.norm(dim=1) - 1).square().mean()
    scores = others(after)
    loss: Tensor = scores[: len(fake)].mean() - scores[len(fake) :].mean() + PENALTY * penalty
    return loss


def generator_loss(pair: Pair) -> Tensor:
    """-E D(fake)."""
    scores: Tensor = pair.critic(pair.fake)
    return -scores.mean()
