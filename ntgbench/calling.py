"""Calls metrics as their suite would, without a run: by what the suite says of its sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ntgbench.interfaces import Exposed
from ntgbench.plugins import registry, resolve
from ntgbench.scores import Scores, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.interfaces import Likelihood, MetricSpec
    from ntgbench.suites import Suite

LikelihoodOf = Callable[[Any], "Likelihood | None"]
"""What a fitted system says of the likelihood of traffic, None when it does not say: `FittedSystem.log_likelihood`."""


@dataclass(frozen=True)
class Sides:
    """What a suite hands to its metrics.

    Attributes:
        train, test: real traffic: what the system has learnt from, and other.
        synthetic: what the system has made.
        likelihood: what the system says of the likelihood of traffic.
    """

    train: Any
    test: Any
    synthetic: Any
    likelihood: LikelihoodOf = lambda _: None


def suite_of(metric: MetricSpec) -> Suite | None:
    """The suite that computes a metric, None when no installed plugin has it."""
    return registry().suites(metric.track).get(metric.suite)


def exposes(metric: MetricSpec) -> bool:
    """Whether the metric is handed the training and the held-out traffic together."""
    suite = suite_of(metric)
    return suite is not None and suite.exposes


def loss(metric: MetricSpec, value: float) -> float:
    """How far a number is from the best one; where that has no bound, the number, negative for "max"."""
    if metric.best is not None:
        return abs(value - metric.best)
    if metric.goal == "max":
        return (metric.highest or 0.0) - value
    return value - (metric.lowest or 0.0)


def call(metrics: Sequence[MetricSpec], sides: Sides, seed: int) -> Scores:
    """The scores of metrics of one suite and one `against`: the figures that a leaderboard shows first.

    A suite that `exposes` hands over both kinds of real traffic; others the held-out or the training traffic, by the
    metric's `against`, of which the suite's `sides` takes its parts. A metric that asks for likelihoods gets those of
    the whole real traffic. Ctrl-C passes through.
    """
    suite = suite_of(metrics[0])
    found: Scores = {}
    for asks in (False, True):
        chosen = [metric for metric in metrics if metric.likelihood == asks]
        if not chosen:
            continue
        real: Any = getattr(sides, chosen[0].against)
        synthetic: Any = sides.synthetic
        likelihood: Any = None
        if suite is not None and suite.exposes:
            real = Exposed(sides.train, sides.test)
            if asks:
                told = [sides.likelihood(side) for side in (sides.train, sides.test)]
                likelihood = None if any(one is None for one in told) else Exposed(*told)
        elif asks:
            likelihood = sides.likelihood(real)
        elif suite is not None and suite.sides is not None:
            real, synthetic = resolve(suite.sides)(real, synthetic, seed)
        found.update(score(chosen, real, synthetic, seed, likelihood=likelihood))
    # `score` takes Ctrl-C for a failure of the metric, as it must in the process of a cell.
    if any(one.get("reason", "").startswith(KeyboardInterrupt.__name__) for one in found.values()):
        raise KeyboardInterrupt
    return found
