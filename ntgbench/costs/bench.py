"""What costs are measured with: a system, traffic of a few classes, and how it is fitted on some of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Budget, Context
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.notes import fill
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from ntgbench.systems import FittedSystem, System
    from ntgbench.tracks.biflows.settings import Efficiency

ContextFor = Callable[[Biflows, Budget], Context]
"""What a training on these biflows, with this budget, may know."""


@dataclass(frozen=True)
class Bench:
    """What is measured, and with what.

    Attributes:
        system: the system.
        train: the biflows, classes taking turns, so that the first ones have them all.
        settings: how to measure.
        context: makes the context of a training.
        folder: for the fitted system: empty, or with what an earlier round left.
        device: where it computes, as `Context.device`.
    """

    system: System
    train: Biflows
    settings: Efficiency
    context: ContextFor
    folder: Path
    device: str

    def fit(
        self, system: System, count: int, budget: Budget, told: Callable[[float], None] | None = None
    ) -> FittedSystem:
        """A system fitted on the first `count` biflows; `told` is told how much of the budget it tells to have used."""
        few = self.train.select(np.arange(count))
        context = self.context(few, budget)

        def progress(done: float, total: float, note: str = "") -> None:
            if told is not None and total:
                told(done / total)
            context.progress(done, total, note)

        return system.fit(few, replace(context, progress=progress))


def traffic(biflows: Biflows, settings: Efficiency, seed: int) -> Biflows:
    """The biflows to train on: as many of each of the largest classes as is asked for, classes taking turns.

    Where a class has fewer, they are repeated, which changes no cost.

    Raises:
        NtgbenchError: when there are fewer classes.
    """
    counts = biflows.class_counts()
    largest = np.argsort(-counts, kind="stable")[: settings.classes]
    if len(largest) < settings.classes or not counts[largest].all():
        raise NtgbenchError(
            f"the efficiency suite wants biflows of {pluralised(settings.classes, 'class')}, "
            f"and {fill('{} [has|have] any', int(np.count_nonzero(counts)))}"
            "; a protocol of yours may ask for fewer classes under [efficiency]"
        )
    rng = np.random.default_rng(seed)
    rows = np.empty((settings.biflows, len(largest)), np.int64)
    for place, label in enumerate(largest):
        rows[:, place] = np.resize(rng.permutation(np.flatnonzero(biflows.label == label)), settings.biflows)
    labels = np.tile(np.arange(len(largest), dtype=np.int32), settings.biflows)
    classes = tuple(biflows.classes[label] for label in largest)
    return Biflows(biflows.signed_pl[rows.ravel()], labels, classes, pl_max=biflows.pl_max)


def whole_parameter(system: System, name: str) -> int | None:
    """The system's parameter of that name, None when it has none that is a whole number."""
    value = getattr(system.parameters, name, None)
    return value if type(value) is int else None


def with_batch(system: System, batch: int) -> System:
    """The system with a training batch of so many biflows, where it has a parameter for that."""
    if whole_parameter(system, "batch") is None:
        return system
    return replace(system, parameters=replace(system.parameters, batch=batch))
