"""The difference of two numbers that have intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ntgbench.row_schema import MetricValue


class Difference(NamedTuple):
    """A difference and its 95% interval, None where one of the two numbers has none."""

    value: float
    low: float | None
    high: float | None


def difference(first: MetricValue, second: MetricValue) -> Difference:
    """`first` minus `second`, which have numbers, as if they were independent.

    The interval takes its width from those of both (MOVER: Zou and Donner, Construction of confidence limits about
    effect measures, Statistics in Medicine 27, 2008): low is d - sqrt((a - low a)^2 + (high b - b)^2), high likewise.
    Where both were measured on the same biflows it is too wide, since their errors go together.
    """
    a, b = first["value"], second["value"]
    assert a is not None
    assert b is not None
    if not ("low" in first and "low" in second):
        return Difference(a - b, None, None)
    low = a - b - math.hypot(a - first["low"], second["high"] - b)
    high = a - b + math.hypot(first["high"] - a, b - second["low"])
    return Difference(a - b, low, high)
