"""Drift: a classifier that learns from synthetic traffic of one time or place, tested on real traffic of another.

Systems learn from the training part of the dataset, as in the other suites. The classifier that learns from their
biflows is tested on another dataset and on the held-out part of the same one; the loss is the difference. Only classes
that both datasets have are learnt and tested.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.scores import Scores, metric_value, score
from ntgbench.tracks.biflows.differences import difference, distance
from ntgbench.tracks.biflows.utility import numbers
from ntgbench.traffic.notes import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.row_schema import MetricValue
    from ntgbench.suites import SuiteInput
    from ntgbench.traffic.biflows import Biflows

_log = logging.getLogger(__name__)


def measure(given: SuiteInput) -> Scores:
    """Scores `name` on the other dataset, `name@same` on the held-out part of the same, and `name@loss`."""
    other = given.beside
    assert other is not None
    _log.warning("drift: tested on %s, %s", given.settings.on, given.track.size(other))
    sides = (given.train, given.test, other)
    has = [{side.classes[label] for label in np.unique(side.label)} for side in sides]
    classes = tuple(name for name in given.train.classes if all(name in names for names in has))
    left = sorted(set.union(*has) - set(classes))
    lacking = "drift: {} [class|classes] left out, without biflows to learn from or to test on in one of the datasets"
    for note in listed(lacking, left):
        _log.warning("%s", note)
    if not classes:
        nothing = "no class is in both datasets"
        return {metric.name: {**metric_value(metric, None, nothing), "undefined": True} for metric in given.metrics}
    made, test, later = (_only(side, classes) for side in (given.synthetic, given.test, other))
    seed = given.seed("classifier")
    scores = score(given.metrics, later, made, seed)
    same = score(given.metrics, test, made, seed)
    lost = {f"{name}@loss": _loss(same[name], scores[name]) for name in scores if "@" not in name}
    return numbers({**scores, **{f"{name}@same": value for name, value in same.items() if "@" not in name}, **lost})


def _only(biflows: Biflows, classes: Sequence[str]) -> Biflows:
    """The biflows of these classes, with labels that are indices into them."""
    place = {name: i for i, name in enumerate(classes)}
    code = np.array([place.get(name, -1) for name in biflows.classes], np.int32)
    few = biflows.select(code[biflows.label] >= 0)
    return replace(few, label=code[few.label], classes=tuple(classes))


def _loss(same: MetricValue, later: MetricValue) -> MetricValue:
    """How much worse a metric is on the other dataset; of a metric without a number, the reason."""
    same, later = distance(same), distance(later)
    without = next((one for one in (same, later) if one["value"] is None), None)
    loss: MetricValue = {**(without or same), "goal": "min"}
    for key in ("primary", "low", "high"):
        loss.pop(key, None)  # type: ignore[misc]
    if without is None:
        better, worse = (later, same) if same["goal"] == "min" else (same, later)
        found = difference(better, worse)
        loss["value"] = found.value
        if found.low is not None and found.high is not None:
            loss["low"], loss["high"] = found.low, found.high
    return loss
