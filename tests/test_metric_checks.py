"""The checks of a metric find out what a run would."""

import pytest

from ntgbench import MetricSpec
from ntgbench.metric_checks import metric_checks


def bits(real, synthetic, seed, likelihood):
    """Infinite where a probability is 0."""
    return {"bits": "no likelihoods" if likelihood is None else -likelihood.sum(axis=1).mean()}


def fails(real, synthetic, seed, likelihood):
    return {"bits": -likelihood.clip(-9).mean()}


def sound(real, synthetic, seed, likelihood):
    return {"bits": "no likelihoods" if likelihood is None else -likelihood.clip(-9).mean()}


@pytest.mark.parametrize(("target", "reason"), [(bits, "inf is beyond"), (fails, "'NoneType'"), (sound, None)])
def test_a_metric_of_likelihoods_is_asked_with_a_probability_of_0_and_without(monkeypatch, target, reason) -> None:
    spec = MetricSpec("bits", f"{__name__}:{target.__name__}", "", "fidelity", "min", likelihood=True)
    monkeypatch.setattr("ntgbench.metric_checks._metric", lambda *_: spec)
    (in_range,) = (check for check in metric_checks("bits") if check.name == "in-range")
    if reason is None:
        in_range()
    else:
        with pytest.raises(AssertionError, match=reason):
            in_range()


@pytest.mark.parametrize("name", ["leakage", "single_hit", "rank_consistency"])
def test_nobody_is_told_that_real_traffic_beats_noise_in_a_metric_that_is_not_asked(name) -> None:
    assert "better" not in {check.name for check in metric_checks(name)}
