"""How far apart two systems score that are equally good: two disjoint halves of the real training traffic."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.scores import Scores, metric_value, score
from ntgbench.tracks.biflows.splits import halves

if TYPE_CHECKING:
    from collections.abc import Callable

    from ntgbench.suites import SuiteInput
    from ntgbench.traffic.biflows import Biflows

DRAWS = 3
"""Random pairs of halves."""


def halves_apart(given: SuiteInput, seed: int, sides: Callable[[Biflows], tuple[Biflows, Biflows]]) -> Scores:
    """`name@halves` of the suite's primary metric: the root mean square difference of two real halves.

    Each half takes the place of the synthetic traffic, as if it were that of a system; no session is in both. `count`
    is the number of pairs that were measured. It is measured once a seed, with the system whose synthetic traffic
    equals the training traffic, in any order; for other systems, and where there are no halves or a half has no number,
    the result is empty.

    Args:
        given: what the suite was handed.
        seed: of the metric.
        sides: real and synthetic traffic as the suite hands them to the metric, for a half as synthetic traffic.
    """
    primary = [one for one in given.metrics if one.primary and one.against == "test" and not one.likelihood]
    train = given.train
    if not primary or not _same(train, given.synthetic):
        return {}
    (metric,) = primary
    squares = []
    for draw in range(DRAWS):
        rng = np.random.default_rng(given.seed("halves", draw))
        pair = halves(train, train.class_counts(), rng)
        if not len(pair[0]):
            return {}
        first, second = (score([metric], *sides(half), seed)[metric.name]["value"] for half in pair)
        if first is None or second is None:
            return {}
        squares.append((first - second) ** 2)
    apart = metric_value(replace(metric, primary=False), math.sqrt(math.fsum(squares) / DRAWS))
    apart["count"] = DRAWS
    return {f"{metric.name}@halves": apart}


def _same(first: Biflows, second: Biflows) -> bool:
    """Whether both have the same biflows of the same classes, each as often."""
    totals = [side.signed_pl.sum(axis=0, dtype=np.int64) for side in (first, second)]
    # Sorting takes longer, and most systems differ in their sums.
    return len(first) == len(second) and np.array_equal(*totals) and np.array_equal(_sorted(first), _sorted(second))


def _sorted(biflows: Biflows) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    table = np.ascontiguousarray(np.column_stack([biflows.label, biflows.signed_pl.astype(np.int32)]))
    return np.sort(table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).ravel())
