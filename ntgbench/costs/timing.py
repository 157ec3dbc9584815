"""Time, measured: a clock that waits for the device, medians with an interval, and shortest times."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

CONFIDENCE = 0.95

OUTER_FENCE = 3.0
"""Distances between the quartiles, beyond them, from which on a measurement is an outlier."""


@dataclass(frozen=True)
class Measured:
    """A number made of repeated measurements.

    Attributes:
        value: the number.
        low, high: an interval that holds it; whoever makes one says which.
        count: measurements.
        outliers: those that lie further from the quartiles than three times the distance between these (Tukey 1977,
            section 2D, "outside the outer fences").
    """

    value: float
    low: float
    high: float
    count: int
    outliers: int = 0

    def times(self, factor: float) -> Measured:
        """The number of `factor`, which is positive, times each measurement."""
        return replace(self, value=self.value * factor, low=self.low * factor, high=self.high * factor)


def median(values: Sequence[float]) -> Measured:
    """The median, and an interval that holds the true one with a confidence of at least 95%, whatever the distribution.

    The interval is one of order statistics (David and Nagaraja 2003, section 7.1); of fewer than six values, the
    smallest and the largest. Needs one value.
    """
    ordered, count = sorted(values), len(values)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2.0
    # The k-th smallest and largest miss the true median when fewer than k of the fair coins fall on its side.
    # In whole numbers, for there may be thousands.
    below, ways, out = 0, 1, 0
    while out < count:
        below += ways
        if 2 * below / 2**count > 1.0 - CONFIDENCE:
            break
        ways, out = ways * (count - out) // (out + 1), out + 1
    out = max(out - 1, 0)
    lower, upper = ordered[count // 4], ordered[count - 1 - count // 4]
    fence = OUTER_FENCE * (upper - lower)
    outliers = sum(not lower - fence <= value <= upper + fence for value in ordered)
    return Measured(middle, ordered[out], ordered[count - 1 - out], count, outliers)


@dataclass(frozen=True)
class Visit:
    """The same work, done several times one after the other.

    Attributes:
        totals: seconds of each time.
        least: the shortest that each part of the work took; of all of it where it did not always have as many parts.
    """

    totals: list[float]
    least: list[float]


def visit(repetitions: Sequence[Sequence[float]]) -> Visit:
    """A visit of at least one repetition, of which the seconds of each part are given."""
    totals = [float(sum(times)) for times in repetitions]
    alike = len({len(times) for times in repetitions}) == 1
    return Visit(totals, [min(times) for times in zip(*repetitions, strict=True)] if alike else [min(totals)])


def shortest(visits: Sequence[Visit]) -> Measured:
    """What the same work takes when nothing disturbs it, of at least one visit.

    The shortest time of each part, summed over the parts: what disturbs a machine comes in bursts and only ever adds
    time, so a part finds its moment of peace long before the whole does. The interval goes to the visit that would have
    said the most by itself. Visits that do not have as many parts are held against one another as wholes.
    """
    alike = len({len(visit.least) for visit in visits}) == 1
    parts = [visit.least if alike else [min(visit.totals)] for visit in visits]
    value = float(sum(map(min, zip(*parts, strict=True))))
    return Measured(value, value, max(map(sum, parts)), sum(len(visit.totals) for visit in visits))


def now(device: str) -> float:
    """Seconds of the performance counter, when all that `device` was given to do is done."""
    # Without torch nothing can have been given to a device.
    torch = sys.modules.get("torch")
    if device != "cpu" and torch is not None:
        torch.cuda.synchronize(device)
    return time.perf_counter()


def seconds(work: Callable[[], Any], device: str) -> float:
    """How long one call of `work` takes."""
    start = now(device)
    work()
    return now(device) - start


def clock() -> str:
    """What `now` reads, as the system calls it."""
    return time.get_clock_info("perf_counter").implementation
