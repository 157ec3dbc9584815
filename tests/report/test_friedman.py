"""Friedman's and Nemenyi's tests: closed forms, tables, and scikit-posthocs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare

from ntgbench.report.friedman import compare, groups

tables = st.tuples(st.integers(2, 8), st.integers(3, 9)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 9), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    )
)


def test_the_critical_difference_is_that_of_published_tables() -> None:
    # Demsar 2006, table 5 (a): q of k systems at 0.05; CD = q sqrt(k (k + 1) / (6 n)).
    for systems, q in {3: 2.343, 4: 2.569, 5: 2.728, 10: 3.164}.items():
        found = compare(np.arange(14.0 * systems).reshape(14, systems)).critical
        assert found == pytest.approx(q * np.sqrt(systems * (systems + 1) / (6 * 14)), abs=1e-3)


def test_agreement_of_all_blocks_has_the_largest_statistic() -> None:
    # chi-square = n (k - 1) = 10 with 2 degrees of freedom: p = exp(-5).
    found = compare(np.tile([1.0, 2.0, 3.0], (5, 1)))
    assert found.mean_ranks == (1.0, 2.0, 3.0)
    assert found.p == pytest.approx(np.exp(-5.0), rel=1e-12)
    assert found.p_of_best[0] == 1.0
    assert found.p_of_best[2] < 0.05 < found.p_of_best[1]


def test_equal_systems_do_not_differ() -> None:
    found = compare(np.zeros((4, 3)))
    assert (found.mean_ranks, found.p, found.p_of_best) == ((2.0,) * 3, 1.0, (1.0,) * 3)
    assert groups(found.mean_ranks, found.critical) == ["a"] * 3


@given(tables)
def test_friedmans_p_is_that_of_scipy(rows: list) -> None:
    losses = np.array(rows, float)
    found = compare(losses)
    assert sum(found.mean_ranks) == pytest.approx(losses.shape[1] * (losses.shape[1] + 1) / 2)
    if (losses != losses[:, :1]).any():
        assert found.p == pytest.approx(friedmanchisquare(*losses.T).pvalue, abs=1e-9)


def test_nemenyis_p_is_that_of_scikit_posthocs() -> None:
    posthocs = pytest.importorskip("scikit_posthocs", reason="scikit-posthocs is the oracle of these tests")
    rng = np.random.default_rng(3)
    for shape in ((2, 3), (5, 4), (12, 7), (30, 20)):
        losses = np.round(rng.random(shape) + 0.1 * np.arange(shape[1]), 1)
        found = compare(losses)
        best = int(np.argmin(found.mean_ranks))
        expected = posthocs.posthoc_nemenyi_friedman(losses).to_numpy()
        np.testing.assert_allclose(found.p_of_best, expected[best], atol=1e-9)
        # Systems share a letter where the oracle finds no difference, the best one among them.
        letters = groups(found.mean_ranks, found.critical)
        for one in range(shape[1]):
            for other in range(shape[1]):
                assert bool(set(letters[one]) & set(letters[other])) == (expected[one, other] > 0.05)


def test_groups_are_the_largest_runs() -> None:
    assert groups([4.0, 1.0, 2.0, 3.0], 1.5) == ["c", "a", "ab", "bc"]
    assert groups([1.0, 5.0, 9.0], 1.0) == ["a", "b", "c"]
    assert groups(list(range(30)), 0.5)[24:28] == ["y", "z", "a1", "b1"]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=25), st.floats(0.1, 20))
def test_systems_share_a_letter_when_they_are_closer_than_the_critical_difference(means: list, critical: float) -> None:
    letters = groups(means, critical)
    for one, first in zip(means, letters, strict=True):
        for other, second in zip(means, letters, strict=True):
            assert bool(set(first) & set(second)) == (abs(one - other) < critical)
