"""A training in stages that are counted in steps, such as that of a GAN: budget, checkpoint, losses, progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ntgbench.errors import PluginError
from ntgbench.learning.budget import warn_if_cut
from ntgbench.learning.device import without_denormals
from ntgbench.learning.resume import Checkpoint, Position
from ntgbench.seeds import derive_seed

if TYPE_CHECKING:
    from ntgbench.interfaces import Budget, Context

POINTS = 100
"""Losses that are kept, about."""

CHECK_EVERY = 50
"""Steps after which the losses are looked at; a GPU would wait for the host each time."""


def _nothing() -> None:
    """What a stage does before its first step, and after its last, unless it says otherwise."""


@dataclass(frozen=True)
class Stage:
    """One stage of a training.

    Attributes:
        name: for messages, and for seeds.
        steps: how many the parameters ask for.
        epoch: steps of a pass over what is learnt from, above 0. A smaller budget of epochs allows one step at least.
        step: makes a step and returns its losses, float (L,), detached. Called with the steps of the stage that are
            done and the stage's share that is done, 0..1. The global random generator of torch is seeded before.
        begin: called before the first step.
        finish: called after the last step; neither is called for a stage without steps.
    """

    name: str
    steps: int
    epoch: int | Fraction
    step: Callable[[int, float], Tensor]
    begin: Callable[[], None] = _nothing
    finish: Callable[[], None] = _nothing


@dataclass
class Course(Position):
    """Where a training stands; `step` counts over all stages, with the steps that a budget of minutes leaves out.

    Attributes:
        made: steps made.
        losses: at about `POINTS` points, for each the number of steps after which it was and its losses.
    """

    made: int = 0
    losses: list[list[float]] = field(default_factory=list)


@without_denormals()
def fit(stages: Sequence[Stage], tensors: Mapping[str, Tensor], identity: dict[str, Any], context: Context) -> Course:
    """Train in place, one stage after the other.

    A smaller budget of epochs cuts each stage; one of steps cuts all stages by the same share; and one of minutes is
    divided over the stages in proportion to their steps. A training that was killed and resumed ends with the same
    weights as one that was not, when all randomness of a step comes from the global random generator of torch.

    Args:
        stages: at least one.
        tensors: everything that changes while training, by name: weights, buffers, the state of optimisers.
        identity: a checkpoint of another identity is not resumed; seed and steps are added to it.
        context: seed, budget, progress, and the folder for the checkpoint.

    Raises PluginError when a loss is not finite.
    """
    ends = _ends(stages, context.budget)
    total = ends[-1]
    checkpoint = Checkpoint(context.checkpoint, {**identity, "seed": context.seed, "ends": ends}, dict(tensors))
    at = checkpoint.restore(Course())
    begun = time.monotonic() - at.seconds
    allowed = np.inf if context.budget.minutes is None else 60 * context.budget.minutes
    point = max(1, total // POINTS)
    for stage, begin, end in zip(stages, [0, *ends], ends, strict=False):
        seed = derive_seed(context.seed, stage.name)
        losses: list[Tensor] = []
        unfinished = at.step < end
        if unfinished and at.step == begin:
            stage.begin()
        while at.step < end:
            at.seconds = time.monotonic() - begun
            if at.seconds >= allowed * end / total:
                _check(losses, stage.name, at.step - begin)
                at.step = end
                break
            checkpoint.save(at)
            done = at.step - begin
            torch.manual_seed(derive_seed(seed, done))
            losses.append(stage.step(done, done / (end - begin)))
            at.step += 1
            at.made += 1
            is_point = at.step % point == 0 or at.step == end
            if is_point or len(losses) == CHECK_EVERY:
                last = _check(losses, stage.name, at.step - begin)
                losses = []
                if is_point:
                    at.losses.append([float(at.step), *last])
            context.progress(at.step, total, stage.name)
        if unfinished:
            stage.finish()
    warn_if_cut(at.made, total, sum(stage.steps for stage in stages), context.budget)
    return at


def optimised(name: str, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state of an optimiser as tensors by name, for a checkpoint; see `resume.with_state`."""
    return {
        f"{name}.{group}.{i}.{key}": value
        for group, parameters in enumerate(optimiser.param_groups)
        for i, weight in enumerate(parameters["params"])
        for key, value in optimiser.state[weight].items()
    }


def _ends(stages: Sequence[Stage], budget: Budget) -> list[int]:
    """The step at which each stage ends, counted over all stages; see `fit` for what budgets do."""
    wanted = [stage.steps for stage in stages]
    if budget.epochs is not None:
        wanted = [min(stage.steps, max(1, int(budget.epochs * stage.epoch))) for stage in stages]
    ends = list(accumulate(wanted))
    if budget.steps is not None and budget.steps < ends[-1]:
        ends = [budget.steps * end // ends[-1] for end in ends]
    return ends


def _check(losses: list[Tensor], stage: str, step: int) -> list[float]:
    """The last of the losses since the last check; `step` of the stage is the last one's.

    Raises PluginError when one of them is not finite.
    """
    if not losses:
        return []
    found = torch.stack(losses).cpu().numpy()
    broken = np.flatnonzero(~np.isfinite(found).all(1))
    if len(broken):
        raise PluginError(
            f"the training diverged: a loss is not finite at step {step - len(found) + 1 + int(broken[0])} of stage "
            f"{stage}; a smaller learning_rate may help"
        )
    last: list[float] = found[-1].tolist()
    return last
