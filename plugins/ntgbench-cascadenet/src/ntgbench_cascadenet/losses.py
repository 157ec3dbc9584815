"""The losses of Wasserstein GANs with a penalty on the gradient (Gulrajani et al. 2017, arXiv 1704.00028)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

PENALTY = 10.0
"""Weight of the penalty, lambda."""


class Seen(NamedTuple):
    """What a critic sees: of `judged` the gradient is penalised, of `context` it is not. (B, …) each."""

    context: Tensor
    judged: Tensor

    def joined(self) -> Tensor:
        """Both side by side."""
        return torch.cat([self.context, self.judged], 1)


def critic_loss(critic: nn.Module, real: Seen, fake: Seen) -> Tensor:
    """E D(fake) - E D(real) + lambda E (|grad D(mixed)| - 1)^2, the gradient with respect to what is judged.

    A mixed sample is a real and a synthetic one, mixed in one random proportion in all its parts.
    """
    count = len(real.judged)
    scores = critic(torch.cat([fake.joined(), real.joined()]))
    share = torch.rand(count, 1, device=real.judged.device)
    context = torch.lerp(fake.context, real.context, share)
    judged = torch.lerp(fake.judged, real.judged, share).requires_grad_()
    mixed = critic(Seen(context, judged).joined())
    (slope,) = torch.autograd.grad(mixed.sum(), judged, create_graph=True)
    penalty = (slope.norm(dim=1) - 1).square().mean()
    return scores[:count].mean() - scores[count:].mean() + PENALTY * penalty


def generator_loss(critic: nn.Module, fake: Seen) -> Tensor:
    """-E D(fake)."""
    return -critic(fake.joined()).mean()
