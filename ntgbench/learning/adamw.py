"""AdamW, with a clipped gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

BETAS = (0.9, 0.999)
"""What part of the old is kept in the running averages of gradients and of their squares.

Squares are remembered for a thousand steps, as a payload length may be seen once in a hundred: forgotten sooner, its
small gradients between are divided by next to nothing, and the noise in them puts weight on lengths that a class lacks.
"""

EPSILON = 1e-8
"""Added to what a step is divided by."""

LARGEST_GRADIENT = 1.0
"""Norm that gradients are clipped to."""


class AdamW:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) as torch's fused kernel computes it.

    The kernel is called as it is: on a model this small, what `torch.optim.AdamW` does around it takes a while, and so
    does a clipping of its own.

    Attributes:
        weights: what is trained: first weights of two dimensions or more, which decay, then gains and biases.
    """

    def __init__(self, model: nn.Module, weight_decay: float) -> None:
        self.weights: list[Tensor] = sorted(
            (weight for weight in model.parameters() if weight.requires_grad), key=lambda weight: weight.dim() <= 1
        )
        self.average = [torch.zeros_like(weight) for weight in self.weights]
        self.square = [torch.zeros_like(weight) for weight in self.weights]
        self.steps = torch.zeros((), device=self.weights[0].device)
        many = sum(weight.dim() > 1 for weight in self.weights)
        groups = ((slice(many), weight_decay), (slice(many, None), 0.0))
        self.groups = [(group, decay) for group, decay in groups if self.weights[group]]

    def state(self) -> dict[str, Tensor]:
        """All that it remembers, by name; to be changed in place."""
        found = {"steps": self.steps}
        for place, (average, square) in enumerate(zip(self.average, self.square, strict=True)):
            found |= {f"average.{place}": average, f"square.{place}": square}
        return found

    @torch.no_grad()
    def step(self, loss: Tensor, learning_rate: float) -> None:
        """One step down the clipped gradient of `loss`, which is 0 for a weight that the loss does not reach."""
        for weight in self.weights:
            weight.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in self.weights]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        # Gradients are divided by it.
        scale = (norm / LARGEST_GRADIENT).float() if norm > LARGEST_GRADIENT else None
        self.steps += 1
        for group, decay in self.groups:
            weights = self.weights[group]
            torch._fused_adamw_(
                weights,
                gradients[group],
                self.average[group],
                self.square[group],
                [],
                [self.steps] * len(weights),
                lr=learning_rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
                grad_scale=scale,
            )
