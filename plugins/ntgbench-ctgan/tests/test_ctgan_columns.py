"""Columns as choices and places: modes of known truth, round trips, categories."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_ctgan.columns import LEAST_SHARE, SIGMAS, Column, Mixtures, discrete, mixed

MIXTURES = Mixtures(modes=10, rows=10_000)


def of_modes(centres, widths, shares, count=4_000, seed=1):
    rng = np.random.default_rng(seed)
    mode = rng.choice(len(centres), count, p=shares)
    return rng.normal(np.array(centres)[mode], np.array(widths)[mode])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e9])
def test_the_modes_of_a_mixture_are_found(scale):
    numbers = scale * of_modes([-50.0, 0.0, 80.0], [1.0, 2.0, 5.0], [0.5, 0.3, 0.2])
    column, choice, _ = mixed(numbers, MIXTURES, 0, np.random.default_rng(1))
    assert len(column.values) == 0
    share = column.counts / column.counts.sum()
    for centre, width, expected in ((-50.0, 1.0, 0.5), (0.0, 2.0, 0.3), (80.0, 5.0, 0.2)):
        near = np.abs(column.means / scale - centre) < 4 * width
        assert share[near].sum() == pytest.approx(expected, abs=0.03)
        mean = np.average(column.means[near], weights=share[near])
        assert mean / scale == pytest.approx(centre, abs=width / 2)
    assert (np.bincount(choice, minlength=column.choices) == column.counts).all()


def test_a_place_is_the_distance_from_the_centre_in_four_sigmas():
    column = Column(np.zeros(0), np.array([10.0, 20.0]), np.array([1.0, 2.0]), 0.0, 25.0, np.array([1, 1]))
    made = column.decode(np.array([0, 0, 1, 1, 1]), np.array([0.0, 0.5, 0.0, -1.0, 1.0], np.float32))
    # The last would be 28, above what training has.
    assert made.tolist() == [10.0, 10.0 + 0.5 * SIGMAS, 20.0, 20.0 - 2 * SIGMAS, 25.0]


@settings(max_examples=40, deadline=None)
@given(
    numbers=st.lists(st.integers(-(2**31), 2**32), min_size=1, max_size=40),
    frequent=st.sampled_from([0, 1, 5, 50]),
)
def test_any_column_comes_back(numbers, frequent):
    numbers = np.array(numbers, np.float64)
    column, choice, place = mixed(numbers, MIXTURES, frequent, np.random.default_rng(1))
    assert column.counts.sum() == len(numbers)
    assert (np.abs(place) <= 1).all()
    # Places beyond four sigmas are cut off.
    inside = np.abs(place) < 1
    back = column.decode(choice, place)
    scale = max(float(np.abs(numbers).max()), 1.0)
    assert np.abs(back - numbers)[inside].max(initial=0.0) <= 1e-5 * scale
    is_category = choice < len(column.values)
    assert (back[is_category] == numbers[is_category]).all()


@pytest.mark.parametrize("frequent", [0, 3])
def test_a_constant_column_stays_constant(frequent):
    column, choice, place = mixed(np.full(30, 64.0), MIXTURES, frequent, np.random.default_rng(1))
    assert column.choices == 1
    assert (column.decode(choice, place) == 64.0).all()


def test_frequent_values_are_categories_and_the_rest_has_modes():
    rng = np.random.default_rng(2)
    numbers = np.concatenate([np.full(500, 443.0), np.full(300, 53.0), rng.integers(49_152, 65_536, 1_200)])
    column, choice, place = mixed(numbers, MIXTURES, 2, rng)
    assert column.values.tolist() == [53.0, 443.0]
    assert column.counts[:2].tolist() == [300, 500]
    assert (choice[:500] == 1).all()
    assert not place[:800].any()
    assert column.means.min() > 49_000


def test_a_long_address_column_has_few_choices():
    addresses = np.random.default_rng(3).integers(0, 2**32, 10_000).astype(np.float64)
    for frequent in (0, 50):
        column, _, _ = mixed(addresses, MIXTURES, frequent, np.random.default_rng(1))
        assert column.choices <= frequent + MIXTURES.modes
    rare = np.repeat(addresses[:2_000], 2)
    assert 2 / len(rare) < LEAST_SHARE
    assert not len(mixed(rare, MIXTURES, 50, np.random.default_rng(1))[0].values)


def test_values_that_must_be_categories_are_even_in_a_column_of_numbers():
    numbers = np.append(np.random.default_rng(4).normal(500, 9, 300), 0.0)
    column, choice, _ = mixed(numbers, MIXTURES, 0, np.random.default_rng(1), always=(0.0,))
    assert column.values.tolist() == [0.0]
    assert (choice == 0).tolist() == (numbers == 0).tolist()


def test_a_discrete_column_has_a_choice_for_each_known_value():
    column, choice, place = discrete(np.array([2.0, 0.0, 2.0]), range(4))
    assert (column.choices, column.has_places) == (4, False)
    assert column.counts.tolist() == [1, 0, 2, 0]
    assert column.decode(choice, place).tolist() == [2.0, 0.0, 2.0]
