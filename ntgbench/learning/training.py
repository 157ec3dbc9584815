"""The training loop: AdamW, warm-up and cosine, early stop, a budget, and the best weights in the end."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ntgbench.datasets.splits import split
from ntgbench.errors import DatasetError, PluginError
from ntgbench.mapping.tokens import PAD

if TYPE_CHECKING:
    from ntgbench.interfaces import Context
    from ntgbench.learning.recipe import Recipe
    from ntgbench.traffic.biflows import Biflows

VALIDATION_SHARE = 0.1
"""Part of each class of the training set that tells when to stop."""

WARM_UP = 0.05
"""Part of the training in which the learning rate rises."""

LARGEST_GRADIENT = 1.0
"""Norm that gradients are clipped to."""

Loss = Callable[[Tensor], tuple[Tensor, int]]
"""Mean loss of some rows, and how many terms it is the mean of."""


class TokenModel(nn.Module, ABC):
    """A causal model of rows of tokens.

    Attributes:
        head: gives the logits, float (…, vocabulary), of what `hidden` returned.
    """

    head: nn.Module

    @abstractmethod
    def initialise(self, seed: int) -> None:
        """Draw all weights anew."""

    @abstractmethod
    def hidden(self, tokens: Tensor) -> Tensor:
        """What `head` reads, float (N, T, hidden), for tokens (N, T)."""


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        train_loss: mean loss of each epoch.
        validation_loss: validation loss after each epoch; empty when there was nothing to validate on.
    """

    train_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]


def hold_out(train: Biflows, seed: int) -> tuple[Biflows, Biflows]:
    """`train` without its validation part, and that part, which is empty when there are too few biflows for one."""
    if not len(train):
        raise PluginError("there is no training biflow to learn from")
    try:
        return split(train, VALIDATION_SHARE, seed)
    except DatasetError:
        return train, train.select([])


def next_token_loss(model: TokenModel) -> Loss:
    """The cross-entropy, in nats a token, of rows of tokens under `model`.

    Only packets and EOS count, and only their logits are computed: the class is given, and PAD means nothing.
    """

    def loss(rows: Tensor) -> tuple[Tensor, int]:
        following = rows[:, 1:]
        real = (following != PAD).nonzero(as_tuple=True)
        logits = model.head(model.hidden(rows[:, :-1])[real])
        return functional.cross_entropy(logits, following[real]), len(logits)

    return loss


def fit(model: nn.Module, loss: Loss, rows: Tensor, validation: Tensor, recipe: Recipe, context: Context) -> Trained:
    """Train `model` in place and leave it with the weights of its best epoch.

    Args:
        model: what is trained, on the device of the rows.
        loss: loss of some rows under the model.
        rows: training rows, (N, …), N at least 1.
        validation: rows that say which epoch was best, and when to stop; with none the last epoch is the best.
        recipe: how to train.
        context: seed of the order of rows, progress, and the budget, at the end of which training stops cleanly.
    """
    rng = context.rng()
    epochs = recipe.epochs if context.budget.epochs is None else min(recipe.epochs, context.budget.epochs)
    clock = _Clock(epochs * math.ceil(len(rows) / recipe.batch), context.budget.minutes)
    optimiser = adamw(model, recipe)
    best = _copy(model)
    train_loss: list[float] = []
    validation_loss: list[float] = []
    note = ""
    while clock.share() < 1.0:
        model.train()
        order = torch.from_numpy(rng.permutation(len(rows))).to(rows.device)
        total, terms = torch.zeros((), device=rows.device), 0
        for batch in torch.split(order, recipe.batch):
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * schedule(clock.share())
            mean, count = loss(rows[batch])
            step(optimiser, mean)
            total, terms = total + mean.detach() * count, terms + count
            clock.steps += 1
            context.progress(clock.share(), 1.0, f"{note}{clock.left()}")
            if clock.share() >= 1.0:
                break
        train_loss.append(float(total) / terms)
        note = f"loss {train_loss[-1]:.3f}, "
        if len(validation):
            validation_loss.append(evaluate(model, loss, validation, recipe.batch))
            note = f"loss {train_loss[-1]:.3f}, validation {validation_loss[-1]:.3f}, "
        if not validation_loss or validation_loss[-1] <= min(validation_loss):
            best = _copy(model)
        elif len(validation_loss) - 1 - int(np.argmin(validation_loss)) >= recipe.patience:
            break
    model.load_state_dict(best)
    model.eval()
    return Trained(tuple(train_loss), tuple(validation_loss))


def adamw(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), fused where torch has a fused kernel."""
    weights = list(model.parameters())
    groups = [
        {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    fused = weights[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.95), fused=fused)


def step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down the clipped gradient of `loss`."""
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_([w for group in optimiser.param_groups for w in group["params"]], LARGEST_GRADIENT)
    optimiser.step()


@torch.no_grad()
def evaluate(model: nn.Module, loss: Loss, rows: Tensor, batch: int) -> float:
    """Mean loss of all `rows`, at least one."""
    model.eval()
    found = [loss(part) for part in torch.split(rows, batch)]
    return sum(float(mean) * count for mean, count in found) / sum(count for _, count in found)


def schedule(share: float) -> float:
    """Learning rate as a part of its highest value after a share of the training, 0..1: warm-up, then half a cosine."""
    if share < WARM_UP:
        return max(share, 0.01 * WARM_UP) / WARM_UP
    return 0.5 * (1.0 + math.cos(math.pi * (share - WARM_UP) / (1.0 - WARM_UP)))


class _Clock:
    """How much of the training is done, by steps or by minutes, whichever is further."""

    def __init__(self, all_steps: int, minutes: float | None) -> None:
        self.steps, self.all_steps = 0, all_steps
        self.begun, self.seconds = time.monotonic(), math.inf if minutes is None else 60.0 * minutes

    def share(self) -> float:
        """Part of the training that is done, 0..1."""
        elapsed = time.monotonic() - self.begun
        return min(1.0, max(self.steps / self.all_steps, elapsed / max(self.seconds, 1e-9)))

    def left(self) -> str:
        """The time left, in words."""
        minutes = (time.monotonic() - self.begun) * (1.0 / max(self.share(), 1e-9) - 1.0) / 60.0
        return f"{minutes:.0f} min left" if minutes >= 1.0 else "less than a minute left"


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}
