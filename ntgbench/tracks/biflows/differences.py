"""The difference of two numbers that may have intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ntgbench.report.rank import loss, losses

if TYPE_CHECKING:
    from ntgbench.row_schema import MetricValue


class Difference(NamedTuple):
    """A difference and its 95% interval, None where one of the two numbers has none."""

    value: float
    low: float | None
    high: float | None


def distance(metric: MetricValue) -> MetricValue:
    """Of a metric that is best near a number, how far from it the value is: less is better. Others as they are."""
    if metric["goal"] != "near":
        return metric
    found: MetricValue = {**metric, "goal": "min"}
    best = found.pop("best", 0.0)
    if metric["value"] is not None:
        found["value"] = loss(metric["value"], "near", best)
    if "low" in metric:
        found["low"], found["high"] = losses(metric["low"], metric["high"], "near", best)
    return found


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
