"""The arithmetic of leaderboards: means, intervals, and ranks with ties."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """The mean of `count` seeds, and half the width of its 95% interval, None for a single seed."""

    mean: float
    half_width: float | None
    count: int

    def text(self, digits: int) -> str:
        """The estimate as leaderboards print it."""
        spread = "" if self.half_width is None else f" ± {self.half_width:.{digits}f}"
        return f"{self.mean:.{digits}f}{spread}"


def estimate(values: list[float]) -> Estimate:
    """Mean and 95% interval by Student's t with count - 1 degrees of freedom."""
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return Estimate(mean, None, 1)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return Estimate(mean, _t_quantile(count - 1) * math.sqrt(variance / count), count)


def loss(value: float, goal: str, best: float | None = None) -> float:
    """How far a number is from the best one, up to a constant: less is better whatever the goal is."""
    if goal == "near":
        return abs(value - (best or 0.0))
    return -value if goal == "max" else value


def ranks(values: Mapping[str, Mapping[int, float]], goal: str, digits: int) -> dict[str, int]:
    """Rank of each system: 1 + the number of systems that are better than it beyond doubt.

    A is better than B beyond doubt when their means differ as printed and the 95% interval of their paired difference
    over the seeds they share excludes 0; with one shared seed there is no interval, and the printed means decide.

    Args:
        values: system -> seed -> value; every system has at least one seed.
        goal: "min" or "max".
        digits: decimals that are printed.
    """
    return {name: 1 + sum(_better(values[other], values[name], goal, digits) for other in values) for name in values}


def _better(first: Mapping[int, float], second: Mapping[int, float], goal: str, digits: int) -> bool:
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return False
    sign = 1.0 if goal == "max" else -1.0
    means = [math.fsum(side[seed] for seed in seeds) / len(seeds) for side in (first, second)]
    if f"{means[0]:.{digits}f}" == f"{means[1]:.{digits}f}":
        return False
    gain = estimate([sign * (first[seed] - second[seed]) for seed in seeds])
    return gain.mean > (gain.half_width or 0.0)


def _t_quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2))
