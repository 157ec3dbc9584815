"""Scores: computes metrics, one call for each target, and checks every number."""

from __future__ import annotations

import math
import re
import reprlib
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.interfaces import Confusion, Measured
from ntgbench.needs import require
from ntgbench.plugins import resolve
from ntgbench.row_schema import LARGEST, MOST_SHOWN_CLASSES, MetricValue, clean, escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from ntgbench.interfaces import Lack, MetricSpec

Scores = dict[str, MetricValue]
"""Metrics of a row by key: the metric's name, and after "@" what it was compared with when that is not the headline, or
another form of the metric."""

_FORM = re.compile(r"(?!(test|train|halves)$)[a-z][a-z0-9_]{0,39}")  # those are what suites compare with


def score(
    metrics: Sequence[MetricSpec],
    real: Any,
    synthetic: Any,
    seed: int,
    at: str = "",
    likelihood: Any = None,
    drawn: dict[str, npt.NDArray[np.float64]] | None = None,
    lacks: Iterable[Lack] = (),
) -> Scores:
    """Each metric of `synthetic` beside `real`; a metric that fails gives a reason and stops no other.

    A target may return a text in place of a number, which says why the metric has none for such traffic, a `Measured`,
    and beside `name` other forms of it as `name@form`, which are never ranked. `likelihood` is handed to the metrics
    that ask for it. `drawn` is filled with the bootstrap samples of metrics that give them, by key. `lacks` is that of
    the system that made the synthetic traffic: metrics about it are not computed.
    """
    targets: dict[tuple[str, bool], list[MetricSpec]] = {}
    reasons = {one[0]: one[1] for one in lacks}
    scores: Scores = {}
    for metric in metrics:
        missing = [reasons[aspect] for aspect in metric.about if aspect in reasons]
        if missing:
            scores[metric.name] = inapplicable(metric, missing[0])
        else:
            targets.setdefault((metric.target, metric.likelihood), []).append(metric)
    for (target, asks), served in targets.items():
        try:
            require(*served)
            values = resolve(target)(real, synthetic, seed, *([likelihood] if asks else []))
            if not isinstance(values, Mapping):
                raise TypeError(f"{target} returned {type(values).__name__}, not numbers by metric name")
        except BaseException as error:  # a third party's metric may fail in any way, sys.exit included
            traceback.print_exc()
            failed = f"{type(error).__name__}: {error}"
            scores.update({metric.name: metric_value(metric, None, failed) for metric in served})
            continue
        for metric in served:
            scores[metric.name] = _checked(metric, values)
            samples = getattr(values.get(metric.name), "drawn", None)
            if drawn is not None and samples is not None and scores[metric.name]["value"] is not None:
                drawn[metric.name + at] = samples
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
    if metric.best is not None:
        found["best"] = metric.best
    if metric.primary:
        found["primary"] = True
    if reason is not None:
        found["reason"] = clean(reason)
    return found


def inapplicable(metric: MetricSpec, reason: str) -> MetricValue:
    """What rows hold of a metric that does not apply to a system, and why."""
    return {**metric_value(metric, None, f"does not apply: {reason}"), "undefined": True, "inapplicable": True}


def _checked(metric: MetricSpec, values: Mapping[str, Any], key: str = "") -> MetricValue:
    key = key or metric.name
    if key not in values:
        return metric_value(metric, None, f"{metric.target} returned no value for {key}")
    found = values[key]
    if isinstance(found, str):
        return {**metric_value(metric, None, found), "undefined": True}
    measured = found if isinstance(found, Measured) else Measured(found)
    try:
        checked = metric_value(metric, _number(metric, measured.value, "value"))
        if measured.low is not None or measured.high is not None:
            low, high = _number(metric, measured.low, "low"), _number(metric, measured.high, "high")
            if low > high:
                raise ValueError(f"its interval begins at {low}, after its end, {high}")
            checked["low"], checked["high"] = low, high
        if measured.confusion is not None:
            classes, counts = _confusion(measured.confusion)
            if len(classes) <= MOST_SHOWN_CLASSES:
                checked["confusion"] = {"classes": classes, "counts": counts}
        drawn = measured.drawn
        if drawn is not None and not (isinstance(drawn, np.ndarray) and drawn.dtype == np.float64 and drawn.ndim == 1):
            raise ValueError("drawn: it is not a float64 array of one axis")
    except (TypeError, ValueError) as error:
        return metric_value(metric, None, str(error))
    return checked


def _confusion(found: Any) -> tuple[list[str], list[list[int]]]:
    """Classes and counts as rows hold them. Raises TypeError or ValueError that says what is broken."""
    if not isinstance(found, Confusion):
        raise ValueError(f"confusion: {reprlib.repr(found)} is not a Confusion")
    classes, counts = [escaped(str(name), 300) for name in found.classes], np.asarray(found.counts)
    if counts.shape != (len(classes),) * 2 or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError("confusion: its counts are not integers from 0, with a row and a column for each class")
    return classes, counts.tolist()


def _number(metric: MetricSpec, found: Any, what: str) -> float:
    """`found` as a number in the metric's range. Raises ValueError that names what is broken."""
    try:
        value = math.nan if isinstance(found, bytes) else float(found)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if math.isnan(value):
        raise ValueError(f"{_said(what)}{reprlib.repr(found)} is not a number")
    # A sum of shares may miss its bound by rounding; that is not an error of the metric.
    if metric.lowest is not None and value < metric.lowest - 1e-9:
        raise ValueError(f"{_said(what)}{value} is below {metric.lowest:g}, the field `lowest` of its MetricSpec")
    if metric.highest is not None and value > metric.highest + 1e-9:
        raise ValueError(f"{_said(what)}{value} is above {metric.highest:g}, the field `highest` of its MetricSpec")
    if abs(value) > LARGEST:
        raise ValueError(f"{_said(what)}{value} is beyond {LARGEST:g}, the largest number of a row")
    low = -math.inf if metric.lowest is None else metric.lowest
    return min(max(value, low), math.inf if metric.highest is None else metric.highest)


def _said(what: str) -> str:
    return "" if what == "value" else f"{what}: "
