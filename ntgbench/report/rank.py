"""The arithmetic of leaderboards: means, intervals, ranks with ties, and the smallest difference that can be told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

CONFIDENCE = 0.95
_QUANTILE = 0.5 + CONFIDENCE / 2


@dataclass(frozen=True)
class Estimate:
    """The mean of `count` seeds, and half the width of its 95% interval, None for a single seed."""

    mean: float
    half_width: float | None
    count: int

    @property
    def error(self) -> float | None:
        """Standard error of the mean, None for a single seed."""
        return None if self.half_width is None else self.half_width / t_quantile(self.count - 1)

    def text(self, digits: int) -> str:
        """The estimate as leaderboards print it."""
        spread = "" if self.half_width is None else f" ± {self.half_width:.{digits}f}"
        return f"{self.mean:.{digits}f}{spread}"


def estimate(values: Sequence[float], overlap: float = 0.0) -> Estimate:
    """Mean and 95% interval by Student's t with S - 1 degrees of freedom, for S values, one a seed.

    The variance of the mean is s^2 (1/S + overlap), with s^2 the variance of the values. Where each seed splits the
    same items again, the values are not independent, and `overlap` is n_test / n_train: the correction of Nadeau and
    Bengio, "Inference for the Generalization Error", Machine Learning 52 (2003), section 3, equation 9.
    """
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return Estimate(mean, None, 1)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return Estimate(mean, t_quantile(count - 1) * math.sqrt(variance * (1.0 / count + overlap)), count)


def loss(value: float, goal: str, best: float | None = None) -> float:
    """How far a number is from the best one, up to a constant: less is better whatever the goal is."""
    if goal == "near":
        return abs(value - (best or 0.0))
    return -value if goal == "max" else value


def losses(low: float, high: float, goal: str, best: float | None = None) -> tuple[float, float]:
    """The smallest and the largest `loss` of the numbers of an interval."""
    ends = sorted((loss(low, goal, best), loss(high, goal, best)))
    within = goal == "near" and low <= (best or 0.0) <= high
    return (0.0 if within else ends[0]), ends[1]


def unbeaten(losses: Mapping[str, tuple[float, float]]) -> set[str]:
    """The front: names of those that no other beats, which is to be as good in both losses and better in one."""

    def beats(other: tuple[float, float], own: tuple[float, float]) -> bool:
        return other != own and other[0] <= own[0] and other[1] <= own[1]

    return {name for name, own in losses.items() if not any(beats(other, own) for other in losses.values())}


def ranks(losses: Mapping[str, Mapping[int, float]], digits: int, overlap: float = 0.0) -> dict[str, int]:
    """Rank of each system: 1 + the number of systems that are better than it beyond doubt.

    A is better than B beyond doubt when the means of their losses differ as printed and the 95% interval of their
    paired difference over the seeds they share excludes 0; with one shared seed there is no interval, and the printed
    means decide.

    Args:
        losses: system -> seed -> `loss`, finite; every system has at least one seed.
        digits: decimals that are printed.
        overlap: as in `estimate`.
    """
    import numpy as np

    seeds = sorted(set[int]().union(*losses.values()))
    table = np.array([[of.get(seed, np.nan) for seed in seeds] for of in losses.values()])
    return {name: 1 + _better(table, own, digits, overlap) for name, own in zip(losses, table, strict=True)}


def _better(losses: Array, own: Array, digits: int, overlap: float) -> int:
    """How many rows are better than `own` beyond doubt: losses by system and seed, NaN where there is none."""
    import numpy as np
    from scipy.special import stdtrit

    losses = losses[~np.isnan(losses - own).all(axis=1)]
    gains = own - losses
    shared = ~np.isnan(gains)
    count = shared.sum(axis=1)
    gain = np.where(shared, gains, 0.0).sum(axis=1) / count
    with np.errstate(over="ignore"):
        square = (np.where(shared, gains - gain[:, None], 0.0) ** 2).sum(axis=1)
    # A single seed has no interval: its square is 0, whatever the degrees of freedom are.
    freedom = np.maximum(count - 1, 1)
    sure = gain > stdtrit(freedom, _QUANTILE) * np.sqrt(square / freedom * (1.0 / count + overlap))
    pairs = zip(losses[sure], shared[sure], strict=True)
    return sum(_printed(row[of], digits) != _printed(own[of], digits) for row, of in pairs)


def _printed(losses: Array, digits: int) -> float:
    """The mean as boards print it: `estimate` sums exactly too."""
    return round(math.fsum(losses) / len(losses), digits)


def is_positive(differences: Sequence[float], overlap: float = 0.0) -> bool:
    """Whether the 95% interval of the mean lies above 0; for a single difference, whether this one does."""
    gain = estimate(differences, overlap)
    return gain.mean > (gain.half_width or 0.0)


def resolution(apart: Mapping[int, tuple[float, int]]) -> float | None:
    """The smallest difference of two means that is more than noise: t(0.975, n) sqrt(sum_s n_s r_s^2 / n) / sqrt(S).

    For S seeds, r_s is the root mean square difference of two real halves over n_s pairs of halves, which measures two
    systems of equal worth, and n = sum_s n_s: as many degrees of freedom, because the mean difference is known to be 0.
    The sum is the mean square over all pairs; the difference of two means over S seeds varies by 1/S of it.

    Args:
        apart: (r_s, n_s) by seed; those with n_s = 0 do not count.

    Returns:
        None when there are no pairs.
    """
    known = [(rms, pairs) for rms, pairs in apart.values() if pairs]
    if not known:
        return None
    number = sum(pairs for _, pairs in known)
    mean_square = math.fsum(pairs * rms**2 for rms, pairs in known) / number
    return t_quantile(number) * math.sqrt(mean_square / len(known))


@cache
def t_quantile(freedom: int) -> float:
    """The quantile 0.975 of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, _QUANTILE))
