"""Systematic draws: a beginning is that of n p rows, rounded down or up, and a row has the model's distribution."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.mapping.codes import Codes

TOKENS = 3
weights = st.lists(st.integers(0, 6), min_size=TOKENS, max_size=TOKENS).filter(any)


@st.composite
def trees(draw):
    """Weights of what follows each of the beginnings of at most two tokens, for each of two classes."""
    beginnings = [()] + [(a,) for a in range(TOKENS)] + [(a, b) for a in range(TOKENS) for b in range(TOKENS)]
    return [{beginning: draw(weights) for beginning in beginnings} for _ in range(2)]


def walk(codes: Codes, labels: np.ndarray, trees) -> list[tuple[int, ...]]:
    """Three tokens of each row: all tables in one, as a chain keeps them."""
    keys = [(label, beginning) for label, tree in enumerate(trees) for beginning in tree]
    upto = np.cumsum([trees[label][beginning] for label, beginning in keys])
    bounds = np.r_[0, upto[TOKENS - 1 :: TOKENS]]
    rows: list[tuple[int, ...]] = [()] * len(labels)
    for step in range(3):
        table = np.array([keys.index((label, row)) for label, row in zip(labels.tolist(), rows, strict=True)], int)
        found = codes.pick(np.arange(len(labels)), step, upto, bounds[table], bounds[table + 1])
        assert (found // TOKENS == table).all()
        rows = [(*row, token) for row, token in zip(rows, (found % TOKENS).tolist(), strict=True)]
    return rows


def probability(tree, row: tuple[int, ...]) -> Fraction:
    """That of beginning as `row`."""
    p = Fraction(1)
    for place, token in enumerate(row):
        p *= Fraction(tree[row[:place]][token], sum(tree[row[:place]]))
    return p


@given(trees=trees(), labels=st.lists(st.integers(0, 1), max_size=60), seed=st.integers(0, 2**32 - 1))
def test_every_beginning_has_its_share_of_the_rows_rounded_down_or_up(trees, labels, seed) -> None:
    labels = np.array(labels, np.int32)
    rows = walk(Codes(labels, 3, np.random.default_rng(seed)), labels, trees)
    for label, tree in enumerate(trees):
        own = [row for row, its in zip(rows, labels.tolist(), strict=True) if its == label]
        for length in (1, 2, 3):
            found = Counter(row[:length] for row in own)
            for beginning in np.ndindex(*[TOKENS] * length):
                # Exact: where n p is whole, n p rows begin so, and none where p is 0.
                assert abs(found[beginning] - len(own) * probability(tree, beginning)) < 1


class Grid:
    """A generator that leaves the order as it is, and hands out numbers that were made before."""

    def __init__(self, *numbers: np.ndarray) -> None:
        self.numbers = list(numbers)

    def random(self, shape) -> np.ndarray:
        return self.numbers.pop(0).reshape(shape)

    def permutation(self, count: int) -> np.ndarray:
        return np.arange(count)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_over_all_numbers_a_row_has_the_distribution_of_the_model(count: int) -> None:
    # Weights sum to 4, so bounds of three tokens are multiples of 1 / 64 and these numbers lie evenly between them. A
    # row has the codes of all n rows equally often: over all of them, exactly n p rows are to be alike on average.
    rng = np.random.default_rng(count)
    beginnings = [(), *((a,) for a in range(TOKENS)), *np.ndindex(TOKENS, TOKENS)]
    tree = {beginning: np.bincount(rng.integers(TOKENS, size=4), minlength=TOKENS).tolist() for beginning in beginnings}
    shifts, four = (np.arange(64) + 0.5) / 64, (np.arange(4) + 0.5) / 4
    shift, *own = (axis.ravel() for axis in np.meshgrid(shifts, four, four, four))
    # Each combination of numbers is a class of its own.
    labels = np.repeat(np.arange(len(shift)), count)
    codes = Codes(labels, 3, Grid(shift, np.column_stack(own).repeat(count, axis=0)))
    found = Counter(walk(codes, np.zeros(len(labels), np.int32), [tree]))
    expected = {row: len(labels) * probability(tree, row) for row in np.ndindex(TOKENS, TOKENS, TOKENS)}
    assert {row: found[row] for row in expected} == expected


def test_rounding_does_not_grow_with_the_tokens() -> None:
    """Of 50,000 rows, after ten tokens of three kinds each with probabilities that have no exact form."""
    count, steps = 50_000, 10
    rng = np.random.default_rng(1)
    share = rng.dirichlet(np.ones(3), size=steps)
    codes, rows = Codes(np.zeros(count, np.int32), steps, rng), np.arange(count)
    made, p = np.zeros(count, np.int64), np.ones(count)
    for step in range(steps):
        upto = share[step].cumsum()
        token = codes.pick(rows, step, upto, np.zeros(count), np.full(count, upto[-1]))
        made, p = 3 * made + token, p * share[step][token]
        _, first, found = np.unique(made, return_index=True, return_counts=True)
        assert (np.abs(found - count * p[first]) < 1 + 1e-6).all()
        np.testing.assert_allclose(codes.width, count * p, rtol=1e-9)


def test_rows_are_in_random_order_and_follow_from_the_generator() -> None:
    labels = np.repeat(np.array([1, 0], np.int32), 500)
    one, same, other = (Codes(labels, 2, np.random.default_rng(seed)) for seed in (1, 1, 2))
    for name in ("place", "width", "uniform"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    assert (one.place != other.place).all()
    for label in (0, 1):
        place = one.place[labels == label]
        assert (np.diff(place) < 0).any()
        np.testing.assert_allclose(np.diff(np.sort(place)), 1)  # one shift for all
    assert one.place[labels == 0].min() != one.place[labels == 1].min()


@pytest.mark.parametrize(("number", "entry"), [(0.0, 2), (np.nextafter(1.0, 0.0), 3)])
def test_the_lowest_and_the_highest_number_get_possible_entries(number: float, entry: int) -> None:
    # The first and the last entry of the row's distribution have no weight; the others are those of other rows.
    upto = np.array([2.0, 2.0, 3.0, 5.0, 5.0, 9.0])
    codes = Codes(np.zeros(1, np.int32), 1, Grid(np.array([number]), np.array([number])))
    assert codes.pick(np.array([0]), 0, upto, np.array([2.0]), np.array([5.0])).tolist() == [entry]


def test_no_rows_have_no_codes() -> None:
    assert len(Codes(np.zeros(0, np.int32), 2, np.random.default_rng(1)).place) == 0
