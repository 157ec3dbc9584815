"""Training in four phases: each pair of generator and critic by itself, on real inputs, then all of them together."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING

import torch

from ntgbench.learning import stages
from ntgbench.seeds import derive_seed
from ntgbench_cascadenet.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from ntgbench.interfaces import Context
    from ntgbench_cascadenet.batches import Batches
    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.networks import Cascade

PHASES = ("g1", "g2", "g3", "joint")


def fit(cascade: Cascade, batches: Batches, layout: Layout, context: Context) -> dict[str, list[float]]:
    """Train all networks in place. Returns the losses of "generator" and "critic" over all phases.

    A phase is a stage, whose epoch is a pass over its flows or packets; see `stages.fit` for budgets and resumption.
    At the end of a phase its last weights stay, or their average where the parameters want one.

    Raises PluginError when a loss is not finite.
    """
    phases = [Phase(name, cascade, batches, layout) for name in PHASES]
    tensors = {f"model.{name}": value for name, value in cascade.state_dict().items()}
    for phase in phases:
        tensors |= phase.tensors()
    identity = {"parameters": asdict(layout.parameters), "sizes": [batches.flows, batches.packets]}
    cascade.train()
    course = stages.fit([_stage(phase, context.seed) for phase in phases], tensors, identity, context)
    cascade.eval()
    return {"generator": [loss for *_, loss in course.losses], "critic": [loss for _, loss, _ in course.losses]}


def _stage(phase: Phase, seed: int) -> stages.Stage:
    """A phase as a stage of the training with that seed."""
    own = derive_seed(seed, phase.name)
    draws: Iterator[Tensor] | None = None

    def step(done: int, share: float) -> Tensor:
        nonlocal draws
        if draws is None:
            draws = phase.draws(own, done)
        phase.prepare(share)
        losses = phase.step(draws)
        phase.average_weights(done)
        return losses

    def finish() -> None:
        torch.manual_seed(derive_seed(own, "norm"))
        phase.finish(phase.draws(own, 0) if draws is None else draws)

    epoch = Fraction(phase.batches_a_round, phase.batches_a_step)
    return stages.Stage(phase.name, phase.steps, epoch, step, phase.begin, finish)
