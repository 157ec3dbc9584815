"""Conditional tables: closed forms, draws, and what leave-one-out chooses."""

import numpy as np
import pytest
from ntgbench_bayes_net.tables import UNKNOWN, Table, left_out

CONTEXT = np.array([0, 0, 0, 1, 1, 2])
SYMBOL = np.array([0, 0, 1, 1, 1, 2])


def table(smoothing=1.0):
    return Table.of([np.zeros(6, np.int64), CONTEXT], SYMBOL, [1, 4], 4, [(0,), (0, 1)], smoothing)


def shares(found, context):
    count = np.arange(4)
    return found.shares([np.zeros(4, np.int64), np.full(4, context)], count)


def test_shares_are_those_of_the_formula():
    found = table()
    weight = found.levels[1].weight
    below = np.array([2, 3, 1, 0]) / 6
    np.testing.assert_allclose(shares(found, 0), (np.array([2, 1, 0, 0]) + weight * below) / (3 + weight))
    np.testing.assert_allclose(shares(found, 2), (np.array([0, 0, 1, 0]) + weight * below) / (1 + weight))


def test_what_was_never_seen_together_is_possible_and_what_was_never_seen_is_not():
    assert shares(table(), 1)[2] > 0
    assert shares(table(), 1)[3] == 0


@pytest.mark.parametrize("context", [3, UNKNOWN])
def test_an_unseen_context_has_the_shares_of_the_level_below(context):
    np.testing.assert_allclose(shares(table(), context), np.array([2, 3, 1, 0]) / 6)


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("context", [0, 1, 2, 3])
def test_draws_have_these_shares(context, spread):
    count = 40_000
    found = table()
    drawn = found.draw([np.zeros(count, np.int64), np.full(count, context)], np.random.default_rng(1), spread)
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / count, shares(found, context), atol=0.01)


def test_spread_draws_of_one_level_are_exact():
    found = Table.of([CONTEXT], SYMBOL, [4], 4, [(0,)], 1.0)
    drawn = found.draw([np.repeat([0, 1], 300)], np.random.default_rng(1), spread=True)
    assert np.bincount(drawn[:300]).tolist() == [200, 100]
    assert (drawn[300:] == 1).all()


def test_a_share_without_the_row_itself_is_that_of_a_table_of_the_others():
    rng = np.random.default_rng(1)
    context, symbol = rng.integers(0, 3, 50), rng.integers(0, 5, 50)
    lowest, _ = left_out([], symbol, 5, 1.0)
    found, weight = left_out([context], symbol, 5, 1.0, lowest)
    for row in range(50):
        others = np.arange(50) != row
        alone = (symbol[others] == symbol[row]).sum()
        assert lowest[row] == pytest.approx((alone + 1 / 5) / 50)
        same = context[others] == context[row]
        together = (same & (symbol[others] == symbol[row])).sum()
        assert found[row] == pytest.approx((together + weight * lowest[row]) / (same.sum() + weight))


def test_a_context_that_says_nothing_is_trusted_less_than_one_that_says_all():
    rng = np.random.default_rng(1)
    context = rng.integers(0, 200, 1000)
    noise = rng.integers(0, 10, 1000)
    weights = []
    for symbol in (noise, context % 10):
        below, _ = left_out([], symbol, 10, 1.0)
        weights.append(left_out([context], symbol, 10, 1.0, below)[1])
    assert weights == [64, 1]
