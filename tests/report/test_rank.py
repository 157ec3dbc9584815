import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.report.rank import Estimate, estimate, loss, losses, ranks, resolution


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


def test_overlapping_splits_widen_the_interval_as_nadeau_and_bengio_say() -> None:
    # Variance 1: t(0.975, 2) sqrt(1/3 + 1/4).
    assert estimate([1.0, 2.0, 3.0], 0.25).half_width == pytest.approx(4.3026527 * math.sqrt(7 / 12), abs=1e-6)
    assert estimate([5.0], 0.25) == Estimate(5.0, None, 1)


def scored(values: dict, goal: str, best: float | None = None) -> dict:
    """The losses of numbers by system and seed."""
    return {name: {seed: loss(value, goal, best) for seed, value in row.items()} for name, row in values.items()}


def test_clear_differences_rank() -> None:
    values = {"a": {0: 0.90, 1: 0.91}, "b": {0: 0.80, 1: 0.81}, "c": {0: 0.70, 1: 0.71}}
    assert ranks(scored(values, "max"), 3) == {"a": 1, "b": 2, "c": 3}
    assert ranks(scored(values, "min"), 3) == {"a": 3, "b": 2, "c": 1}


def test_near_ranks_by_the_distance_on_either_side() -> None:
    values = {"low": {0: 0.45}, "high": {0: 0.55}, "far": {0: 0.7}, "best": {0: 0.51}}
    assert ranks(scored(values, "near", 0.5), 3) == {"best": 1, "low": 2, "high": 2, "far": 4}


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15), st.sampled_from(["min", "max", "near"]), st.floats(0, 1))
def test_the_losses_of_an_interval_enclose_those_of_its_numbers(one: float, other: float, goal: str, at: float) -> None:
    low, high = sorted((one, other))
    value = min(max(low + at * (high - low), low), high)
    least, most = losses(low, high, goal, 0.5)
    assert least <= loss(value, goal, 0.5) <= most


def test_noise_ties() -> None:
    # The differences are 0.02 and -0.01: their interval holds 0.
    values = {"a": {0: 0.92, 1: 0.90}, "b": {0: 0.90, 1: 0.91}, "c": {0: 0.50, 1: 0.50}}
    assert ranks(scored(values, "max"), 3) == {"a": 1, "b": 1, "c": 3}


def test_overlap_makes_a_narrow_win_a_tie() -> None:
    # Differences of mean 3 and standard deviation 1: half widths 2.48 and, with overlap 1/4, 3.29.
    values = {"a": {0: 2.0, 1: 3.0, 2: 4.0}, "b": dict.fromkeys(range(3), 0.0)}
    assert ranks(scored(values, "max"), 3) == {"a": 1, "b": 2}
    assert ranks(scored(values, "max"), 3, overlap=0.25) == {"a": 1, "b": 1}


def test_a_constant_difference_is_beyond_doubt_however_noisy_the_seeds() -> None:
    values = {"a": {0: 0.50, 1: 0.90}, "b": {0: 0.49, 1: 0.89}}
    assert ranks(scored(values, "max"), 3) == {"a": 1, "b": 2}


def test_equal_print_is_a_tie() -> None:
    assert ranks(scored({"a": {0: 0.90001}, "b": {0: 0.90002}}, "max"), 3) == {"a": 1, "b": 1}
    assert ranks(scored({"a": {0: 0.901}, "b": {0: 0.902}}, "max"), 3) == {"a": 2, "b": 1}


def test_means_are_rounded_as_they_are_printed() -> None:
    # The mean of these is 0.4255 exactly, and prints as 0.425: a sum that rounds on its way would say 0.426.
    low = {0: 0.165, 1: 0.111, 2: 0.872, 3: 0.554}
    high = {seed: value + 0.001 for seed, value in low.items()}
    assert [estimate(list(values.values())).text(3)[:5] for values in (low, high)] == ["0.425", "0.426"]
    assert ranks(scored({"a": low, "c": high}, "min"), 3) == {"a": 1, "c": 2}


def test_large_numbers_have_ranks() -> None:
    assert ranks(scored({"a": {0: 1e300, 1: 1e299}, "b": {0: 1.0, 1: 2.0}}, "min"), 3) == {"a": 1, "b": 1}


def test_systems_without_a_common_seed_are_not_compared() -> None:
    assert ranks({"a": {0: 0.9}, "b": {1: 0.1}}, 3) == {"a": 1, "b": 1}


def test_the_least_difference_is_students_of_the_halves() -> None:
    # t(0.975, 3) = 3.182446: one seed of three pairs whose root mean square difference is 0.1.
    assert resolution({0: (0.1, 3)}) == pytest.approx(0.3182446, abs=1e-6)
    # Two seeds: mean square (3 * 0.01 + 3 * 0.04) / 6 = 0.025, t(0.975, 6) = 2.446912.
    assert resolution({0: (0.1, 3), 1: (0.2, 3)}) == pytest.approx(2.446912 * math.sqrt(0.025 / 2), abs=1e-6)
    assert resolution({0: (0.1, 0)}) is None
    assert resolution({}) is None


def test_differences_of_equal_systems_are_below_the_least_one_as_often_as_is_said() -> None:
    rng = np.random.default_rng(5)
    apart = rng.normal(0.0, math.sqrt(2.0), (4000, 9))  # pairs of halves of three seeds
    told = rng.normal(0.0, math.sqrt(2.0), (4000, 3)).mean(axis=1)
    below = [
        abs(mean)
        < (resolution({seed: (float(np.sqrt(np.mean(row[3 * seed :][:3] ** 2))), 3) for seed in range(3)}) or 0)
        for row, mean in zip(apart, told, strict=True)
    ]
    assert np.mean(below) == pytest.approx(0.95, abs=0.015)


# Whole numbers: their means are exact, so that mirrored values tie where the values do.
tables = st.dictionaries(
    st.sampled_from("abcde"), st.fixed_dictionaries({s: st.integers(0, 8) for s in (0, 1, 2, 3)}), min_size=1
)


@given(tables)
def test_ranks_lie_between_one_and_the_number_of_systems(values: dict) -> None:
    found = ranks(scored(values, "max"), 3)
    assert min(found.values()) == 1
    assert max(found.values()) <= len(values)


@given(tables)
def test_ranks_turn_round_with_the_goal(values: dict) -> None:
    mirrored = {name: {seed: -value for seed, value in row.items()} for name, row in values.items()}
    assert ranks(scored(mirrored, "min"), 3) == ranks(scored(values, "max"), 3)
