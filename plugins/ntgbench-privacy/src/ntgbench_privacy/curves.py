"""How well scores tell members from non-members: areas, true positive rates and their bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.interfaces import Measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ntgbench_privacy.singles import Floats, Integers, Mask

DRAWS = 1000
"""Bootstrap draws of an interval."""

FEWEST = 10
"""Groups of a side that an interval needs, and members or non-members that a number needs."""

FALSE_POSITIVES = 0.01
"""Rate of false positives at which true positives are counted."""


class Curve:
    """The receiver operating characteristic of scores, for any weights of the items.

    Items of equal score are taken together, so that the curve is straight between them: half of the pairs that tie
    count, and a score that is the same for all has the diagonal.
    """

    def __init__(self, score: Floats, member: Mask) -> None:
        """Sort items by score, float64 (N,), -inf included; a high one speaks for a member, bool (N,)."""
        self._order = np.argsort(-score, kind="stable")
        self._member = member[self._order]
        ordered = score[self._order]
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))

    def measure(self, weight: Floats) -> tuple[float, float]:
        """Area under the curve, and true positive rate at 1% of false positives, linear between points of the curve."""
        weight = weight[self._order]
        true, false = (self._rates(weight * side) for side in (self._member, ~self._member))
        area = float(np.sum(np.diff(false) * (true[1:] + true[:-1])) / 2)
        return min(area, 1.0), float(np.interp(FALSE_POSITIVES, false, true))

    def _rates(self, weight: Floats) -> Floats:
        total = np.cumsum(weight)[self._ends]
        return np.concatenate([[0.0], total / total[-1]])


def redrawn(member: Mask, group: Integers, rng: np.random.Generator, draws: int = DRAWS) -> Iterator[Integers]:
    """How often each item is drawn when the groups of members, and those of non-members, are drawn with replacement."""
    _, first, number = np.unique(group, return_index=True, return_inverse=True)
    of_members = member[first]
    times = np.empty(len(first), np.int64)
    for _ in range(draws):
        for side in (of_members, ~of_members):
            size = np.count_nonzero(side)
            times[side] = np.bincount(rng.integers(size, size=size), minlength=size)
        yield times[number]


def enough_groups(member: Mask, group: Integers) -> bool:
    """Whether both sides have as many groups as an interval needs."""
    return all(len(np.unique(group[side])) >= FEWEST for side in (member, ~member))


def interval(value: float, draws: Floats, error: float = 0.05) -> Measured:
    """A value with the percentiles of its bootstrap, float64 (draws,); without any, no interval."""
    if not len(draws):
        return Measured(value)
    low, high = np.quantile(draws, [error / 2, 1 - error / 2])
    return Measured(value, min(float(low), value), max(float(high), value))


def share(hit: Mask, group: Integers, rng: np.random.Generator) -> Measured | str:
    """The share of items that are hit, with a 95% interval by a bootstrap over their groups.

    Where each item is a group of its own it is Wilson's interval (JASA 22, 1927), and where none or all are hit, which
    a bootstrap takes for certain, that of as many items as there are groups.
    """
    from scipy.stats import binomtest

    if not len(hit):
        return "there is no biflow to count"
    value = float(hit.mean())
    _, number = np.unique(group, return_inverse=True)
    size, hits = np.bincount(number), np.bincount(number, hit)
    count = len(size)
    if count < FEWEST:
        return Measured(value)
    if count == len(hit) or value in (0.0, 1.0):
        wilson = binomtest(round(value * count), count).proportion_ci(0.95, "wilson")
        return Measured(value, float(wilson.low), float(wilson.high))
    drawn = (rng.integers(count, size=count) for _ in range(DRAWS))
    return interval(value, np.array([hits[one].sum() / size[one].sum() for one in drawn]))
