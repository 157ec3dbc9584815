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
"""Calls of a batch, or trainings, of which the shortest counts, however long calls take; of trainings, and of calls in
the search for the best batch, one is enough that takes all the time of a measurement."""

TRIAL = 0.1
"""Part of the time of a measurement that a batch has in that search: short calls need more of them to find a moment of
peace."""

NEAR = 0.85
"""Part of the best rate that a batch must have reached to be measured again: which one is the best may be noise."""

AGAIN = 2
"""Batches, at most, that are."""

WORTH = 1.05
"""Times the best rate so far that one of two batches must reach for larger ones to be tried when they took long."""

TOLD_APART = 1.25
"""Times as long that one training must take as another for their difference to say something."""

_log = logging.getLogger(__name__)


def sampling_rate(
    bench: Bench, fitted: FittedSystem, batch: int, known: dict[int, float], trial: bool = False
) -> float:
    """Biflows a second that one call makes of `batch`, the shortest of as many as fit into the time.

    All calls have the same random numbers and so the same work. `known` has the shortest seconds so far by batch: those
    of another visit count in this one. Raises PluginError when what one makes is no traffic.
    """
    labels = np.resize(np.arange(bench.settings.classes, dtype=np.int32), batch)
    lasts = (TRIAL if trial else 1.0) * (bench.settings.seconds or 0.0)
    took: list[float] = []
    made: list[object] = []

    def call(rng: np.random.Generator) -> None:
        made[:] = [fitted.draw((labels,), rng)]

    while sum(took) < lasts or _too_few(took, bench, trial):
        took.append(seconds(partial(call, np.random.default_rng(0)), bench.device))
        fitted.checked(made[0], (labels,))
    known[batch] = min(*took, known.get(batch, math.inf))
    return batch / known[batch]


def training_rate(bench: Bench, batch: int, known: dict[int, dict[int, float]]) -> float:
    """Biflows a second that an epoch with batches of `batch` goes through; 0 when there are too few to tell.

    `known` has the shortest seconds so far of trainings by batch and biflows, as in `sampling_rate`: a batch that is
    known is trained on as many again.
    """
    system, own = with_batch(bench.system, batch), known.setdefault(batch, {})

    def train(count: int) -> float:
        fit = partial(bench.fit, system, count, Budget(epochs=1))
        took: list[float] = []
        while _too_few(took, bench, trial=True):
            took.append(seconds(fit, bench.device))
        own[count] = min(*took, own.get(count, math.inf))
        return own[count]

    if own:
        for count in {min(own), max(own)}:
            train(count)
        return rate_of(own)
    few = many = min(batch, len(bench.train))
    faster = train(few)
    while many < len(bench.train):
        many = min(5 * many, len(bench.train))
        if train(many) > TOLD_APART * faster:
            break
    return rate_of(own)


def rate_of(trainings: dict[int, float]) -> float:
    """Biflows a second, of the shortest seconds of trainings by their biflows: by the fewest and the most of these."""
    few, many = min(trainings), max(trainings)
    if trainings[many] <= TOLD_APART * trainings[few]:
        return 0.0
    return (many - few) / (trainings[many] - trainings[few])


def measure_again(rates: Callable[[], dict[int, float]], rate: Callable[[int], float]) -> None:
    """Measure again the few batches that may be the best, and in the end the one that then is.

    Args:
        rates: the rate of each batch, as far as it is known by now.
        rate: measures that of a batch, which changes the former.
    """
    known = rates()
    waiting = sorted(known, key=lambda batch: -known[batch])[:AGAIN]
    waiting = [batch for batch in waiting if known[batch] >= NEAR * known[waiting[0]]]
    done: set[int] = set()
    while waiting:
        batch = waiting.pop()
        if _attempt(rate, batch) is None:
            return
        done.add(batch)
        known = rates()
        best = max(known, key=lambda batch: known[batch], default=batch)
        if not waiting and best not in done:
            waiting = [best]


def search(bench: Bench, rate: Callable[[int], float]) -> None:
    """Search for the best rate over batches of 1, 2, 4, ….

    The last one tried took long and was hardly better, like the one before it, took very long, or failed for want of
    memory or otherwise.
    """
    best, batch, idle = 0.0, 1, 0
    patience = 2.0 * _time(bench)
    while batch <= bench.settings.largest_batch:
        begun = time.perf_counter()
        found = _attempt(rate, batch)
        if found is None:
            break
        took, idle = time.perf_counter() - begun, 0 if found > WORTH * best else idle + 1
        best = max(best, found)
        if took > 4.0 * patience or (took > patience and idle > 1):
            break
        batch *= 2


def _attempt(rate: Callable[[int], float], batch: int) -> float | None:
    """The rate of a batch; None, which is logged, when that is too large for the machine or for the system."""
    try:
        return rate(batch)
    except (MemoryError, RuntimeError, ValueError) as error:  # torch's want of memory is a RuntimeError
        if batch == 1:
            raise
        _log.warning("no batch of %d: %s", batch, str(error).strip().partition("\n")[0] or type(error).__name__)
        return None


def _too_few(took: list[float], bench: Bench, trial: bool) -> bool:
    return len(took) < RATE_REPETITIONS and not (trial and sum(took) > _time(bench))


def _time(bench: Bench) -> float:
    """Seconds that a measurement has."""
    return bench.settings.seconds or 10.0
