"""The training loop: AdamW, warm-up and cosine, early stop, a budget, and the best weights in the end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ntgbench.errors import DatasetError, PluginError
from ntgbench.learning.budget import warn_if_cut
from ntgbench.learning.device import matrix_type, without_denormals
from ntgbench.learning.resume import Checkpoint, Position, with_state
from ntgbench.seeds import derive_seed
from ntgbench.tracks.biflows.splits import split

if TYPE_CHECKING:
    from ntgbench.interfaces import Context
    from ntgbench.learning.recipe import Recipe
    from ntgbench.tracks.biflows.interfaces import Labels
    from ntgbench.traffic.biflows import Biflows

VALIDATION_SHARE = 0.1
"""Part of each class of the training set that is held out for validation."""

WARM_UP = 0.05
"""Part of the training in which the learning rate rises."""

LARGEST_GRADIENT = 1.0
"""Norm that gradients are clipped to."""

Loss = Callable[[Tensor], tuple[Tensor, int]]
"""Mean loss of some rows, and how many terms it is the mean of."""


@dataclass
class Epochs(Position):
    """Where a training stands; steps count over all epochs.

    Attributes:
        total: sum of the losses of all terms of this epoch.
        terms: number of these terms.
        train_loss: mean loss of each finished epoch.
        validation_loss: validation loss after each finished epoch; empty when there is nothing to validate on.
    """

    total: float = 0.0
    terms: int = 0
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)


def hold_out(train: Biflows, seed: int) -> tuple[Biflows, Biflows]:
    """`train` split into what is learnt from and a validation part, which is empty when there are too few biflows.

    Raises PluginError when there is no biflow.
    """
    if not len(train):
        raise PluginError("there is no training biflow to learn from")
    try:
        return split(train, VALIDATION_SHARE, seed)
    except DatasetError:
        return train, train.select([])


def draws(labels: Labels, balance: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The rows of an epoch, ascending: as many as there are labels, drawn as `Recipe.balance` says.

    Systematic sampling: the row at every `1 / N`-th of the cumulated weights, from a random offset (Cochran 1977,
    chapter 8), so that each row is drawn its expected number of times, rounded down or up.
    """
    if not balance:
        return np.arange(len(labels))
    weight = np.bincount(labels)[labels] ** -balance
    ends = np.cumsum(weight) / weight.sum()
    found = np.searchsorted(ends, (np.arange(len(labels)) + rng.random()) / len(labels), side="right")
    return np.minimum(found, len(labels) - 1)


@without_denormals()
def fit(
    model: nn.Module,
    loss: Loss,
    rows: Tensor,
    validation: Tensor,
    recipe: Recipe,
    context: Context,
    labels: Labels | None = None,
) -> Epochs:
    """Train `model` in place, leave it with the weights of its best epoch, and return the losses of all epochs.

    The global random generator of torch, which `loss` may use, is seeded before every step and every validation. So
    every validation uses the same random numbers, and a training that was killed and resumed ends with the same
    weights as one that was not.

    Args:
        model: what is trained, on the device of the rows.
        loss: loss of some rows under the model.
        rows: training rows, (N, …), N at least 1.
        validation: rows that decide which epoch is best and when to stop; without any, the last epoch is best.
        recipe: how to train.
        context: seed, progress, the folder for the checkpoint, and the budget, at whose end training stops.
        labels: class of each training row, int32 (N,), for the recipe's balance; without them there is none.
    """
    labels = np.zeros(len(rows), np.int32) if labels is None else labels
    budget, steps_an_epoch = context.budget, math.ceil(len(rows) / recipe.batch)
    epochs = recipe.epochs if budget.epochs is None else min(recipe.epochs, budget.epochs)
    steps = epochs * steps_an_epoch if budget.steps is None else min(epochs * steps_an_epoch, budget.steps)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = _adamw(weights, recipe.weight_decay)
    average = [weight.detach().clone() for weight in weights] if recipe.average else []
    best = {name: value.clone() for name, value in model.state_dict().items()}
    checkpoint = Checkpoint(
        context.checkpoint,
        {"recipe": asdict(recipe), "seed": context.seed, "steps": steps, "rows": len(rows)},
        {
            **{f"model.{name}": value for name, value in model.state_dict().items()},
            **{f"best.{name}": value for name, value in best.items()},
            **{f"average.{i}": value for i, value in enumerate(average)},
            **{f"optimiser.{i}.{n}": v for i, weight in enumerate(weights) for n, v in optimiser.state[weight].items()},
        },
    )
    at = checkpoint.restore(Epochs())
    clock = _Clock(at, steps, budget.minutes)
    in_bfloat16 = matrix_type(recipe.precision, rows.device) == torch.bfloat16
    note = ""
    while clock.share() < 1.0:
        model.train()
        epoch, done = divmod(at.step, steps_an_epoch)
        rng = np.random.default_rng([context.seed, epoch])
        order = torch.from_numpy(rng.permutation(draws(labels, recipe.balance, rng))).to(rows.device)
        for batch in torch.split(order, recipe.batch)[done:]:
            checkpoint.save(at)
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * schedule(clock.share())
            torch.manual_seed(derive_seed(context.seed, at.step))
            optimiser.zero_grad()
            with torch.autocast(rows.device.type, torch.bfloat16, enabled=in_bfloat16):
                mean, count = loss(rows[batch])
            mean.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(weights, LARGEST_GRADIENT)
            optimiser.step()
            if average:
                # A small share of the old at first, so that the weights before training are soon forgotten.
                old = min(recipe.average, (1 + at.step) / (10 + at.step))
                torch._foreach_lerp_(average, [weight.data for weight in weights], 1.0 - old)
            at.total += mean.item() * count
            at.terms += count
            at.step += 1
            context.progress(clock.share(), 1.0, f"{note}{clock.left()}")
            if clock.share() >= 1.0:
                break
        at.train_loss.append(at.total / at.terms)
        at.total, at.terms = 0.0, 0
        note = f"loss {at.train_loss[-1]:.3f}, "
        _swap(average, weights)
        if len(validation):
            at.validation_loss.append(evaluate(model, loss, validation, recipe.batch, context.seed))
            note += f"validation {at.validation_loss[-1]:.3f}, "
        if not at.validation_loss or at.validation_loss[-1] <= min(at.validation_loss):
            for name, value in model.state_dict().items():
                best[name].copy_(value)
        _swap(average, weights)
        if at.validation_loss and len(at.validation_loss) - 1 - int(np.argmin(at.validation_loss)) >= recipe.patience:
            break
    else:
        warn_if_cut(at.step, steps, recipe.epochs * steps_an_epoch, budget)
    model.load_state_dict(best)
    model.eval()
    return at


@torch.no_grad()
def evaluate(model: nn.Module, loss: Loss, rows: Tensor, batch: int, seed: int = 0) -> float:
    """Mean loss of all `rows`, at least one; `seed` is that of the random numbers that the loss uses."""
    model.eval()
    torch.manual_seed(seed)
    found = [loss(part) for part in torch.split(rows, batch)]
    return sum(mean.item() * count for mean, count in found) / sum(count for _, count in found)


def schedule(share: float) -> float:
    """Learning rate as a part of its highest value after a share of the training, 0..1: warm-up, then half a cosine."""
    if share < WARM_UP:
        return max(share, 0.01 * WARM_UP) / WARM_UP
    return 0.5 * (1.0 + math.cos(math.pi * (share - WARM_UP) / (1.0 - WARM_UP)))


def _adamw(weights: list[nn.Parameter], weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101). Gains and biases do not decay."""
    decayed, others = ([w for w in weights if (w.dim() > 1) == decays] for decays in (True, False))
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, fused=True)
    with_state(optimiser)
    return optimiser


def _swap(average: list[Tensor], weights: list[nn.Parameter]) -> None:
    """Exchange the weights and their average, when there is one."""
    for mean, weight in zip(average, weights, strict=False):
        mean.data, weight.data = weight.data, mean.data


class _Clock:
    """How much of the training is done, by steps or by minutes, whichever is further."""

    def __init__(self, at: Epochs, all_steps: int, minutes: float | None) -> None:
        self.at, self.all_steps = at, all_steps
        self.begun, self.seconds = time.monotonic() - at.seconds, math.inf if minutes is None else 60.0 * minutes

    def share(self) -> float:
        """Part of the training that is done, 0..1."""
        self.at.seconds = time.monotonic() - self.begun
        return min(1.0, max(self.at.step / self.all_steps, self.at.seconds / max(self.seconds, 1e-9)))

    def left(self) -> str:
        """The time left, in words."""
        minutes = self.at.seconds * (1.0 / max(self.share(), 1e-9) - 1.0) / 60.0
        return f"{minutes:.0f} min left" if minutes >= 1.0 else "less than a minute left"
