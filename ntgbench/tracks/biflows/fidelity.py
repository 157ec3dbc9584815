"""Fidelity: how close synthetic traffic comes to held-out traffic, with training traffic as control (the paper's RQ1).

Both sides of a comparison have equal counts of each class, because divergences are biased upwards by small samples.
Beside each score stands the floor: what two disjoint parts of the training traffic score, without a common session when
there are sessions, and as large as the sides compared, or half the training set where that is less. Metrics that are
`costly` have a floor of one draw, with its interval if they give one, and no control.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import NtgbenchError
from ntgbench.scores import Scores, metric_value, score
from ntgbench.tracks.biflows.resolution import halves_apart
from ntgbench.tracks.biflows.splits import equal_counts, halves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.interfaces import MetricSpec
    from ntgbench.row_schema import MetricValue
    from ntgbench.suites import SuiteInput
    from ntgbench.traffic.biflows import Biflows

_log = logging.getLogger(__name__)


def measure(given: SuiteInput) -> Scores:
    """Scores `name` against the metric's own side, `name@test` or `name@train` against the other, and `name@floor`."""
    metrics = [metric for metric in given.metrics if not metric.likelihood]
    seed = given.seed("fidelity")
    against: dict[str, Biflows] = {"test": given.test, "train": given.train}
    scores: Scores = {}
    for side, real in against.items():
        compared = equal_counts(real, given.synthetic, given.seed("fidelity", side))
        wanted = [metric for metric in metrics if metric.against == side or not metric.costly]
        measured = score(wanted, *compared, seed)
        for metric in wanted:
            scores[metric.name if metric.against == side else f"{metric.name}@{side}"] = measured[metric.name]
        own = [metric for metric in metrics if metric.against == side]
        scores.update(_floor(own, given, compared[0].class_counts()))
    scores.update(
        halves_apart(given, seed, lambda half: equal_counts(given.test, half, given.seed("fidelity", "test")))
    )
    told = [metric for metric in given.metrics if metric.likelihood]
    if told:
        # Of a class without training biflows no system can say anything.
        real = given.test.select(given.train.class_counts()[given.test.label] > 0)
        try:
            # The model is loaded only for this.
            likelihood = given.fitted().log_likelihood(real) if given.system.tells_likelihoods else None
            scores.update(score(told, real, given.synthetic, seed, likelihood=likelihood))
        except NtgbenchError as error:
            scores.update({metric.name: metric_value(metric, None, str(error)) for metric in told})
    return scores


def _floor(
    metrics: Sequence[MetricSpec], given: SuiteInput, counts: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> Scores:
    """`name@floor` of each metric, averaged over random halves of the training set; none where it has no halves."""
    draws: dict[str, list[MetricValue]] = {metric.name: [] for metric in metrics}
    for draw in range(given.settings.floor_draws):
        seed = given.seed("floor", draw)
        first, second = halves(given.train, counts, np.random.default_rng(seed))
        wanted = [metric for metric in metrics if not (metric.costly and draws[metric.name])]
        if wanted and len(first):
            found = score(wanted, first, second, seed)
            for metric in wanted:
                draws[metric.name].append(found[metric.name])
    if metrics and not any(draws.values()):
        _log.warning("no real-vs-real floor: no class has two training sessions, or two biflows without sessions")
        return {}
    return {f"{name}@floor": _mean(found) for name, found in draws.items()}


def _mean(found: Sequence[MetricValue]) -> MetricValue:
    """The mean of one metric over several draws, or the first that failed."""
    failed = next((one for one in found if one["value"] is None), None)
    if failed or len(found) == 1:
        return failed or found[0]
    mean: MetricValue = {**found[0], "value": float(np.mean([one["value"] for one in found]))}
    for interval_of_one_draw in ("low", "high"):
        mean.pop(interval_of_one_draw, None)  # type: ignore[misc]
    return mean
