"""The losses of Wasserstein GANs with a penalty on the gradient (Gulrajani et al. 2017, arXiv 1704.00028)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

PENALTY = 10.0
"""Weight of the penalty, lambda."""

Critic = Callable[[Tensor], Tensor]
"""Scores of some rows, (B, …) -> (B,) or (B, 1)."""


def critic_loss(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E D(fake) - E D(real) + lambda E (|grad D(mixed)| - 1)^2 for rows (B, …); synthetic rows count as constants."""
    fake = fake.detach()
    return critic(fake).mean() - critic(real).mean() + PENALTY * penalty(critic, real, fake)


def generator_loss(critic: Critic, fake: Tensor) -> Tensor:
    """-E D(fake)."""
    return -critic(fake).mean()


def loss_behind_linear(others: Critic, weight: Tensor, rows: Tensor) -> Tensor:
    """The same number as `critic_loss`, at less cost, for a critic whose first layer is linear.

    What such a layer makes of a mixture is a mixture of what it makes of both, so each row passes it once.

    Args:
        others: the critic without its first layer.
        weight: of the first layer at the numbers whose gradient is penalised, (H, n).
        rows: what the first layer makes of synthetic rows, which must be constants, and of as many real ones, (2B, H).
    """
    fake, real = rows.chunk(2)
    mixed = torch.lerp(fake, real, torch.rand(len(real), 1, device=real.device))
    (slope,) = torch.autograd.grad(others(mixed).sum(), mixed, create_graph=True)
    missed = ((slope @ weight).norm(dim=1) - 1).square().mean()
    fake_score, real_score = others(rows).view(2, -1).mean(1)
    loss: Tensor = fake_score - real_score + PENALTY * missed
    return loss


def penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E (|grad D(mixed)| - 1)^2: a mixed row is a real and a synthetic one, in one random proportion in all numbers."""
    share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    mixed = torch.lerp(fake.detach(), real, share).requires_grad_()
    (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    found: Tensor = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    return found
