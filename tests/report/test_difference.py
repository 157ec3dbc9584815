"""The difference of one metric on two sides: intervals by hand, goals, printed digits, missing numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.report.difference import difference
from ntgbench.report.rank import t_quantile


def number(value: float | None, goal: str = "max", **more: Any) -> Any:
    return {"value": value, "version": 1, "goal": goal, "digits": 3, **more}


def test_several_seeds_have_the_interval_of_the_paired_differences():
    both = [(number(a), number(b)) for a, b in ((0.5, 0.6), (0.6, 0.68), (0.7, 0.82))]
    found = difference(both, overlap=0.25)
    variance = ((0.10 - 0.1) ** 2 + (0.08 - 0.1) ** 2 + (0.12 - 0.1) ** 2) / 2
    half = t_quantile(2) * math.sqrt(variance * (1 / 3 + 0.25))
    assert (found.a, found.b, found.difference) == pytest.approx((0.6, 0.7, 0.1))
    assert (found.low, found.high) == pytest.approx((0.1 - half, 0.1 + half))
    assert found.verdict == "better"


def test_one_seed_has_the_interval_of_both_intervals():
    a = number(0.5, low=0.46, high=0.53)
    b = number(0.6, low=0.56, high=0.64)
    found = difference([(a, b)])
    assert (found.low, found.high) == pytest.approx((0.1 - 0.05, 0.1 + math.hypot(0.04, 0.04)))
    assert found.verdict == "better"
    assert difference([(b, a)]).verdict == "worse"
    assert difference([(a, number(0.52, low=0.48, high=0.56))]).verdict == "within"


@pytest.mark.parametrize(
    ("goal", "best", "a", "b", "verdict", "gap"),
    [
        ("max", None, 0.5, 0.6, "better", 0.1),
        ("max", None, 0.5, 0.4, "worse", -0.1),
        ("min", None, 0.5, 0.6, "worse", 0.1),
        ("min", None, 0.5, 0.4, "better", -0.1),
        ("near", 0.5, 0.7, 0.4, "better", -0.1),
        ("near", 0.5, 0.6, 0.2, "worse", 0.2),
        ("near", 0.5, 0.6, 0.4, "within", 0.0),
        ("max", None, 0.5, 0.5, "same", 0.0),
        ("max", None, 0.5001, 0.5002, "within", 0.0001),
    ],
)
def test_without_intervals_the_printed_digits_decide(goal, best, a, b, verdict, gap):
    more = {} if best is None else {"best": best}
    found = difference([(number(a, goal, **more), number(b, goal, **more))])
    assert (found.verdict, found.low, found.high) == (verdict, None, None)
    assert found.difference == pytest.approx(gap)


def test_a_small_share_is_no_difference():
    both = [(number(100.0, "min"), number(104.0, "min"))]
    assert difference(both, tolerance=0.05).verdict == "within"
    assert difference(both, tolerance=0.03).verdict == "worse"


def test_of_short_times_three_figures_count():
    both = [(number(0.00013, "min"), number(0.00022, "min"))]
    assert difference(both).verdict == "within"
    found = difference(both, timing=True)
    assert (found.verdict, found.digits) == ("worse", 6)


FAILED, UNDEFINED = number(None, reason="no memory"), number(None, undefined=True, reason="one class")


@pytest.mark.parametrize(
    ("a", "b", "verdict", "reason"),
    [
        (number(0.5), FAILED, "worse", "no memory"),
        (FAILED, number(0.5), "better", "no memory"),
        (number(0.5), UNDEFINED, "changed", "one class"),
        (UNDEFINED, number(0.5), "changed", "one class"),
        (UNDEFINED, UNDEFINED, "same", "one class"),
        (FAILED, FAILED, "same", "no memory"),
    ],
)
def test_a_missing_number_says_why(a, b, verdict, reason):
    found = difference([(a, b)])
    assert (found.verdict, found.reason, found.difference) == (verdict, reason, None)


def test_seeds_that_lack_the_number_on_both_sides_do_not_count():
    found = difference([(FAILED, FAILED), (number(0.5), number(0.7))])
    assert (found.verdict, found.a, found.b) == ("better", 0.5, 0.7)


VALUES = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=5)


@given(VALUES, st.sampled_from(["min", "max", "near"]), st.floats(0, 1))
def test_exchanged_sides_exchange_the_verdict(values, goal, overlap):
    more = {"best": 0.5} if goal == "near" else {}
    both = [(number(a, goal, **more), number(b, goal, **more)) for a, b in values]
    here, there = difference(both, overlap), difference([(b, a) for a, b in both], overlap)
    opposite = {"better": "worse", "worse": "better"}
    assert there.verdict == opposite.get(here.verdict, here.verdict)
    assert here.difference == pytest.approx(-there.difference)
    if here.low is not None:
        assert here.low <= here.difference <= here.high
    assert difference([(a, a) for a, _ in both], overlap).verdict == "same"
