"""How costs are measured: one biflow at a time, many at once, and from nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.costs.bench import Bench, with_batch
from ntgbench.costs.timing import Median, median, now, seconds
from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Budget

if TYPE_CHECKING:
    from ntgbench.systems import FittedSystem

PROBE = 5
"""Biflows of each class that the training tried first has."""

FIRST_REPETITIONS = 3
"""Fresh processes whose first biflow is timed."""

RATE_REPETITIONS = 3
"""Calls of a batch, of which the shortest counts."""

WORTH = 1.05
"""Times the best rate so far that a larger batch must reach; after three that do not, no other is tried."""


def training(bench: Bench) -> tuple[Median, float, FittedSystem | None]:
    """Seconds of an epoch at batch 1, the biflows trained on to know it, and the model of the last whole training.

    Where a whole epoch takes longer than is asked for, it is extrapolated from the difference between trainings on more
    and on fewer biflows, which is free of what does not grow with them.
    """
    settings, every, system = bench.settings, len(bench.train), with_batch(bench.system, 1)
    models: list[FittedSystem] = []

    def epoch(count: int, epochs: int = 1) -> float:
        """Seconds of each epoch; a training that ended early went through fewer."""
        told: list[float] = []
        took = seconds(lambda: models.append(bench.fit(system, count, Budget(epochs=epochs), told)), bench.device)
        return took / (epochs * (told[-1] if told else 1.0))

    probe = PROBE * settings.classes
    epoch(probe)  # warm-up: imports, and whatever else is done once
    repetitions = range(settings.repetitions)
    if settings.seconds is None:
        return median([epoch(every, settings.epochs) for _ in repetitions]), every, models[-1]
    more = int(min(max(settings.seconds * probe / epoch(probe), 2 * probe), every))
    if more == every:
        return median([epoch(every) for _ in repetitions]), every, None
    fewer = more // 4
    slopes = [(epoch(more) - epoch(fewer)) / (more - fewer) for _ in repetitions]
    return median(slopes).times(every), more, None


def sampling(bench: Bench, fitted: FittedSystem) -> tuple[Median, int, float]:
    """Milliseconds of a biflow at batch 1, how many were made, and their mean number of packets.

    A repetition makes the same number of biflows of each class, one call each; the first is warm-up.
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
    taken, packets = [], []
    for _ in range(settings.repetitions):
        took, made = repetition(count)
        taken.append(1e3 * took / len(made))
        checked = (fitted.checked(rows, calls[place % len(calls)]) for place, rows in enumerate(made))
        packets += [int(biflows.lengths()[0]) for biflows in checked]
    return median(taken), len(packets), float(np.mean(packets))


def sampling_rate(bench: Bench, fitted: FittedSystem, batch: int) -> float:
    """Biflows a second that one call makes of `batch`."""
    labels = np.resize(np.arange(bench.settings.classes, dtype=np.int32), batch)
    rng = np.random.default_rng(0)
    return batch / min(seconds(lambda: fitted.draw(labels, rng), bench.device) for _ in range(RATE_REPETITIONS))


def training_rate(bench: Bench, batch: int) -> float:
    """Biflows a second that an epoch with batches of `batch` goes through; 0 when there are too few to tell."""
    few, many = (min(batches * batch, len(bench.train)) for batches in (1, 5))
    if few == many:
        return 0.0
    fit = partial(bench.fit, with_batch(bench.system, batch), budget=Budget(epochs=1))
    slower, faster = (seconds(partial(fit, count), bench.device) for count in (many, few))
    return (many - few) / max(slower - faster, 1e-9)


def best_batch(bench: Bench, rate: Callable[[int], float]) -> tuple[float, float]:
    """The best rate over batches of 1, 2, 4, …, and its batch; one that takes too long to try is the last."""
    best, best_of, worse, batch = 0.0, 1, 0, 1
    patience = 4.0 * (bench.settings.seconds or 10.0)
    while batch <= bench.settings.largest_batch and worse < 3:
        begun = time.perf_counter()
        found = rate(batch)
        worse = 0 if found > WORTH * best else worse + 1
        if found > best:
            best, best_of = found, batch
        if time.perf_counter() - begun > patience:
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
        found.append(json.loads(done.stdout.splitlines()[-1]))
    imported, first = (median([one[name] for one in found]) for name in ("import", "first"))
    return imported, first, max(one["memory"] for one in found)
