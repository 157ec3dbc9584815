"""What every metric promises, and what its plugin declares of it, as checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.calling import exposes, loss
from ntgbench.errors import PluginError
from ntgbench.plugins import registry
from ntgbench.tracks import same_track
from ntgbench.words import suggestion

if TYPE_CHECKING:
    from ntgbench.calibration import Bench, Calibration, CalibrationCheck
    from ntgbench.interfaces import Likelihood, MetricSpec
    from ntgbench.tracks import Track, Traffic


@dataclass(frozen=True)
class Check:
    """One promise, checked by calling it: an AssertionError or any other exception says how it is broken."""

    name: str  # for test reports
    promise: str  # as a sentence
    run: Callable[[], None]
    declared: bool = True  # otherwise nobody promised it, and how it ends is information

    def __call__(self) -> None:
        """Run the check."""
        self.run()

    def __str__(self) -> str:
        return self.name


def metric_checks(name: str, track: str | None = None) -> list[Check]:
    """The checks of the metric called `name`. Raises PluginError when it is not of `track`, if one is given."""
    metric = _metric(name, track)
    kind = registry().track(metric.track)
    better = Check("better", "real traffic scores no worse than noise", lambda: _better_than_noise(metric, kind))
    # A metric of memorisation is worst for the real traffic itself.
    memorisation = metric.against == "train" or exposes(metric)
    return [
        Check("in-range", "it gives a number in its range, or says why it has none", lambda: _in_range(metric, kind)),
        Check("same-number", "the same seed gives the same number", lambda: _same_number(metric, kind)),
        *([] if memorisation else [better]),
        *kind.metric_checks(lambda real, synthetic: _value(metric, kind, real, synthetic)),
    ]


def calibration_checks(name: str, track: str | None = None, full: bool = False) -> list[Check]:
    """The calibration checks of the metric's track, and one that all names in its `passes` are checks.

    Those that the metric does not declare are not `declared`. The short form takes seconds for a metric that does.
    """
    from ntgbench.calibration import Bench, calibration_of

    metric = _metric(name, track)
    calibration = calibration_of(metric.track, full)
    bench = Bench([metric], calibration)
    checks = [
        Check(check.name, f"calibration: {check.promise} ({check.name})", partial(_calibrated, check, metric, bench))
        for check in calibration.checks
    ]
    known = Check("passes", "what it declares to pass are calibration checks", lambda: _known(metric, calibration))
    return [known, *(replace(check, declared=check.name in metric.passes) for check in checks)]


def _metric(name: str, track: str | None) -> MetricSpec:
    metrics = registry().metrics()
    if name not in metrics:
        raise PluginError(f"no metric is called {name!r}; {suggestion(name, metrics)}")
    same_track(f"the metric {name}", metrics[name].track, track or metrics[name].track)
    return metrics[name]


def _calibrated(check: CalibrationCheck, metric: MetricSpec, bench: Bench) -> None:
    from ntgbench.calibration import judge

    verdict = judge(check, metric, bench)
    assert verdict.state == "passes", f"{verdict.state}: {verdict.reason}"


def _known(metric: MetricSpec, calibration: Calibration) -> None:
    names = [check.name for check in calibration.checks]
    for name in metric.passes:
        assert name in names, f"no calibration check is called {name!r}; {suggestion(name, names)}"


def _value(
    metric: MetricSpec, track: Track[Any], real: Traffic, synthetic: Traffic, tells: bool = True
) -> float | None:
    """The metric's number, None where it says that it has none for such traffic; of a system that `tells` likelihoods.

    These are 0.5 for each part of an item, and 0 for the first part of the first one, as those of real systems may be.
    """
    from ntgbench.calling import Sides, call
    from ntgbench.results import has_failed

    other = track.example(3) if exposes(metric) else real

    def likelihood(traffic: Traffic) -> Likelihood | None:
        told = np.log(np.full(track.likelihood_shape(traffic), 0.5))
        told.flat[:1] = -np.inf
        return told if tells else None

    found = call([metric], Sides(real, other, synthetic, likelihood), seed=12)[metric.name]
    assert not has_failed(found), found["reason"]
    return found["value"]


def _in_range(metric: MetricSpec, track: Track[Any]) -> None:
    for tells in (True, False):
        _value(metric, track, track.example(1), track.example(2), tells)


def _same_number(metric: MetricSpec, track: Track[Any]) -> None:
    real, synthetic = track.example(1), track.example(2)
    assert _value(metric, track, real, synthetic) == _value(metric, track, real, synthetic)


def _better_than_noise(metric: MetricSpec, track: Track[Any]) -> None:
    real = track.example()
    noise = track.noise(real)
    if noise is None:
        return
    own, of_noise = _value(metric, track, real, real), _value(metric, track, real, noise)
    if own is not None and of_noise is not None:
        assert loss(metric, own) <= loss(metric, of_noise), "noise scores better than the real traffic"
