"""The losses of Wasserstein GANs with a penalty on the gradient (Gulrajani et al. 2017, arXiv 1704.00028)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

PENALTY = 10.0
"""Weight of the penalty, lambda."""


class Pair(NamedTuple):
    """What one critic sees: real and synthetic rows, float (B, n), each after what the generator was given, (B, g).

    The gradient at what was given is not penalised.
    """

    critic: nn.Sequential
    given: Tensor
    real: Tensor
    fake: Tensor


def critic_loss(pair: Pair) -> Tensor:
    """E D(fake) - E D(real) + lambda E (|grad D(mixed)| - 1)^2; synthetic rows count as constants.

    A mixed row is a real and a synthetic one, mixed in one random proportion in all its numbers. The first layer is
    linear, which saves work: it sees what both have in common once, and what it makes of a mixture is a mixture.
    """
    first, others = pair.critic[0], pair.critic[1:]
    assert isinstance(first, nn.Linear)
    for_given, for_judged = torch.split(first.weight, [pair.given.shape[1], pair.real.shape[1]], 1)
    common = functional.linear(pair.given, for_given, first.bias)
    after = functional.linear(torch.stack([pair.fake.detach(), pair.real]), for_judged) + common
    fake, real = after.unbind()
    mixed = torch.lerp(fake, real, torch.rand(len(real), 1, device=real.device))
    (slope,) = torch.autograd.grad(others(mixed).sum(), mixed, create_graph=True)
    penalty = ((slope @ for_judged).norm(dim=1) - 1).square().mean()
    fake_score, real_score = others(after.flatten(0, 1)).view(2, -1).mean(1)
    loss: Tensor = fake_score - real_score + PENALTY * penalty
    return loss


def generator_loss(pair: Pair) -> Tensor:
    """-E D(fake)."""
    scores: Tensor = pair.critic(torch.cat([pair.given, pair.fake], 1))
    return -scores.mean()
