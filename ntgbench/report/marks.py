"""Marks: signs beside a system's name for what a reader must not miss, computed from its rows of all suites."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ntgbench.report.rank import is_positive, loss, losses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.results import MetricValue, Row

ODDS = 3.0
"""Without intervals, a share is clearly above its floor when its odds p / (1 - p) are at least so many times those of
the floor, and clearly below when they are at most this part: the floor of half a training set is about half of what a
whole one would give."""

LEAST = 0.01
"""A share is above or below its floor only when it differs by so much at least, with intervals too: of small shares, a
few items decide."""

BETTER = 0.1
"""With one seed and no interval, a number is clearly better than its floor when it is by this share of the floor."""


class Mark(NamedTuple):
    """A sign and what it means."""

    sign: str
    meaning: str

    @property
    def name(self) -> str:
        """The words that its meaning begins with, in bold."""
        return self.meaning.split("**")[1]


COPIES = Mark(
    "‡",
    "**copies**: it gives back what it was trained on: of the biflows that occur once, more training biflows than "
    f"held-out ones come out again (`single_hit` is above its floor, beyond the intervals and by {LEAST:g} or more); "
    f"where that was not measured, the odds of `leakage` or `train_share` are at least {ODDS:g} times those of the "
    "floor.",
)
SUPPRESSED = Mark(
    "§",
    "**too few copies**: of the biflows that occur once, fewer training biflows than held-out ones come out again "
    f"(`single_hit` is below its floor, beyond the intervals and by {LEAST:g} or more): copies were removed, which "
    "gives away by omission what it was trained on. Where that was not measured, the odds of `leakage`, and of "
    f"`train_share` if it is known, are at most 1/{ODDS:g} of those of the floor, and its traffic may also be unlike "
    "real traffic.",
)
TOO_GOOD = Mark(
    "¶",
    "**better than real**: in the primary fidelity metric it is better, beyond the interval, than two halves of real "
    "traffic are beside each other. Another sample of the same traffic could not be, so look for copies first.",
)


def marks_of(rows: Sequence[Row], overlap: float = 0.0) -> tuple[Mark, ...]:
    """The marks of one system, by its rows of one dataset and protocol, one a seed; `overlap` as in `rank.estimate`."""
    found = []
    hit = _pairs(rows, "privacy/single_hit")
    leakage, share = (_pairs(rows, f"fidelity/{name}") for name in ("leakage", "train_share"))
    if _exceeds(hit, overlap) if hit else _far_above(leakage) or _far_above(share):
        found.append(COPIES)
    if _exceeds(_turned(hit), overlap) if hit else _far_above(_turned(leakage)) and not _is_as_often(share):
        found.append(SUPPRESSED)
    keys = set[str]().union(*(row["metrics"] for row in rows))
    fidelity = [key for key in keys if key.startswith("fidelity/") and "@" not in key]
    measured = [(key, row["metrics"][key]) for key in fidelity for row in rows if key in row["metrics"]]
    primary = {key for key, metric in measured if metric.get("primary", False)}
    if any(_is_better(_pairs(rows, key), overlap) for key in primary):
        found.append(TOO_GOOD)
    return tuple(found)


_Pair = tuple["MetricValue", "MetricValue"]


def _pairs(rows: Sequence[Row], key: str) -> list[_Pair]:
    """A metric and its floor, of each row with numbers of both by the newest version of the metric."""
    found = [(row["metrics"].get(key), row["metrics"].get(f"{key}@floor")) for row in rows]
    pairs = [
        (own, floor)
        for own, floor in found
        if own is not None and floor is not None and own["value"] is not None and floor["value"] is not None
    ]
    newest = max((own["version"] for own, _ in pairs), default=0)
    return [(own, floor) for own, floor in pairs if own["version"] == floor["version"] == newest]


def _turned(pairs: Sequence[_Pair]) -> list[_Pair]:
    return [(floor, own) for own, floor in pairs]


def _is_as_often(pairs: Sequence[_Pair]) -> bool:
    """Whether the first of each pair of shares was measured and is not far below the second."""
    return bool(pairs) and not _far_above(_turned(pairs))


def _exceeds(pairs: Sequence[_Pair], overlap: float) -> bool:
    """Whether the first of each pair of shares is above the second beyond doubt.

    Over several seeds by the paired interval, with one by both intervals, and without intervals by `ODDS`.
    """
    gains = [_value(one) - _value(other) for one, other in pairs]
    if pairs and math.fsum(gains) < LEAST * len(gains):
        return False
    if len(pairs) != 1:
        return _is_gain(gains, pairs, overlap)
    ((one, other),) = pairs
    if "low" in one or "low" in other:
        return one.get("low", _value(one)) > other.get("high", _value(other))
    return _far_above(pairs)


def _far_above(pairs: Sequence[_Pair]) -> bool:
    """Whether the first of each pair of shares is above the second by `ODDS` and `LEAST`; not where there is none."""

    def far(one: float, other: float) -> bool:
        # Rows come from anywhere, and hold more than shares.
        one, other = (min(max(share, 0.0), 1.0) for share in (one, other))
        return one - other >= LEAST and one * (1.0 - other) >= ODDS * other * (1.0 - one)

    return bool(pairs) and all(far(_value(one), _value(other)) for one, other in pairs)


def _is_better(pairs: Sequence[_Pair], overlap: float) -> bool:
    """Whether a metric is better than its floor beyond doubt; with one seed and no interval, by `BETTER`."""
    if len(pairs) != 1:
        return _is_gain([_losses(floor)[0] - _losses(own)[0] for own, floor in pairs], pairs, overlap)
    ((own, floor),) = pairs
    margin = 0.0 if "low" in own or "low" in floor else BETTER * abs(_losses(floor)[0])
    return _losses(own)[2] + margin < _losses(floor)[1]


def _is_gain(gains: Sequence[float], pairs: Sequence[_Pair], overlap: float) -> bool:
    """Whether the mean gain is above 0 as printed, and so is its interval."""
    if not gains:
        return False
    mean = math.fsum(gains) / len(gains)
    return round(mean, pairs[0][0]["digits"]) > 0 and is_positive(gains, overlap)


def _losses(metric: MetricValue) -> tuple[float, float, float]:
    """The loss of a number, and the smallest and the largest of its interval."""
    value, goal, best = _value(metric), metric["goal"], metric.get("best")
    return loss(value, goal, best), *losses(metric.get("low", value), metric.get("high", value), goal, best)


def _value(metric: MetricValue) -> float:
    return metric["value"] or 0.0
