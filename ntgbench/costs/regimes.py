"""How costs are measured: one biflow at a time, many at once, and from nothing."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.costs.bench import Bench, whole_parameter, with_batch
from ntgbench.costs.timing import Median, median, now, seconds
from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Budget

if TYPE_CHECKING:
    from ntgbench.costs.monitor import Monitor
    from ntgbench.systems import FittedSystem

EVEN = 10
"""Biflows of each class that shortened trainings go up by: learners that keep a tenth of them back to validate on then
keep exactly that, whatever the number."""

FIRST_REPETITIONS = 3
"""Fresh processes whose first biflow is timed."""

RATE_REPETITIONS = 3
"""Calls of a batch, or trainings, of which the shortest counts."""

WORTH = 1.05
"""Times the best rate so far that a batch must reach for a larger one to be tried when it took long."""

TOLD_APART = 1.25
"""Times as long that one training must take as another for their difference to say something."""

_log = logging.getLogger(__name__)


def training(bench: Bench, watch: Monitor) -> tuple[Median, float, FittedSystem | None]:
    """Seconds of an epoch at batch 1, the biflows trained on to know it, and the model of the last whole training.

    Where a whole epoch takes longer than is asked for, it is extrapolated from the difference between trainings on more
    and on fewer biflows, which is free of what does not grow with them. `watch` watches all but the warm-up.
    """
    settings, every, system = bench.settings, len(bench.train), with_batch(bench.system, 1)
    models: list[FittedSystem] = []

    def epoch(count: int, epochs: int = 1) -> float:
        """Seconds of each epoch; a training that ended early went through fewer."""
        told: list[float] = []
        models.clear()  # or they would add up in memory
        took = seconds(lambda: models.append(bench.fit(system, count, Budget(epochs=epochs), told)), bench.device)
        return took / (epochs * share(told))

    step = EVEN * settings.classes
    probe = min(step, every)
    epoch(probe)  # warm-up: imports, and whatever else is done once
    repetitions = range(settings.repetitions)
    with watch:
        if settings.seconds is None:
            # A budget does not raise the number of epochs.
            epochs = min(settings.epochs, whole_parameter(system, "epochs") or settings.epochs)
            return median([epoch(every, epochs) for _ in repetitions]), every, models[-1]
        more = max(2, int(settings.seconds * probe / epoch(probe)) // step) * step
        if more >= every:
            return median([epoch(every) for _ in repetitions]), every, None
        fewer = max(1, more // step // 4) * step
        slopes = [(epoch(more) - epoch(fewer)) / (more - fewer) for _ in repetitions]
    return median(slopes).times(every), more, None


def share(told: list[float]) -> float:
    """How much of its epochs a training went through: what it told last where that can be true, else all of them."""
    return told[-1] if told and 0.0 < told[-1] < 1.0 else 1.0


def sampling(bench: Bench, fitted: FittedSystem, watch: Monitor) -> tuple[Median, int, float]:
    """Milliseconds of a biflow at batch 1, how many were made, and their mean number of packets.

    A repetition makes the same number of biflows of each class, one call each; the first is warm-up. `watch` watches
    the others.
    """
    settings, rng = bench.settings, np.random.default_rng(0)
    calls = [np.array([label], np.int32) for label in range(settings.classes)]

    def repetition(count: int) -> tuple[float, list[Any]]:
        made = []
        start = now(bench.device)
        for _ in range(count):
            made += [fitted.draw(labels, rng) for labels in calls]
        return now(bench.device) - start, made

    repetition(1)
    count = settings.samples
    if settings.seconds is not None:
        count = int(min(max(settings.seconds / repetition(1)[0], 1), count))
    repetition(count)
    with watch:
        found = [repetition(count) for _ in range(settings.repetitions)]
    packets = [
        int(fitted.checked(rows, calls[place % len(calls)]).lengths()[0])
        for _, made in found
        for place, rows in enumerate(made)
    ]
    return median([1e3 * took / len(made) for took, made in found]), len(packets), float(np.mean(packets))


def sampling_rate(bench: Bench, fitted: FittedSystem, batch: int) -> float:
    """Biflows a second that one call makes of `batch`. Raises PluginError when what it makes is no traffic."""
    labels = np.resize(np.arange(bench.settings.classes, dtype=np.int32), batch)
    rng, made = np.random.default_rng(0), []
    took = [seconds(lambda: made.append(fitted.draw(labels, rng)), bench.device) for _ in range(RATE_REPETITIONS)]
    for rows in made:
        fitted.checked(rows, labels)
    return batch / min(took)


def training_rate(bench: Bench, batch: int) -> float:
    """Biflows a second that an epoch with batches of `batch` goes through; 0 when there are too few to tell."""
    system = with_batch(bench.system, batch)

    def shortest(count: int) -> float:
        fit = partial(bench.fit, system, count, Budget(epochs=1))
        return min(seconds(fit, bench.device) for _ in range(RATE_REPETITIONS))

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

    The last one tried took long and was hardly better, took very long, or failed for want of memory or otherwise.
    """
    best, best_of, batch = 0.0, 1, 1
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
        took, worth = time.perf_counter() - begun, found > WORTH * best
        if found > best:
            best, best_of = found, batch
        if took > 4.0 * patience or (took > patience and not worth):
            break
        batch *= 2
    return best, float(best_of)


def first_biflow(folder: Path) -> tuple[Median, Median, float]:
    """Seconds of importing the plugin and of the first biflow, and peak MiB, of processes that do nothing else."""
    found = []
    for _ in range(FIRST_REPETITIONS):
        command = [sys.executable, "-P", "-m", "ntgbench.costs.first", str(folder), str(time.monotonic())]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NtgbenchError(f"the saved system makes no biflow in a fresh process: {done.stderr.strip()[-500:]}")
        # A plugin may have something to say as well.
        found.append(json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"import"'))))
    imported, first = (median([one[name] for one in found]) for name in ("import", "first"))
    return imported, first, max(one["memory"] for one in found)
