"""Scores: metrics computed once for each target, every number checked before it counts."""

from __future__ import annotations

import math
import reprlib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.plugins import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.interfaces import MetricSpec
    from ntgbench.traffic.biflows import Biflows


@dataclass(frozen=True)
class Score:
    """One metric's number, or why there is none.

    Attributes:
        metric: what was computed.
        value: the number, None when the metric failed.
        reason: why it failed, else None.
    """

    metric: MetricSpec
    value: float | None
    reason: str | None = None


Scores = dict[str, Score]
"""Scores by key: the metric's name, and after "@" what it was compared with when that is not the headline."""


def score(metrics: Sequence[MetricSpec], real: Biflows, synthetic: Biflows, seed: int, at: str = "") -> Scores:
    """Each metric's score of `synthetic` beside `real`; a metric that fails gives a reason and stops no other."""
    targets: dict[str, list[MetricSpec]] = {}
    for metric in metrics:
        targets.setdefault(metric.target, []).append(metric)
    scores = {}
    for target, served in targets.items():
        try:
            values = resolve(target)(real, synthetic, seed)
            if not isinstance(values, Mapping):
                raise TypeError(f"{target} returned {type(values).__name__}, not numbers by metric name")
        except BaseException as error:  # a third party's metric may fail in any way, sys.exit included
            traceback.print_exc()
            failed = f"{type(error).__name__}: {error}"
            scores.update({metric.name + at: Score(metric, None, failed) for metric in served})
            continue
        scores.update({metric.name + at: _checked(metric, values) for metric in served})
    return {metric.name + at: scores[metric.name + at] for metric in metrics}


def _checked(metric: MetricSpec, values: Mapping[str, float]) -> Score:
    if metric.name not in values:
        return Score(metric, None, f"{metric.target} returned no value for {metric.name}")
    found = values[metric.name]
    try:
        value = math.nan if isinstance(found, str | bytes) else float(found)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if math.isnan(value):
        return Score(metric, None, f"{reprlib.repr(found)} is no number")
    low = -math.inf if metric.lowest is None else metric.lowest
    high = math.inf if metric.highest is None else metric.highest
    # A sum of shares may miss its bound by rounding; that much is no fault of the metric.
    if not math.isfinite(value) or not low - 1e-9 <= value <= high + 1e-9:
        return Score(metric, None, f"{value} lies outside {low}..{high}")
    return Score(metric, min(max(value, low), high))
