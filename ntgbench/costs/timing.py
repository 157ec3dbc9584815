"""Time, measured: a clock that waits for the device, and medians with an interval."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

CONFIDENCE = 0.95

OUTER_FENCE = 3.0
"""Distances between the quartiles, beyond them, from which on a measurement is an outlier."""


@dataclass(frozen=True)
class Median:
    """The median of repeated measurements.

    Attributes:
        value: the median.
        low, high: an interval that holds the true median with a confidence of at least 95%, whatever the distribution;
            of fewer than six measurements, the smallest and the largest.
        count: measurements.
        outliers: those that lie further from the quartiles than three times the distance between these (Tukey 1977,
            section 2D, "outside the outer fences").
    """

    value: float
    low: float
    high: float
    count: int
    outliers: int = 0

    def times(self, factor: float) -> Median:
        """The median of `factor`, which is positive, times each measurement."""
        return replace(self, value=self.value * factor, low=self.low * factor, high=self.high * factor)


def median(values: Sequence[float]) -> Median:
    """The median with its interval by order statistics (David and Nagaraja 2003, section 7.1). Needs one value."""
    ordered, count = sorted(values), len(values)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2.0
    # The k-th smallest and largest miss the true median when fewer than k of the fair coins fall on its side.
    below, out = 0.0, 0
    while out < count:
        below += math.comb(count, out) / 2.0**count
        if 2.0 * below > 1.0 - CONFIDENCE:
            break
        out += 1
    out = max(out - 1, 0)
    lower, upper = ordered[count // 4], ordered[count - 1 - count // 4]
    fence = OUTER_FENCE * (upper - lower)
    outliers = sum(not lower - fence <= value <= upper + fence for value in ordered)
    return Median(middle, ordered[out], ordered[count - 1 - out], count, outliers)


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
