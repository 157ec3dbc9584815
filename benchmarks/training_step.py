"""A training step as `ntgbench.learning.training.fit` takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ntgbench.learning.training import LARGEST_GRADIENT

if TYPE_CHECKING:
    from collections.abc import Callable


def training_step(
    model: nn.Module, loss: Callable[[], Tensor], bfloat16: bool = False, fused: bool = True
) -> Callable[[], None]:
    """A function that takes one step down the gradient of `loss`; `fused` is that of torch's AdamW."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=fused)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            mean = loss()
        mean.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimiser.step()

    return step
