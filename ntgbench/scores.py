"""Scores: computes metrics, one call for each target, and checks every number."""

from __future__ import annotations

import math
import re
import reprlib
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ntgbench.plugins import resolve
from ntgbench.row_schema import LARGEST, MetricValue, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.interfaces import MetricSpec
    from ntgbench.tracks import Traffic

Scores = dict[str, MetricValue]
"""Metrics of a row by key: the metric's name, and after "@" what it was compared with when that is not the headline, or
another form of the metric."""

_FORM = re.compile(r"(?!(test|train|floor)$)[a-z][a-z0-9_]{0,39}")  # those three are what suites compare with


def score(metrics: Sequence[MetricSpec], real: Traffic, synthetic: Traffic, seed: int, at: str = "") -> Scores:
    """Each metric of `synthetic` beside `real`; a metric that fails gives a reason and stops no other.

    A target may return a text in place of a number, which says why the metric has none for such traffic, and beside
    `name` other forms of it as `name@form`, which are never ranked.
    """
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
            scores.update({metric.name: metric_value(metric, None, failed) for metric in served})
            continue
        for metric in served:
            scores[metric.name] = _checked(metric, values)
            forms = [key.removeprefix(f"{metric.name}@") for key in values if str(key).startswith(f"{metric.name}@")]
            other = replace(metric, primary=False, lowest=None, highest=None)
            scores.update(
                {
                    f"{metric.name}@{form}": _checked(other, values, f"{metric.name}@{form}")
                    for form in forms
                    if _FORM.fullmatch(form)
                }
            )
    return {name + at: value for name, value in scores.items()}


def metric_value(metric: MetricSpec, value: float | None, reason: str | None = None) -> MetricValue:
    """A metric's number, or the reason why it has none, as rows hold it."""
    found = MetricValue(value=value, version=metric.version, goal=metric.goal, digits=metric.digits)
    if metric.primary:
        found["primary"] = True
    if reason is not None:
        found["reason"] = clean(reason)
    return found


def _checked(metric: MetricSpec, values: Mapping[str, float | str], key: str = "") -> MetricValue:
    key = key or metric.name
    if key not in values:
        return metric_value(metric, None, f"{metric.target} returned no value for {key}")
    found = values[key]
    if isinstance(found, str):
        return {**metric_value(metric, None, found), "undefined": True}
    try:
        value = math.nan if isinstance(found, bytes) else float(found)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if math.isnan(value):
        return metric_value(metric, None, f"{reprlib.repr(found)} is not a number")
    low = -math.inf if metric.lowest is None else metric.lowest
    high = math.inf if metric.highest is None else metric.highest
    # A sum of shares may miss its bound by rounding; that is not an error of the metric.
    if not math.isfinite(value) or not low - 1e-9 <= value <= high + 1e-9:
        return metric_value(metric, None, f"{value} lies outside {low}..{high}")
    if abs(value) > LARGEST:
        return metric_value(metric, None, f"{value} is beyond {LARGEST:g}, the largest number of a row")
    return metric_value(metric, min(max(value, low), high))
