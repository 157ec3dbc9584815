"""What one biflow at a time costs, in training and in sampling, measured in visits that lie apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.costs.bench import Bench, whole_parameter, with_batch
from ntgbench.costs.timing import Measured, median, now, shortest, visit
from ntgbench.interfaces import Budget

if TYPE_CHECKING:
    from ntgbench.costs.times import Times
    from ntgbench.interfaces import Labels
    from ntgbench.systems import FittedSystem
    from ntgbench.tracks.biflows.settings import Efficiency

VISITS = 2
"""Times that a process comes back to each cost: what disturbs a machine may outlast one visit."""

LONGEST = 4.0
"""A repetition of sampling that would take more than so many times `seconds` makes fewer biflows. Many, for means over
different biflows do not compare: some are longer."""

LEAST = 2
"""Repetitions that every visit of a shortened measurement has, however long they take."""

EVEN = 10
"""Biflows of each class that shortened trainings go up by: learners that keep a tenth of them back to validate on then
keep exactly that, whatever the number."""


def repetitions(settings: Efficiency, visit: int) -> Iterator[int]:
    """Counts the repetitions of a visit: all of a process divided evenly, or as many as its time allows."""
    if settings.seconds is None:
        yield from range(visit, settings.repetitions, VISITS)
        return
    end = now("cpu") + settings.seconds * settings.repetitions / VISITS
    for done in itertools.count():
        if done >= LEAST and now("cpu") >= end:
            return
        yield done


class Training:
    """Seconds of an epoch at batch 1.

    Where a whole epoch takes longer than is asked for, it is extrapolated from the difference between trainings on more
    and on fewer biflows, which is free of what does not grow with them. Its shortest time is that of each of its parts,
    which end where progress is told; on a CUDA device, which works on while it is told, of the whole. The warm-up,
    which imports and compiles, is made at once.

    Attributes:
        model: that of the last training, when trainings are whole.
    """

    def __init__(self, bench: Bench, times: Times) -> None:
        settings, every = bench.settings, len(bench.train)
        self._bench, self._system, self._times = bench, with_batch(bench.system, 1), times
        self.model: FittedSystem | None = None
        self._visits = itertools.count()
        step = EVEN * settings.classes
        probe = min(step, every)
        self._parts(probe)
        self._epochs = 1
        if settings.seconds is None:
            # A budget does not raise the number of epochs.
            self._epochs = min(settings.epochs, whole_parameter(self._system, "epochs") or settings.epochs)
        if times.train_biflows:
            return
        times.train_biflows = every
        if settings.seconds is not None:
            steps = max(2, int(settings.seconds * probe / sum(self._parts(probe))) // step)
            more = _power_of_two(steps) * step
            if more < every:
                times.train_biflows, times.fewer = more, max(1, more // step // 4) * step

    def visit(self) -> None:
        """Train a few times."""
        times, longer, shorter = self._times, [], []
        for _ in repetitions(self._bench.settings, next(self._visits)):
            longer.append(self._parts(times.train_biflows, self._epochs))
            shorter.append(self._parts(times.fewer) if times.fewer else [0.0])
        if longer:
            times.longer.append(visit(longer))
            times.shorter.append(visit(shorter))

    def found(self) -> tuple[Measured, Measured]:
        """Median and shortest seconds of an epoch of the whole set."""
        times = self._times
        visits = list(zip(times.longer, times.shorter, strict=True))
        differences = [
            more - fewer for one, other in visits for more, fewer in zip(one.totals, other.totals, strict=True)
        ]
        typical = median(differences)
        value = shortest(times.longer).value - shortest(times.shorter).value
        alone = [shortest([one]).value - shortest([other]).value for one, other in visits]
        least = Measured(value, min(value, *alone), max(value, *alone), typical.count)
        factor = len(self._bench.train) / (times.train_biflows - times.fewer)
        return typical.times(factor), least.times(factor)

    def _parts(self, count: int, epochs: int = 1) -> list[float]:
        """Seconds of the parts of a training, as long together as an epoch; one that ended early went through fewer."""
        told: list[float] = []
        moments: list[float] = []
        device = self._bench.device

        def tell(share: float) -> None:
            told.append(share)
            if device == "cpu":
                moments.append(now(device))

        self.model = None  # or two would be in memory
        begun = now(device)
        self.model = self._bench.fit(self._system, count, Budget(epochs=epochs), tell)
        moments.append(now(device))
        whole = epochs * share(told)
        return [(end - begin) / whole for begin, end in itertools.pairwise([begun, *moments])]


def _power_of_two(most: int) -> int:
    """The largest that is not above `most`: any other number would hardly ever come out the same in another run."""
    return 1 << most.bit_length() - 1


def share(told: list[float]) -> float:
    """How much of its epochs a training went through: what it told last where that can be true, else all of them."""
    return told[-1] if told and 0.0 < told[-1] < 1.0 else 1.0


class Sampling:
    """Milliseconds of a biflow at batch 1.

    A repetition makes the same biflows, as many of each class, one call each, from the same random numbers. Two of a
    biflow a class are warm-up.

    Attributes:
        biflows: how many a repetition makes.
        made: how many this process has made.
        packets: their mean number of packets, which is the same in every repetition.
    """

    def __init__(self, bench: Bench, fitted: FittedSystem, times: Times) -> None:
        self._bench, self._fitted, self._times = bench, fitted, times
        settings, self._count = bench.settings, 1
        self.made, self.packets = 0, 0.0
        self._visits = itertools.count()
        took = min(sum(self._repetition()[0]) for _ in range(2))
        if not times.samples:
            times.samples = settings.samples
            if settings.seconds is not None:
                while times.samples > 1 and times.samples * took > LONGEST * settings.seconds:
                    times.samples = _power_of_two(times.samples - 1)
        self._count = times.samples
        self.biflows = self._count * settings.classes

    def visit(self) -> None:
        """Make them a few times. Raises PluginError when what comes is no traffic."""
        taken: list[list[float]] = []
        made: list[object] = []
        for _ in repetitions(self._bench.settings, next(self._visits)):
            seconds, made = self._repetition()
            taken.append(seconds)
        if not taken:
            return
        self._times.sampled.append(visit(taken))
        self.made += len(taken) * self.biflows
        checked = self._fitted.checked
        lengths = [checked(rows, (labels,)).lengths()[0] for rows, labels in zip(made, self._calls(), strict=True)]
        self.packets = float(np.mean(lengths))

    def found(self) -> tuple[Measured, Measured]:
        """Median over the repetitions, and shortest, milliseconds of a biflow."""
        visits, factor = self._times.sampled, 1e3 / self.biflows
        typical = median([total for visit in visits for total in visit.totals])
        return typical.times(factor), shortest(visits).times(factor)

    def _calls(self) -> list[Labels]:
        """What each call of a repetition is asked for."""
        return [np.array([label], np.int32) for label in range(self._bench.settings.classes)] * self._count

    def _repetition(self) -> tuple[list[float], list[object]]:
        """The seconds of each biflow, and what was made."""
        calls, device, draw = self._calls(), self._bench.device, self._fitted.draw
        rng = np.random.default_rng(0)
        made: list[object] = []
        moments = [now(device)]
        for labels in calls:
            made.append(draw((labels,), rng))
            moments.append(now(device))
        return [end - begin for begin, end in itertools.pairwise(moments)], made
