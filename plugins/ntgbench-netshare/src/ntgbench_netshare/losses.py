"""The loss of a critic of long rows that end in zeros, at less cost than `ntgbench.learning.adversaries` has."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ntgbench.learning.adversaries import PENALTY


def critic_loss(critic: nn.Sequential, real: Tensor, fake: Tensor, used: int) -> Tensor:
    """E D(fake) - E D(real) + 10 E (|grad D(mixed)| - 1)^2, the same number as `adversaries.critic_loss` gives.

    A mixed row is a real and a synthetic one, each pair in a random proportion of its own (Gulrajani et al. 2017, arXiv
    1704.00028). The first layer is linear: what it makes of a mixture is a mixture of what it makes of both, and what
    is 0 adds nothing. The gradient is that in all numbers.

    Args:
        critic: begins with a linear layer.
        real: float (B, n).
        fake: float (B, n); these count as constants.
        used: numbers from here on are 0 in all rows.
    """
    first, others = critic[0], critic[1:]
    assert isinstance(first, nn.Linear)
    rows = torch.cat([fake[:, :used], real[:, :used]]).detach()
    after = functional.linear(rows, first.weight[:, :used], first.bias)
    share = torch.rand(len(real), 1, device=real.device)
    made, known = after.chunk(2)
    mixed = torch.lerp(made, known, share)
    (slope,) = torch.autograd.grad(others(mixed).sum(), mixed, create_graph=True)
    penalty = ((slope @ first.weight).norm(dim=1) - 1).square().mean()
    scores = others(after).view(2, -1).mean(1)
    loss: Tensor = scores[0] - scores[1] + PENALTY * penalty
    return loss
