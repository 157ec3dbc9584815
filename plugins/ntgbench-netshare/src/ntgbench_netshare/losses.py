"""The loss of a critic of long rows that end in zeros, at less cost than `ntgbench.learning.adversaries` has."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ntgbench.learning.adversaries import loss_behind_linear


def critic_loss(critic: nn.Sequential, real: Tensor, fake: Tensor, used: int) -> Tensor:
    """E D(fake) - E D(real) + 10 E (|grad D(mixed)| - 1)^2, the same number as `adversaries.critic_loss` gives.

    The gradient is that in all numbers; numbers that are 0 add nothing to what the first layer makes of a row.

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
    return loss_behind_linear(others, first.weight, after)
