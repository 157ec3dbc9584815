"""Training in four phases: each pair of generator and critic by itself, on real inputs, then all of them together."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ntgbench.errors import PluginError
from ntgbench.interfaces import BUDGET_LOGGER
from ntgbench.learning.device import without_denormals
from ntgbench.learning.resume import Checkpoint, Position
from ntgbench.seeds import derive_seed
from ntgbench.words import pluralised
from ntgbench_cascadenet.phases import Phase

if TYPE_CHECKING:
    from ntgbench.interfaces import Budget, Context
    from ntgbench_cascadenet.batches import Batches
    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.networks import Cascade

PHASES = ("g1", "g2", "g3", "joint")

POINTS = 100
"""Losses that are kept, about."""

CHECK_EVERY = 50
"""Steps after which the losses are looked at; a GPU would wait for the host each time."""


@dataclass
class Course(Position):
    """Where a training stands; `step` counts over all phases, with the steps that a budget of minutes leaves out.

    Attributes:
        made: steps made.
        generator: loss of the generators, at about `POINTS` points.
        critic: loss of the critics, at the same points.
    """

    made: int = 0
    generator: list[float] = field(default_factory=list)
    critic: list[float] = field(default_factory=list)


@without_denormals()
def fit(cascade: Cascade, batches: Batches, layout: Layout, context: Context) -> dict[str, list[float]]:
    """Train all networks in place. Returns the losses of "generator" and "critic" over all phases.

    A smaller budget of epochs cuts each phase, whose epoch is a pass over its flows or packets; one of steps cuts all
    phases by the same share; and one of minutes is divided over the phases in proportion to their steps. At the end of
    a phase its last weights stay, or their average where the parameters want one. The global random generator of torch
    is seeded before each step, so a training that was killed and resumed ends with the same weights as one that was
    not.

    Raises PluginError when a loss is not finite.
    """
    p = layout.parameters
    phases = [Phase(name, cascade, batches, layout) for name in PHASES]
    ends = _ends(phases, context.budget)
    total = ends[-1]
    tensors = {f"model.{name}": value for name, value in cascade.state_dict().items()}
    for phase in phases:
        tensors |= phase.tensors()
    identity = {"parameters": asdict(p), "seed": context.seed, "ends": ends, "sizes": [batches.flows, batches.packets]}
    checkpoint = Checkpoint(context.checkpoint, identity, tensors)
    at = checkpoint.restore(Course())
    begun = time.monotonic() - at.seconds
    allowed = math.inf if context.budget.minutes is None else 60 * context.budget.minutes
    point = max(1, total // POINTS)
    cascade.train()
    for phase, begin, end in zip(phases, [0, *ends], ends, strict=False):
        seed = derive_seed(context.seed, phase.name)
        draws = phase.draws(seed, at.step - begin)
        losses: list[Tensor] = []
        unfinished = at.step < end
        if unfinished and at.step == begin:
            phase.begin()
        while at.step < end:
            at.seconds = time.monotonic() - begun
            if at.seconds >= allowed * end / total:
                _check(losses, phase.name, at.step - begin)
                at.step = end
                break
            checkpoint.save(at)
            torch.manual_seed(derive_seed(seed, at.step - begin))
            phase.prepare(at.step - begin, end - begin)
            losses.append(phase.step(draws))
            phase.average_weights(at.step - begin)
            at.step += 1
            at.made += 1
            is_point = at.step % point == 0 or at.step == end
            if is_point or len(losses) == CHECK_EVERY:
                critic, generator = _check(losses, phase.name, at.step - begin)
                losses = []
            if is_point:
                at.critic.append(critic)
                at.generator.append(generator)
            context.progress(at.step, total, phase.name)
        if unfinished:
            torch.manual_seed(derive_seed(seed, "norm"))
            phase.finish(draws)
    cascade.eval()
    _warn_if_cut(at.made, total, phases, context.budget)
    return {"generator": at.generator, "critic": at.critic}


def _ends(phases: list[Phase], budget: Budget) -> list[int]:
    """The step at which each phase ends, counted over all phases; see `fit` for what budgets do."""
    wanted = [phase.steps for phase in phases]
    if budget.epochs is not None:
        passes = [max(1, budget.epochs * phase.batches_a_round // phase.batches_a_step) for phase in phases]
        wanted = [min(pair) for pair in zip(wanted, passes, strict=True)]
    ends = list(accumulate(wanted))
    if budget.steps is not None and budget.steps < ends[-1]:
        ends = [budget.steps * end // ends[-1] for end in ends]
    return ends


def _check(losses: list[Tensor], phase: str, step: int) -> list[float]:
    """The last of the losses since the last check, critics' and generators'; `step` of the phase is the last one's.

    Raises PluginError when one of them is not finite.
    """
    found = torch.stack(losses).cpu().numpy() if losses else np.zeros((1, 2))
    broken = np.flatnonzero(~np.isfinite(found).all(1))
    if len(broken):
        raise PluginError(
            f"the training diverged: a loss is not finite at step {step - len(found) + 1 + int(broken[0])} of phase "
            f"{phase}; a smaller learning_rate may help"
        )
    last: list[float] = found[-1].tolist()
    return last


def _warn_if_cut(made: int, allowed: int, phases: list[Phase], budget: Budget) -> None:
    """Log a warning, which becomes a note on the row, when the budget allowed fewer steps than the parameters."""
    wanted = sum(phase.steps for phase in phases)
    if made >= wanted:
        return
    if made < allowed:
        bound, unit = budget.minutes, "minute"
    elif budget.steps == allowed:
        bound, unit = budget.steps, "step"
    else:
        bound, unit = budget.epochs, "epoch"
    logging.getLogger(BUDGET_LOGGER).warning(
        "training made %s of %s steps by the budget of %s", f"{made:,}", f"{wanted:,}", pluralised(bound or 0, unit)
    )
