import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.report.rank import Estimate, estimate, ranks


def test_the_interval_is_students() -> None:
    # Mean 2, standard deviation 1, t(0.975, 2) = 4.302653: half width 4.302653 / sqrt(3).
    found = estimate([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.half_width == pytest.approx(2.484138, abs=1e-6)
    assert estimate([5.0]) == Estimate(5.0, None, 1)
    assert estimate([5.0, 5.0]).half_width == 0.0


def test_an_estimate_prints_its_interval_when_there_is_one() -> None:
    assert Estimate(0.12345, 0.01, 3).text(3) == "0.123 ± 0.010"
    assert Estimate(0.12345, None, 1).text(2) == "0.12"


def test_clear_differences_rank() -> None:
    values = {"a": {0: 0.90, 1: 0.91}, "b": {0: 0.80, 1: 0.81}, "c": {0: 0.70, 1: 0.71}}
    assert ranks(values, "max", 3) == {"a": 1, "b": 2, "c": 3}
    assert ranks(values, "min", 3) == {"a": 3, "b": 2, "c": 1}


def test_noise_ties() -> None:
    # The differences are 0.02 and -0.01: their interval holds 0.
    values = {"a": {0: 0.92, 1: 0.90}, "b": {0: 0.90, 1: 0.91}, "c": {0: 0.50, 1: 0.50}}
    assert ranks(values, "max", 3) == {"a": 1, "b": 1, "c": 3}


def test_a_constant_difference_is_beyond_doubt_however_noisy_the_seeds() -> None:
    values = {"a": {0: 0.50, 1: 0.90}, "b": {0: 0.49, 1: 0.89}}
    assert ranks(values, "max", 3) == {"a": 1, "b": 2}


def test_equal_print_is_a_tie() -> None:
    assert ranks({"a": {0: 0.90001}, "b": {0: 0.90002}}, "max", 3) == {"a": 1, "b": 1}
    assert ranks({"a": {0: 0.901}, "b": {0: 0.902}}, "max", 3) == {"a": 2, "b": 1}


def test_systems_without_a_common_seed_are_not_compared() -> None:
    assert ranks({"a": {0: 0.9}, "b": {1: 0.1}}, "max", 3) == {"a": 1, "b": 1}


# Whole numbers: their means are exact, so that mirrored values tie where the values do.
tables = st.dictionaries(
    st.sampled_from("abcde"), st.fixed_dictionaries({s: st.integers(0, 8) for s in (0, 1, 2, 3)}), min_size=1
)


@given(tables)
def test_ranks_lie_between_one_and_the_number_of_systems(values: dict) -> None:
    found = ranks(values, "max", 3)
    assert min(found.values()) == 1
    assert max(found.values()) <= len(values)


@given(tables)
def test_ranks_turn_round_with_the_goal(values: dict) -> None:
    mirrored = {name: {seed: -value for seed, value in row.items()} for name, row in values.items()}
    assert ranks(mirrored, "min", 3) == ranks(values, "max", 3)
