"""Figures about traffic that text can draw: plain values to JSON, and bars or a sparkline to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt


class Counts(dict[str, int]):
    """Counts by name, in the order in which they are shown: for people, bars with shares of their sum."""


class Histogram(dict[str, Any]):
    """Counts in bins of equal width: for people, a sparkline.

    Keys:
        low, high: where the first bin begins and the last one ends.
        counts: of each bin.
        median: of the values; left out where there is none.
        unit: of low, high and median; empty for a number of things.
    """


def histogram(
    values: npt.ArrayLike, low: float, high: float, bins: int, unit: str = "", median: bool = True
) -> Histogram:
    """The histogram of values in low..high, and their median unless it means nothing or there is no value."""
    import numpy as np

    array = np.asarray(values)
    counts, _ = np.histogram(array, bins, (low, high))
    found = Histogram(low=low, high=high, counts=counts.tolist(), unit=unit)
    if median and array.size:
        found["median"] = float(np.median(array))
    return found


def most_frequent(values: npt.ArrayLike, most: int) -> Counts:
    """How often each of the most frequent values is there, as text, the most frequent first, and last all others."""
    import numpy as np

    found, count = np.unique(np.asarray(values), return_counts=True)
    order = np.argsort(-count, kind="stable")[:most]
    counts = Counts({str(found[at]): int(count[at]) for at in order})
    if len(found) > most:
        counts["others"] = int(count.sum()) - sum(counts.values())
    return counts
