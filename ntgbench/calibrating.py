"""Calibrates metrics: every check of their track, and what they cost."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ntgbench.calibration import Bench, Calibration, DoesNotApplyError, Verdict, benches, calibration_of, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.interfaces import MetricSpec

COST_AT = 100_000
"""Items that the cost is told for."""

_SHORT, _REPEATS = 0.5, 3


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one call, which is that of all metrics with the same target.

    Attributes:
        seconds: by items of each side, ascending.
        growth: exponent of the items that CPU seconds are in proportion to, fitted to their logarithms.
    """

    seconds: dict[int, float]

    @property
    def growth(self) -> float:
        """Slope of log(seconds) over log(items) by least squares."""
        items, seconds = np.log(list(self.seconds)), np.log(np.maximum(list(self.seconds.values()), 1e-4))
        return float(np.polyfit(items, seconds, 1)[0])

    @property
    def at(self) -> float:
        """CPU seconds for `COST_AT` items: those of the largest size, carried on by the growth."""
        largest = max(self.seconds)
        return self.seconds[largest] * math.exp(self.growth * math.log(COST_AT / largest))


@dataclass(frozen=True)
class Calibrated:
    """What was found of one metric.

    Attributes:
        metric: the metric.
        together: names of the metrics that share its call, its own included.
        verdicts: by name of the check.
        cost: None where the metric has no number for the traffic that is timed.
    """

    metric: MetricSpec
    together: tuple[str, ...]
    verdicts: dict[str, Verdict]
    cost: Cost | None

    @property
    def broken(self) -> list[str]:
        """Names in `passes` of checks that it does not pass, or that do not exist."""
        return [name for name in self.metric.passes if name not in self.verdicts or not self.passes(name)]

    def passes(self, name: str) -> bool:
        """Whether it passes a check."""
        return self.verdicts[name].state == "passes"


def calibrate(
    metrics: Sequence[MetricSpec], full: bool = False, doing: Callable[[str, int, int], Any] = lambda *_: None
) -> list[Calibrated]:
    """The verdicts and costs of metrics of one track, in the order of their calls.

    Args:
        metrics: the metrics.
        full: all sizes instead of the short form.
        doing: called with what is measured next, how many checks are done, and how many there are.
    """
    calibration = calibration_of(metrics[0].track, full)
    found, tables = [], benches(metrics, calibration)
    steps = len(calibration.checks) + 1
    for place, bench in enumerate(tables):
        named = f"{bench.metrics[0].suite}: {', '.join(metric.name for metric in bench.metrics[:3])}"
        verdicts: dict[str, dict[str, Verdict]] = {metric.name: {} for metric in bench.metrics}
        for step, check in enumerate(calibration.checks):
            doing(f"{named}: {check.name}", place * steps + step, len(tables) * steps)
            for metric in bench.metrics:
                verdicts[metric.name][check.name] = judge(check, metric, bench)
        doing(f"{named}: cost", place * steps + steps - 1, len(tables) * steps)
        cost = _cost(bench, calibration)
        together = tuple(metric.name for metric in bench.metrics)
        found += [Calibrated(metric, together, verdicts[metric.name], cost) for metric in bench.metrics]
    return found


def _cost(bench: Bench, calibration: Calibration) -> Cost | None:
    if calibration.sides is None:
        return None
    seconds = {}
    for size in calibration.sizes:
        try:
            calibration.sides(calibration.timed, size, 0)  # made, and kept, before the clock starts
        except DoesNotApplyError:
            return None
        spent: list[float] = []
        while not spent or (len(spent) < _REPEATS and sum(spent) < _SHORT):
            before = _cpu_seconds()
            scores = Bench(bench.metrics, calibration).measure(calibration.timed, size, 0, 0)
            spent.append(_cpu_seconds() - before)
        if all(one["value"] is None for one in scores.values()):
            return None
        seconds[size] = min(spent)
    return Cost(seconds)


def _cpu_seconds() -> float:
    """CPU seconds of this process and of the child processes that have ended."""
    return time.process_time() + sum(os.times()[2:4])
