"""The losses of Wasserstein GANs with a penalty on the gradient (Gulrajani et al. 2017, arXiv 1704.00028)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

PENALTY = 10.0
"""Weight of the penalty, lambda."""

Critic = Callable[[Tensor], Tensor]
"""Scores of some rows, (B, …) -> (B,) or (B, 1)."""


def critic_loss(critic: Critic, real: Tensor, fake: Tensor, weight: float = PENALTY) -> Tensor:
    """E D(fake) - E D(real) + lambda E (|grad D(mixed)| - 1)^2 for rows (B, …); synthetic rows count as constants."""
    fake = fake.detach()
    return critic(fake).mean() - critic(real).mean() + weight * penalty(critic, real, fake)


def generator_loss(critic: Critic, fake: Tensor) -> Tensor:
    """-E D(fake)."""
    return -critic(fake).mean()


def penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E (|grad D(mixed)| - 1)^2: a mixed row is a real and a synthetic one, in one random proportion in all numbers."""
    share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    mixed = torch.lerp(fake.detach(), real, share).requires_grad_()
    (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    found: Tensor = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    return found
