"""What many biflows at once cost: rates of sampling and of training, and the batch that gives the best."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.costs.bench import Bench, with_batch
from ntgbench.costs.timing import seconds
from ntgbench.interfaces import Budget

if TYPE_CHECKING:
    from ntgbench.systems import FittedSystem

RATE_REPETITIONS = 3
"""Calls of a batch, or trainings, of which the shortest counts, however long they take."""

TRIAL = 0.1
"""Part of the time that a measurement has which a batch has in the search for the best: short calls need more of them
to find a moment of peace."""

WORTH = 1.05
"""Times the best rate so far that one of two batches must reach for larger ones to be tried when they took long."""

TOLD_APART = 1.25
"""Times as long that one training must take as another for their difference to say something."""

_log = logging.getLogger(__name__)


def sampling_rate(bench: Bench, fitted: FittedSystem, batch: int, part: float = 1.0) -> float:
    """Biflows a second that one call makes of `batch`, the shortest of as many as fit into `part` of the time.

    All calls have the same random numbers and so the same work. Raises PluginError when what one makes is no traffic.
    """
    labels = np.resize(np.arange(bench.settings.classes, dtype=np.int32), batch)
    lasts = part * (bench.settings.seconds or 0.0)
    took: list[float] = []
    made: list[object] = []

    def call(rng: np.random.Generator) -> None:
        made[:] = [fitted.draw(labels, rng)]

    while len(took) < RATE_REPETITIONS or sum(took) < lasts:
        took.append(seconds(partial(call, np.random.default_rng(0)), bench.device))
        fitted.checked(made[0], labels)
    return batch / min(took)


def training_rate(bench: Bench, batch: int, known: dict[tuple[int, int], float]) -> float:
    """Biflows a second that an epoch with batches of `batch` goes through; 0 when there are too few to tell.

    `known` has the shortest seconds so far of trainings by batch and biflows: those of another visit count in this one.
    """
    system = with_batch(bench.system, batch)

    def shortest(count: int) -> float:
        fit = partial(bench.fit, system, count, Budget(epochs=1))
        took = [seconds(fit, bench.device) for _ in range(RATE_REPETITIONS)]
        known[batch, count] = min(*took, known.get((batch, count), math.inf))
        return known[batch, count]

    few = many = min(batch, len(bench.train))
    faster = shortest(few)
    while many < len(bench.train):
        many = min(5 * many, len(bench.train))
        slower = shortest(many)
        if slower > TOLD_APART * faster:
            return (many - few) / (slower - faster)
    return 0.0


def best_batch(bench: Bench, rate: Callable[[int], float]) -> tuple[float, float]:
    """The best rate over batches of 1, 2, 4, …, and its batch.

    The last one tried took long and was hardly better, like the one before it, took very long, or failed for want of
    memory or otherwise.
    """
    best, best_of, batch, idle = 0.0, 1, 1, 0
    patience = 4.0 * (bench.settings.seconds or 10.0)
    while batch <= bench.settings.largest_batch:
        begun = time.perf_counter()
        try:
            found = rate(batch)
        except (MemoryError, RuntimeError, ValueError) as error:  # torch's want of memory is a RuntimeError
            if batch == 1:
                raise
            _log.warning("no batch of %d: %s", batch, str(error).strip().partition("\n")[0] or type(error).__name__)
            break
        took, idle = time.perf_counter() - begun, 0 if found > WORTH * best else idle + 1
        if found > best:
            best, best_of = found, batch
        if took > 4.0 * patience or (took > patience and idle > 1):
            break
        batch *= 2
    return best, float(best_of)
