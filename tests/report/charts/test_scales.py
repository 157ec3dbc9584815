import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.report.charts.scales import Axis, amount, scale

ANY = st.floats(allow_nan=True, allow_infinity=True)


def test_a_number_is_where_its_share_of_the_range_is() -> None:
    linear = scale(Axis("x", low=0.0, high=10.0), [3.0], 100.0, 200.0)
    assert [linear(value) for value in (0.0, 2.5, 10.0)] == [100.0, 125.0, 200.0]
    up = scale(Axis("y", low=0.0, high=1.0), [0.5], 210.0, 10.0)
    assert [up(value) for value in (0.0, 0.25, 1.0)] == [210.0, 160.0, 10.0]
    log = scale(Axis("x", log=True, low=1.0, high=1000.0), [10.0], 0.0, 300.0)
    assert [log(value) for value in (1.0, 10.0, 1000.0)] == pytest.approx([0.0, 100.0, 300.0])


def test_what_lies_outside_is_at_the_ends() -> None:
    one = scale(Axis("x"), [0.0, 1.0], 0.0, 100.0)
    assert (one(-5.0), one(7.0)) == (0.0, 100.0)
    assert scale(Axis("x", log=True), [1.0, 10.0], 0.0, 100.0)(-1.0) == 0.0


def test_ticks_are_round_numbers() -> None:
    assert [text for _, text in scale(Axis("x"), [0.03, 0.97], 0, 1).ticks()] == [
        "0",
        "0.2",
        "0.4",
        "0.6",
        "0.8",
        "1.0",
    ]
    assert [text for _, text in scale(Axis("x", log=True), [0.002, 7e5], 0, 1).ticks(5)] == [
        "0.01",
        "1",
        "100",
        "10k",
        "1M",
    ]
    assert [text for _, text in scale(Axis("x", log=True), [3, 40], 0, 1).ticks()] == ["2", "5", "10", "20", "50"]
    whole = scale(Axis("x", low=0.5, high=3.5, whole=True), [], 0, 1)
    assert [text for _, text in whole.ticks()] == ["1", "2", "3"]


def test_amounts_are_short() -> None:
    values = (0.0, 0.25, 12.345, 1500.0, 20_000.0, 3e6, 2.5e9, 1e-7, -4e20)
    assert [amount(value) for value in values] == ["0", "0.25", "12.3", "1,500", "20k", "3M", "2.5G", "1e-7", "-4e20"]


@given(st.lists(ANY, max_size=5), st.booleans(), st.one_of(st.none(), ANY), st.one_of(st.none(), ANY))
def test_every_number_has_a_finite_place_and_ticks_rise(
    values: list[float], log: bool, low: float | None, high: float | None
) -> None:
    one = scale(Axis("x", log, low, high), values, 10.0, 90.0)
    assert one.low < one.high
    assert all(10.0 <= one(value) <= 90.0 for value in values if one_takes(value, log))
    ticks = [at for at, _ in one.ticks()]
    assert ticks == sorted(set(ticks))
    assert len(ticks) <= 8
    room = 1e-6 * (one.high - one.low)
    assert all(one.low - room <= at <= one.high + room for at in ticks)


def one_takes(value: float, log: bool) -> bool:
    return math.isfinite(value) and (not log or value > 0)
