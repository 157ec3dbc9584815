"""Numbers as categories: frequent ones alone, all others in bins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


def edges(values: Numbers, bins: int, words: int, least: int, doubling: bool = True) -> Numbers:
    """Where categories of whole numbers begin, and where the last one ends, int64 (B + 1,), rising.

    Args:
        values: int64 (N,), not negative.
        bins: categories of about equal mass that values without a category of their own are cut into.
        words: values at most with a category of their own: the most frequent ones.
        least: how often such a value must occur.
        doubling: also cut at powers of two, so that no category spans more than a factor of 2.
    """
    distinct, count = np.unique(values, return_counts=True)
    frequent = distinct[np.argsort(-count, kind="stable")[:words]]
    frequent = np.intersect1d(frequent, distinct[count >= least])
    rest = np.sort(values[~np.isin(values, frequent)])
    low, high = distinct[0], distinct[-1]
    parts = [frequent, frequent + 1, np.array([low, high + 1])]
    if len(rest):
        # Halfway between two values: where values are few, none would else be the lowest of its category.
        at = np.unique(np.arange(1, bins) * len(rest) // bins)
        at = at[at > 0]
        parts.append(_halfway(rest[at - 1], rest[at], doubling))
    if doubling:
        powers = np.int64(1) << np.arange(62)
        parts.append(powers[(powers > low) & (powers <= high)])
    return np.unique(np.concatenate(parts))


def _halfway(low: Numbers, high: Numbers, logarithmic: bool) -> Numbers:
    """The whole number above the middle of two, or of their logarithms; `high` where they are equal."""
    middle = (low.astype(np.float64) + high) / 2
    if logarithmic:
        middle = np.sqrt((low + 1.0) * (high + 1.0)) - 1
    return np.clip(np.ceil(middle).astype(np.int64), np.minimum(low + 1, high), high)


def category(values: Numbers, edge: Numbers) -> Numbers:
    """The category of each value, int64 (N,)."""
    return np.searchsorted(edge, values, side="right") - 1


def drawn(number: Numbers, edge: Numbers, rng: np.random.Generator, even: bool = False) -> Numbers:
    """A value of each category, int64 (N,): evenly spread over logarithms, or over the values when `even`."""
    low, high = edge[number].astype(np.float64), edge[number + 1].astype(np.float64)
    share = rng.random(len(number))
    value = low + share * (high - low) if even else (low + 1) * ((high + 1) / (low + 1)) ** share - 1
    return np.clip(value.astype(np.int64), edge[number], edge[number + 1] - 1)
