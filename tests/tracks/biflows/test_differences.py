"""Differences of metrics that are best near a number are those of their distances from it."""

from dataclasses import replace

import numpy as np
import pytest
from made_suites import given

from ntgbench.interfaces import Measured, MetricSpec
from ntgbench.tracks.biflows import augmentation
from ntgbench.tracks.biflows.differences import difference, distance
from ntgbench.tracks.biflows.settings import Augmentation

NEAR = MetricSpec("ratio", f"{__name__}:ratio", "", "utility", "near", best=1.0, primary=True)


def ratio(real, synthetic, seed):
    """1.3 of few biflows, 0.9 of many."""
    value = 1.3 if len(synthetic) < 80 else 0.9
    return {"ratio": Measured(value, value - 0.2, value + 0.2, drawn=value + np.linspace(-0.2, 0.2, 5))}


def number(value, goal="near", **more):
    return {"value": value, "version": 1, "goal": goal, "digits": 3, "best": 1.0, **more}


def test_the_distance_of_an_interval_that_holds_the_best_number_begins_at_0() -> None:
    far = distance(number(1.3, low=0.9, high=1.5))
    assert (far["value"], far["low"], far["high"], far["goal"]) == pytest.approx((0.3, 0.0, 0.5, "min"))
    assert "best" not in far
    assert distance(number(None))["value"] is None
    assert distance(number(0.3, "max")) == number(0.3, "max")


def test_nearer_is_a_gain_on_either_side() -> None:
    assert difference(distance(number(0.9)), distance(number(1.3))).value == pytest.approx(-0.2)
    system = given("copy", "utility", Augmentation(fractions=(0.1,)))
    gain = augmentation.measure(replace(system, metrics=(NEAR,)))["ratio@10%,gain"]
    assert gain["value"] == pytest.approx(-0.2)
    assert gain["low"] <= gain["value"] <= gain["high"]
    assert gain["goal"] == "min"
    assert "best" not in gain
