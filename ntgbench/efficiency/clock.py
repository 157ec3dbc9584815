"""Time: a clock that waits for the device, medians with an interval, minima, and a fixed workload."""

from __future__ import annotations

import itertools
import math
import statistics
import sys
import time
import timeit
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """A number made of `count` measurements, and the interval around it; see `median` and `minimum`."""

    value: float
    low: float
    high: float
    count: int

    def scaled(self, factor: float) -> Measured:
        """The number of measurements that are `factor`, a positive number, times as large."""
        return Measured(self.value * factor, self.low * factor, self.high * factor, self.count)


def median(values: Sequence[float]) -> Measured:
    """The median of at least one value, with an interval that holds the true median with at least 95% confidence.

    The interval is made of order statistics and assumes no distribution (David and Nagaraja 2003, section 7.1). Fewer
    than six values do not reach 95%: then it goes from the smallest to the largest.
    """
    ordered, count = sorted(values), len(values)
    # Without `cut` values on each side, the interval misses the true median with probability 2 P(heads <= cut) of
    # `count` fair coins. In whole numbers: 2 ways / 2**count <= 5%.
    ways = itertools.accumulate(math.comb(count, heads) for heads in range(count // 2))
    cut = max(0, sum(40 * way <= 2**count for way in ways) - 1)
    return Measured(statistics.median(ordered), ordered[cut], ordered[-1 - cut], count)


def minimum(rounds: Sequence[Sequence[float]]) -> Measured:
    """The smallest value of all rounds; its interval goes up to the largest of the rounds' own minima."""
    least = [min(values) for values in rounds]
    return Measured(min(least), min(least), max(least), sum(map(len, rounds)))


def now(device: str) -> float:
    """Seconds of the performance counter, read when `device` has done all its work."""
    # Without torch nothing can have been given to a device.
    torch = sys.modules.get("torch")
    if device != "cpu" and torch is not None:
        torch.cuda.synchronize(device)
    return time.perf_counter()


def clock() -> str:
    """The clock behind `now`, as the system calls it."""
    return time.get_clock_info("perf_counter").implementation


def reference() -> float:
    """Seconds of a fixed workload, which show how fast the machine is now: each part counts its shortest of 30 passes.

    A virtual machine on a shared host may be 1.5 times as slow for minutes, and none of its counters shows that.
    """
    import numpy as np

    rng = np.random.default_rng(1)
    values, square, layers = (rng.random(shape, np.float32) for shape in ((20_000,), (256, 256), (8, 160, 160)))

    def interpreted() -> float:
        total = 0.0
        for number in range(10_000):
            total += number % 7
        return total

    def calls() -> object:
        x = layers[0, 0]
        for layer in (*layers,) * 10:
            x = np.tanh(layer @ x)
        return x

    parts = (interpreted, calls, lambda: np.sort(values), lambda: square @ square)
    return sum(min(timeit.repeat(part, number=1, repeat=30)) for part in parts)
