"""The difference of one metric between two sides: its interval, and whether one side is better by more than that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ntgbench.report.rank import estimate, loss, losses
from ntgbench.results import has_failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.results import MetricValue

Verdict = Literal["same", "within", "better", "worse", "changed"]
"""Of B beside A: equal; different, but not by more than the interval; better or worse by more than that; "changed"
where only one of them has a number because the metric is undefined for the other's traffic."""


@dataclass(frozen=True)
class Difference:
    """A number of two sides, A and B.

    Attributes:
        goal, best, digits: those of the metric.
        a, b: means over the seeds of both sides, None where a side has no number.
        difference: mean of B - A; for the goal "near", of the distances from `best`.
        low, high: 95% interval of the difference, None when it is not known.
        verdict: see `Verdict`.
        reason: why a side has no number, empty otherwise.
    """

    goal: str
    best: float | None
    digits: int
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    reason: str = ""


def difference(
    both: Sequence[tuple[MetricValue, MetricValue]], overlap: float = 0.0, tolerance: float = 0.0, timing: bool = False
) -> Difference:
    """The difference of one metric.

    Args:
        both: the metric of A and of B, a pair for each seed, at least one.
        overlap: as in `rank.estimate`.
        tolerance: a difference of at most this share of A's number counts as none.
        timing: whether it is a time or an amount of memory, of which boards print at least three figures.
    """
    known = [(one, other) for one, other in both if one["value"] is not None and other["value"] is not None]
    if len(known) < len(both):
        lacking = _lacking(both)
        if lacking is not None:
            return lacking
    goal, best, digits = both[0][0]["goal"], both[0][0].get("best"), both[0][0]["digits"]
    values = [(_value(one), _value(other)) for one, other in known]
    a, b = (math.fsum(side) / len(values) for side in zip(*values, strict=True))
    size = max(abs(a), abs(b))
    if timing and 0 < size < 1:
        digits = max(digits, 2 - math.floor(math.log10(size)))
    gaps = [loss(after, goal, best) - loss(before, goal, best) for before, after in values]  # above 0: B is worse
    gap, low, high = _interval(gaps, known, overlap)
    printed = round(gap, digits) == 0 if goal == "near" else round(a, digits) == round(b, digits)
    verdict: Verdict = "worse" if gap > 0 else "better"
    if all(before == after for before, after in values):
        verdict = "same"
    elif printed or abs(gap) <= tolerance * abs(a) or (low is not None and high is not None and low <= 0.0 <= high):
        verdict = "within"
    if goal == "max":
        gap, low, high = -gap, None if high is None else -high, None if low is None else -low
    return Difference(goal, best, digits, a, b, gap, low, high, verdict)


def _lacking(both: Sequence[tuple[MetricValue, MetricValue]]) -> Difference | None:
    """The difference where sides lack numbers; None where both lack those of the same seeds and have others."""
    first, ours, theirs = both[0][0], [one for one, _ in both], [other for _, other in both]
    verdict: Verdict = "changed"
    if [one["value"] is None for one in ours] == [other["value"] is None for other in theirs]:
        if any(one["value"] is not None for one in ours):
            return None
        verdict = "same"
    elif any(one["value"] is not None and has_failed(other) for one, other in both):
        verdict = "worse"
    elif any(has_failed(one) and other["value"] is not None for one, other in both):
        verdict = "better"
    reason = next((one.get("reason", "") for one in (*theirs, *ours) if one["value"] is None), "")
    means = (_mean(ours), _mean(theirs))
    return Difference(first["goal"], first.get("best"), first["digits"], *means, None, None, None, verdict, reason)


def _interval(
    gaps: Sequence[float], known: Sequence[tuple[MetricValue, MetricValue]], overlap: float
) -> tuple[float, float | None, float | None]:
    """Mean difference of the losses and its 95% interval.

    Over several seeds by `rank.estimate` of the paired differences. With one seed, of the intervals [l, u] that both
    losses have: d - sqrt((b - l_b)^2 + (u_a - a)^2) and d + sqrt((u_b - b)^2 + (a - l_a)^2), with d = b - a (Zou and
    Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27 (2008), for independent
    sides; both sides have the same test set, so it is rather too wide).
    """
    if len(gaps) > 1:
        mean = estimate(gaps, overlap)
        half = mean.half_width or 0.0
        return mean.mean, mean.mean - half, mean.mean + half
    ((one, other),) = known
    if "low" not in one or "low" not in other:
        return gaps[0], None, None
    (a, low_a, high_a), (b, low_b, high_b) = (_losses(side) for side in (one, other))
    down = math.hypot(max(b - low_b, 0.0), max(high_a - a, 0.0))
    up = math.hypot(max(high_b - b, 0.0), max(a - low_a, 0.0))
    return gaps[0], gaps[0] - down, gaps[0] + up


def _losses(metric: MetricValue) -> tuple[float, float, float]:
    goal, best = metric["goal"], metric.get("best")
    return loss(_value(metric), goal, best), *losses(metric["low"], metric["high"], goal, best)


def _value(metric: MetricValue) -> float:
    return metric["value"] or 0.0


def _mean(metrics: Sequence[MetricValue]) -> float | None:
    values = [one["value"] for one in metrics if one["value"] is not None]
    return math.fsum(values) / len(values) if values else None
