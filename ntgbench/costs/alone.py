"""What one biflow at a time costs, in training and in sampling, measured in visits that lie apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.costs.bench import Bench, whole_parameter, with_batch
from ntgbench.costs.timing import Measured, alike, median, now, shortest
from ntgbench.interfaces import Budget

if TYPE_CHECKING:
    from ntgbench.protocol import Efficiency
    from ntgbench.systems import FittedSystem

VISITS = 3
"""Times that each cost is come back to: what disturbs a machine may outlast one visit."""

LEAST = 2
"""Repetitions that every visit of a shortened measurement has, however long they take."""

EVEN = 10
"""Biflows of each class that shortened trainings go up by: learners that keep a tenth of them back to validate on then
keep exactly that, whatever the number."""


def repetitions(settings: Efficiency, visit: int) -> Iterator[int]:
    """Counts the repetitions of a visit: all of them divided evenly, or as many as its time allows."""
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
        biflows: how many are trained on to know it.
        model: that of the last training, when trainings are whole.
    """

    def __init__(self, bench: Bench) -> None:
        settings, every = bench.settings, len(bench.train)
        self._bench, self._system = bench, with_batch(bench.system, 1)
        self.model: FittedSystem | None = None
        step = EVEN * settings.classes
        probe = min(step, every)
        self._parts(probe)
        # A budget does not raise the number of epochs.
        self._epochs = min(settings.epochs, whole_parameter(self._system, "epochs") or settings.epochs)
        self.biflows, self._fewer = every, 0
        if settings.seconds is not None:
            self._epochs = 1
            steps = max(2, int(settings.seconds * probe / sum(self._parts(probe))) // step)
            more = _power_of_two(steps) * step
            if more < every:
                self.biflows, self._fewer = more, max(1, more // step // 4) * step
        self._longer: list[list[list[float]]] = []
        self._shorter: list[list[list[float]]] = []

    def visit(self) -> None:
        """Train a few times."""
        longer, shorter = [], []
        for _ in repetitions(self._bench.settings, len(self._longer)):
            longer.append(self._parts(self.biflows, self._epochs))
            shorter.append(self._parts(self._fewer) if self._fewer else [0.0])
        self._longer.append(longer)
        self._shorter.append(shorter)

    def found(self) -> tuple[Measured, Measured]:
        """Median and shortest seconds of an epoch of the whole set."""
        longer, shorter = alike(self._longer), alike(self._shorter)
        pairs = zip(itertools.chain(*longer), itertools.chain(*shorter), strict=True)
        typical = median([sum(more) - sum(fewer) for more, fewer in pairs])
        value = shortest(longer).value - shortest(shorter).value
        alone = [
            shortest([more]).value - shortest([fewer]).value
            for more, fewer in zip(longer, shorter, strict=True)
            if more
        ]
        least = Measured(value, min(value, *alone), max(value, *alone), typical.count)
        factor = len(self._bench.train) / (self.biflows - self._fewer)
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
    """

    def __init__(self, bench: Bench, fitted: FittedSystem) -> None:
        self._bench, self._fitted = bench, fitted
        settings, self._count = bench.settings, 1
        self._visits: list[list[list[float]]] = []
        self._packets: list[int] = []
        took = min(sum(self._repetition()[0]) for _ in range(2))
        self._count = settings.samples
        if settings.seconds is not None:
            while self._count > 1 and self._count * took > settings.seconds:
                self._count = _power_of_two(self._count - 1)
        self.biflows = self._count * settings.classes

    def visit(self) -> None:
        """Make them a few times. Raises PluginError when what comes is no traffic."""
        times: list[list[float]] = []
        made: list[object] = []
        for _ in repetitions(self._bench.settings, len(self._visits)):
            taken, made = self._repetition()
            times.append(taken)
        self._visits.append(times)
        labels = self._labels()
        self._packets += [
            int(self._fitted.checked(rows, labels[place % len(labels)]).lengths()[0]) for place, rows in enumerate(made)
        ]

    def found(self) -> tuple[Measured, Measured]:
        """Median over the repetitions, and shortest, milliseconds of a biflow."""
        typical = median([sum(times) / len(times) for visit in self._visits for times in visit])
        return typical.times(1e3), shortest(self._visits).times(1e3 / self.biflows)

    @property
    def made(self) -> int:
        """Biflows that all visits made."""
        return sum(len(visit) for visit in self._visits) * self.biflows

    @property
    def packets(self) -> float:
        """Their mean number of packets."""
        return float(np.mean(self._packets))

    def _labels(self) -> list[np.ndarray[tuple[int], np.dtype[np.int32]]]:
        return [np.array([label], np.int32) for label in range(self._bench.settings.classes)]

    def _repetition(self) -> tuple[list[float], list[object]]:
        """The seconds of each biflow, and what was made."""
        calls, device, draw = self._labels() * self._count, self._bench.device, self._fitted.draw
        rng = np.random.default_rng(0)
        made: list[object] = []
        moments = [now(device)]
        for labels in calls:
            made.append(draw(labels, rng))
            moments.append(now(device))
        return [end - begin for begin, end in itertools.pairwise(moments)], made
