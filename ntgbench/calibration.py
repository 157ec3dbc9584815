"""Calibration: whether a metric tells good traffic from bad, on traffic of known truth. The same for all tracks.

A track says what its checks are and makes their traffic. A check asks for the metric's number in several named cases,
each in a few repetitions with other traffic and other seeds, and returns a verdict. Numbers are compared as losses: how
far they are from the best that the metric can have, so lower is better whatever the metric's goal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ntgbench.calling import Sides, call, exposes, loss
from ntgbench.plugins import registry
from ntgbench.results import has_failed
from ntgbench.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.interfaces import MetricSpec
    from ntgbench.row_schema import MetricValue
    from ntgbench.scores import Scores

Floats = npt.NDArray[np.float64]

EXACT = 1e-9
"""Numbers that differ by no more are equal."""

SHARE = 0.1
"""Share of the way from fresh real traffic to the end of the range within which a number counts as at the end."""

State = Literal["passes", "fails", "does not apply"]


@dataclass(frozen=True)
class Verdict:
    """How a metric did in a check.

    Attributes:
        state: whether it passes.
        reason: why it does not; empty when it passes.
        numbers: the metric's values by case, one for each repetition.
    """

    state: State
    reason: str = ""
    numbers: dict[str, list[float]] = field(default_factory=dict)


class DoesNotApplyError(Exception):
    """The check cannot be made of this metric; says why."""


@dataclass(frozen=True)
class CalibrationCheck:
    """One property that a metric may have.

    Attributes:
        name: what `MetricSpec.passes` has.
        promise: the property, as a sentence about the metric.
        run: returns why the metric lacks the property, None when it has it. Raises DoesNotApplyError.
        exposed: whether it is of metrics that are handed training and held-out traffic together; None for all metrics.
    """

    name: str
    promise: str
    run: Callable[[Asking], str | None]
    exposed: bool | None = None


@dataclass(frozen=True)
class Calibration:
    """The calibration of a track's metrics.

    Attributes:
        checks: the catalogue.
        sides: makes the traffic of a case: called with its name, the size and the number of the repetition. Equal
            arguments give equal traffic.
        size: items of each side.
        sizes: items for the checks and costs that are about size, ascending.
        repetitions: of each case, at least 2.
        timed: the case whose calls are timed, at each of `sizes`.
        unit: what the items are, in the plural.
        traffic: what the traffic is, one or two sentences.
        left_out: metrics of the literature that the track does not have, and why, as Markdown.
    """

    checks: tuple[CalibrationCheck, ...] = ()
    sides: Callable[[str, int, int], Sides] | None = None
    size: int = 0
    sizes: tuple[int, ...] = ()
    repetitions: int = 3
    timed: str = "fresh"
    unit: str = "items"
    traffic: str = ""
    left_out: str = ""


def calibration_of(track: str, full: bool = False) -> Calibration:
    """The calibration of a track's metrics, without a check where the track has none."""
    return registry().track(track).calibration(full) or Calibration()


@dataclass
class Bench:
    """Metrics that share a call: what one check has asked for, others and other metrics find."""

    metrics: Sequence[MetricSpec]
    calibration: Calibration
    _found: dict[tuple[str, int, int, int], Scores] = field(default_factory=dict)

    def measure(self, case: str, size: int, repetition: int, seed: int) -> Scores:
        """The scores of all metrics."""
        key = (case, size, repetition, seed)
        if key not in self._found:
            assert self.calibration.sides is not None
            sides = self.calibration.sides(case, size, repetition)
            self._found[key] = call(self.metrics, sides, derive_seed("calibration", repetition, seed))
        return self._found[key]


class Asking:
    """What a check asks of one metric.

    Attributes:
        metric: what is checked.
        calibration: sizes and repetitions.
        exposed: whether it is handed training and held-out traffic together.
        numbers: what has been asked, for the page.
    """

    def __init__(self, metric: MetricSpec, bench: Bench) -> None:
        self.metric, self.calibration, self.exposed = metric, bench.calibration, exposes(metric)
        self.numbers: dict[str, list[float]] = {}
        self._bench = bench

    def found(self, case: str, size: int | None = None, repetition: int = 0, seed: int = 0) -> MetricValue:
        """The metric's number in one repetition of a case.

        Raises DoesNotApplyError when the metric has none for such traffic, and AssertionError when it has failed.
        """
        found = self._bench.measure(case, size or self.calibration.size, repetition, seed)[self.metric.name]
        if found["value"] is None:
            what = "fails" if has_failed(found) else "has no number"
            reason = f"it {what} in the case {case!r}: {found['reason']}"
            raise AssertionError(reason) if has_failed(found) else DoesNotApplyError(reason)
        return found

    def values(self, case: str, size: int | None = None, repetitions: int | None = None) -> Floats:
        """The metric's numbers in each repetition of a case, float64 (repetitions,)."""
        each = [self.found(case, size, repetition) for repetition in range(repetitions or self.calibration.repetitions)]
        values = [float(one["value"] or 0.0) for one in each]
        self.numbers[case if size is None else f"{case}, {size:,}"] = values
        return np.array(values)

    def losses(self, case: str, size: int | None = None, repetitions: int | None = None) -> Floats:
        """How far the numbers are from the best, see `ntgbench.calling.loss`."""
        return np.array([loss(self.metric, value) for value in self.values(case, size, repetitions).tolist()])

    @property
    def has_best(self) -> bool:
        """Whether it is known which number is best."""
        metric = self.metric
        bound = metric.best if metric.goal == "near" else metric.highest if metric.goal == "max" else metric.lowest
        return bound is not None

    @property
    def worst(self) -> float:
        """The largest loss, infinite where there is no bound."""
        ends = [-math.inf if self.metric.lowest is None else self.metric.lowest]
        ends.append(math.inf if self.metric.highest is None else self.metric.highest)
        if self.metric.goal == "min":
            return loss(self.metric, ends[1])
        return loss(self.metric, ends[0]) if self.metric.goal == "max" else max(loss(self.metric, end) for end in ends)

    @property
    def span(self) -> float:
        """The metric's range, infinite where it lacks a bound."""
        bounds = (self.metric.lowest, self.metric.highest)
        return math.inf if bounds[0] is None or bounds[1] is None else bounds[1] - bounds[0]

    def covers_best(self, case: str) -> bool:
        """Whether the best number lies in the metric's own interval in each repetition; not where there is none."""
        best = self.metric.best if self.metric.best is not None else self.metric.lowest
        best = self.metric.highest if self.metric.goal == "max" else best
        each = [self.found(case, None, repetition) for repetition in range(self.calibration.repetitions)]
        return best is not None and all("low" in one and one["low"] <= best <= one["high"] for one in each)

    def allowed(self, case: str) -> float:
        """How much the number may differ without a meaning: 1e-9, plus twice the range of it over 3 of its own seeds.

        Raises AssertionError when that range is above a tenth of the metric's: such a number tells nothing.
        """
        values = [float(self.found(case, None, 0, seed)["value"] or 0.0) for seed in range(3)]
        spread = max(values) - min(values)
        assert spread <= SHARE * self.span, f"another seed of the metric alone changes it by {spread:.3g}"
        return EXACT + 2 * spread

    def ladder(self, *cases: str) -> str | None:
        """Why the cases are not each worse than the one before; None when they are, see `is_worse`.

        A case that follows one at the worst possible number need not be worse.
        """
        losses = [self.losses(case) for case in cases]
        for (better, first), (worse, second) in pairwise(zip(cases, losses, strict=True)):
            if not is_worse(second, first) and not (first >= self.worst - EXACT).all():
                return f"{worse!r} does not score worse than {better!r}"
        return None


def is_worse(losses: Floats, than: Floats) -> bool:
    """Whether losses are above others beyond noise: in each repetition, and on average by over two standard errors.

    The standard error is that of the mean difference: both sides of a repetition share their real traffic.
    """
    gap = losses - than
    error = gap.std(ddof=1) / math.sqrt(len(gap))
    return bool((gap > EXACT).all() and gap.mean() > 2 * error)


def judge(check: CalibrationCheck, metric: MetricSpec, bench: Bench) -> Verdict:
    """The verdict of one check on one metric."""
    asking = Asking(metric, bench)
    if check.exposed is not None and check.exposed != asking.exposed:
        what = "what traffic exposes" if asking.exposed else "how alike traffic is"
        return Verdict("does not apply", f"this metric is about {what}")
    try:
        reason = check.run(asking)
    except DoesNotApplyError as error:
        return Verdict("does not apply", str(error), asking.numbers)
    except AssertionError as error:
        return Verdict("fails", str(error), asking.numbers)
    return Verdict("passes" if reason is None else "fails", reason or "", asking.numbers)


def identity(ask: Asking) -> str | None:
    """The real traffic that it compares with, in place of synthetic traffic, scores best.

    The loss is 0 (1e-9), or at most a tenth of that of fresh traffic, or the metric's interval covers the best number.
    Where the best has no bound: the real traffic itself scores no worse than fresh traffic in any repetition.
    """
    case = f"itself: {ask.metric.against}"
    itself, fresh = ask.losses(case), ask.losses("fresh")
    if not ask.has_best:
        return (
            None if (itself <= fresh + EXACT).all() else "the real traffic itself scores worse than other real traffic"
        )
    if (itself <= np.maximum(SHARE * fresh, EXACT)).all() or ask.covers_best(case):
        return None
    return "the real traffic itself does not score best"


def benches(metrics: Sequence[MetricSpec], calibration: Calibration) -> list[Bench]:
    """The metrics of one track by shared calls: those of one suite, target, `against`, and use of likelihoods."""
    groups: dict[tuple[str, str, str, bool], list[MetricSpec]] = {}
    for metric in metrics:
        groups.setdefault((metric.suite, metric.target, metric.against, metric.likelihood), []).append(metric)
    return [Bench(group, calibration) for group in groups.values()]
