"""The training loop: AdamW, warm-up and cosine, early stop, a budget, and the best weights in the end."""

from __future__ import annotations

import contextlib
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ntgbench.errors import DatasetError, PluginError
from ntgbench.interfaces import BUDGET_LOGGER
from ntgbench.learning.adamw import AdamW
from ntgbench.learning.device import matrix_type
from ntgbench.learning.resume import Position, Saved
from ntgbench.seeds import derive_seed
from ntgbench.tracks.biflows.splits import split
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from ntgbench.interfaces import Budget, Context, Labels
    from ntgbench.learning.recipe import Recipe
    from ntgbench.traffic.biflows import Biflows

_log = logging.getLogger(__name__)

VALIDATION_SHARE = 0.1
"""Part of each class of the training set that tells when to stop."""

WARM_UP = 0.05
"""Part of the training in which the learning rate rises."""

Loss = Callable[[Tensor], tuple[Tensor, int]]
"""Mean loss of some rows, and how many terms it is the mean of."""


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


def draws(labels: Labels, balance: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """As many rows as there are labels, each as often as `Recipe.balance` says, rounded down or up, in row order.

    Systematic sampling: every `1 / N`-th of the cumulated weights, from a random begin (Cochran 1977, chapter 8).
    """
    if not balance:
        return np.arange(len(labels))
    counts = np.bincount(labels)
    weight = counts[labels] ** -balance
    ends = np.cumsum(weight) / weight.sum()
    found = np.searchsorted(ends, (np.arange(len(labels)) + rng.random()) / len(labels), side="right")
    return np.minimum(found, len(labels) - 1)


def fit(
    model: nn.Module,
    loss: Loss,
    rows: Tensor,
    validation: Tensor,
    recipe: Recipe,
    context: Context,
    labels: Labels | None = None,
) -> Trained:
    """Train `model` in place and leave it with the weights of its best epoch.

    What `loss` draws at random it draws from torch's global generator, which is seeded before every step and before
    every validation: so validation draws the same numbers each time, and a training that goes on after a kill comes to
    the same end as one that was never killed.

    Args:
        model: what is trained, on the device of the rows.
        loss: loss of some rows under the model.
        rows: training rows, (N, …), N at least 1.
        validation: rows that say which epoch was best, and when to stop; with none the last epoch is the best.
        recipe: how to train.
        context: seed, progress, the folder to keep an unfinished training in, and the budget, at the end of which
            training stops cleanly.
        labels: class of each training row, int32 (N,), for the recipe's balance; without them there is none.
    """
    labels = np.zeros(len(rows), np.int32) if labels is None else labels
    budget, steps_an_epoch = context.budget, math.ceil(len(rows) / recipe.batch)
    epochs = recipe.epochs if budget.epochs is None else min(recipe.epochs, budget.epochs)
    steps = epochs * steps_an_epoch if budget.steps is None else min(epochs * steps_an_epoch, budget.steps)
    optimiser = AdamW(model, recipe.weight_decay)
    average = [weight.detach().clone() for weight in optimiser.weights] if recipe.average else []
    best = {name: value.clone() for name, value in model.state_dict().items()}
    total = torch.zeros((), device=rows.device)
    saved = Saved(
        context.checkpoint,
        {"recipe": asdict(recipe), "seed": context.seed, "steps": steps, "rows": len(rows)},
        {
            "total": total,
            **{f"model.{name}": value for name, value in model.state_dict().items()},
            **{f"best.{name}": value for name, value in best.items()},
            **{f"average.{place}": value for place, value in enumerate(average)},
            **{f"optimiser.{name}": value for name, value in optimiser.state().items()},
        },
    )
    at = saved.restore() or Position()
    clock = _Clock(at, steps, budget.minutes)
    of_step = _prepared(loss, recipe, rows.device)
    note = ""
    while clock.share() < 1.0:
        model.train()
        epoch, done = divmod(at.step, steps_an_epoch)
        rng = np.random.default_rng([context.seed, epoch])
        order = torch.from_numpy(rng.permutation(draws(labels, recipe.balance, rng))).to(rows.device)
        for batch in torch.split(order, recipe.batch)[done:]:
            saved.save(at)
            rate = recipe.learning_rate * schedule(clock.share())
            torch.manual_seed(derive_seed(context.seed, at.step))
            mean, count = of_step(rows[batch])
            optimiser.step(mean, rate)
            if average:
                # The first steps are forgotten faster, or the average would remember where training began.
                old = min(recipe.average, (1 + at.step) / (10 + at.step))
                torch._foreach_lerp_(average, [weight.data for weight in optimiser.weights], 1.0 - old)
            total += mean.detach() * count
            at.terms += count
            at.step += 1
            context.progress(clock.share(), 1.0, f"{note}{clock.left()}")
            if clock.share() >= 1.0:
                break
        at.train_loss.append(float(total) / at.terms)
        note = f"loss {at.train_loss[-1]:.3f}, "
        total.zero_()
        at.terms = 0
        with _in_place(average, optimiser.weights):
            if len(validation):
                at.validation_loss.append(evaluate(model, loss, validation, recipe.batch, context.seed))
                note += f"validation {at.validation_loss[-1]:.3f}, "
            if not at.validation_loss or at.validation_loss[-1] <= min(at.validation_loss):
                for name, value in model.state_dict().items():
                    best[name].copy_(value)
        if at.validation_loss and len(at.validation_loss) - 1 - int(np.argmin(at.validation_loss)) >= recipe.patience:
            break
    else:
        _say_cut(at.step, steps, steps_an_epoch, recipe, budget)
    model.load_state_dict(best)
    model.eval()
    return Trained(tuple(at.train_loss), tuple(at.validation_loss))


@torch.no_grad()
def evaluate(model: nn.Module, loss: Loss, rows: Tensor, batch: int, seed: int = 0) -> float:
    """Mean loss of all `rows`, at least one; `seed` is that of what the loss draws at random."""
    model.eval()
    torch.manual_seed(seed)
    found = [loss(part) for part in torch.split(rows, batch)]
    return sum(float(mean) * count for mean, count in found) / sum(count for _, count in found)


def schedule(share: float) -> float:
    """Learning rate as a part of its highest value after a share of the training, 0..1: warm-up, then half a cosine."""
    if share < WARM_UP:
        return max(share, 0.01 * WARM_UP) / WARM_UP
    return 0.5 * (1.0 + math.cos(math.pi * (share - WARM_UP) / (1.0 - WARM_UP)))


def _say_cut(done: int, allowed: int, steps_an_epoch: int, recipe: Recipe, budget: Budget) -> None:
    """Log a warning, which becomes a note on the row, when the budget has ended the training before the recipe did."""
    if done >= recipe.epochs * steps_an_epoch:
        return
    if done < allowed:
        bound, unit = budget.minutes, "minute"
    elif budget.steps == allowed:
        bound, unit = budget.steps, "step"
    else:
        bound, unit = budget.epochs, "epoch"
    logging.getLogger(BUDGET_LOGGER).warning(
        "training stopped at epoch %.3g of %d by the budget of %s",
        done / steps_an_epoch,
        recipe.epochs,
        pluralised(bound or 0, unit),
    )


class _Clock:
    """How much of the training is done, by steps or by minutes, whichever is further."""

    def __init__(self, at: Position, all_steps: int, minutes: float | None) -> None:
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


def _prepared(loss: Loss, recipe: Recipe, device: torch.device) -> Loss:
    """The loss as the recipe wants it computed in training."""
    dtype = matrix_type(recipe.precision, device)

    def cast(rows: Tensor) -> tuple[Tensor, int]:
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            return loss(rows)

    compiled: Loss | None = None
    if recipe.compile:
        # It compiles around complex numbers, which cost it some speed; what is left to gain it gains.
        warnings.filterwarnings("ignore", "Torchinductor does not support code generation for complex", UserWarning)
        compiled = torch.compile(cast)

    def chosen(rows: Tensor) -> tuple[Tensor, int]:
        nonlocal compiled
        if compiled is not None:
            try:
                return compiled(rows)
            # A compiler can fail in any way, most often by not being there, and at any new number of rows.
            except Exception as error:
                reason = str(error).strip().partition("\n")[0]
                _log.warning(
                    "the training step could not be compiled, so it is not: %s: %s", type(error).__name__, reason
                )
                compiled = None
        return cast(rows)

    return chosen


@contextlib.contextmanager
def _in_place(average: list[Tensor], weights: list[Tensor]) -> Iterator[None]:
    """The averaged weights, when there are any, in the place of the weights."""

    def swap() -> None:
        for mean, weight in zip(average, weights, strict=False):
            mean.data, weight.data = weight.data, mean.data

    swap()
    yield
    swap()
