"""Distances, chains and curves beside independent implementations."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_privacy.attacks import nearest
from ntgbench_privacy.chain import Chains
from ntgbench_privacy.copies import copied, near
from ntgbench_privacy.curves import Curve, interval, redrawn, share
from sklearn.metrics import roc_auc_score, roc_curve

_spec = importlib.util.spec_from_file_location("plain_privacy", Path(__file__).with_name("plain_privacy.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)


@st.composite
def row_sets(draw, sets, pl_max=1460, least=1):
    """Sets of rows of equally many packets, some of them alike."""
    packets = draw(st.integers(1, 5))
    length = st.one_of(st.integers(1, 4), st.integers(min(190, pl_max), min(215, pl_max)), st.integers(1, pl_max))
    packet = st.tuples(length, st.sampled_from([-1, 1])).map(lambda both: both[0] * both[1])
    row = st.lists(packet, min_size=1, max_size=packets).map(lambda row: row + [0] * (packets - len(row)))
    return [np.array(draw(st.lists(row, min_size=least, max_size=12)), np.int16) for _ in range(sets)]


@given(sides=row_sets(2))
def test_the_nearest_distance_is_the_smallest_of_all(sides):
    assert nearest(*sides) == pytest.approx(plain.nearest(*map(np.ndarray.tolist, sides)), abs=1e-9)


@given(sides=row_sets(2))
def test_copies_and_near_copies_are_those_that_all_pairs_give(sides):
    exact, close = copied(*sides)
    rows, train = map(np.ndarray.tolist, sides)
    assert exact.tolist() == [row in train for row in rows]
    assert close.tolist() == [row not in train and any(plain.is_near(row, other) for other in train) for row in rows]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([100, -50, 0], [102, -48, 0], True),
        ([100, -50, 0], [103, -50, 0], False),
        ([1000, -50, 0], [1010, -50, 0], True),
        ([1000, -50, 0], [1012, -50, 0], False),
        ([1, -50, 0], [-1, -50, 0], False),
        ([100, 1, 0], [100, 0, 0], False),
    ],
)
def test_near_by_hand(one, other, expected):
    sides = [np.array([row], np.int16) for row in (one, other)]
    assert near(*sides).tolist() == near(*sides[::-1]).tolist() == [expected]


def test_nothing_is_near_no_biflow():
    none = np.zeros((0, 3), np.int16)
    assert near(none, none).tolist() == []
    assert near(np.array([[1, 2, 0]], np.int16), none).tolist() == [False]


@given(sides=row_sets(2, pl_max=30), order=st.integers(0, 4))
def test_chains_have_the_probabilities_of_the_definition(sides, order):
    counted, asked = sides
    side = np.repeat([True, False], [len(counted), len(asked)])
    found = Chains(np.concatenate(sides), order, 30).log_probability(side, ~side)
    rows = counted.tolist()
    expected = [plain.log_probability(row, rows, order, 30) for row in asked.tolist()]
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_history_is_smoothed_once_however_long_contexts_can_be():
    rows = np.array([[1]] * 6 + [[2]] * 2 + [[-1]], np.int16)
    counted = np.arange(len(rows)) < 8
    at_all = (0 + 2 * (1 / 5)) / (8 + 2)  # two symbols, five that there may be
    first = (0 + 2 * at_all) / (8 + 2)
    for order in (1, 2, 5):
        assert np.exp(Chains(rows, order, 2).log_probability(counted, ~counted)) == pytest.approx([first], abs=1e-12)


@pytest.mark.parametrize("packets", [1, 2, 3])
def test_probabilities_of_all_rows_sum_to_1(packets):
    symbols = [-2, -1, 0, 1, 2]
    every = np.array(np.meshgrid(*[symbols] * packets)).reshape(packets, -1).T
    absent = every == 0
    every = every[~absent[:, 0] & ~(absent[:, :-1] & ~absent[:, 1:]).any(axis=1)].astype(np.int16)
    counted = np.random.default_rng(1).random(len(every)) < 0.4
    found = Chains(every, 2, 2).log_probability(counted, np.ones(len(every), bool))
    # The chain also says how likely a row is to end before its first packet.
    nothing = plain.log_probability([0] * packets, every[counted].tolist(), 2, 2)
    assert np.exp(found).sum() + np.exp(nothing) == pytest.approx(1, abs=1e-12)


scored = st.lists(
    st.tuples(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0]), st.booleans(), st.integers(1, 5)),
    min_size=2,
    max_size=40,
).filter(lambda items: len({member for _, member, _ in items}) == 2)


@given(items=scored)
def test_curves_agree_with_scikit_learn(items):
    score, member, weight = map(np.array, zip(*items, strict=True))
    area, rate = Curve(score, member).measure(weight.astype(float))
    finite = np.maximum(score, -9.0)
    false, true, _ = roc_curve(member, finite, sample_weight=weight, drop_intermediate=False)
    assert area == pytest.approx(roc_auc_score(member, finite, sample_weight=weight), abs=1e-9)
    assert rate == pytest.approx(np.interp(0.01, false, true), abs=1e-9)


def test_a_constant_score_is_a_guess_and_a_perfect_one_is_certain():
    member = np.arange(1000) % 5 > 0
    weight = np.ones(1000)
    assert Curve(np.zeros(1000), member).measure(weight) == pytest.approx((0.5, 0.01), abs=1e-12)
    assert Curve(member.astype(float), member).measure(weight) == (1.0, 1.0)
    assert Curve(-member.astype(float), member).measure(weight) == (0.0, 0.0)


def test_the_bootstrap_has_the_spread_of_the_area():
    rng = np.random.default_rng(3)
    member = np.arange(600) < 400
    score = rng.normal(size=600) + member
    draws = [Curve(score, member).measure(times.astype(float))[0] for times in redrawn(member, np.arange(600), rng)]
    # The exact variance of the Mann-Whitney statistic, by its projections: DeLong et al., Biometrics 44 (1988).
    wins = (score[member][:, None] > score[~member]).astype(float)
    expected = np.sqrt(wins.mean(axis=1).var(ddof=1) / 400 + wins.mean(axis=0).var(ddof=1) / 200)
    assert np.std(draws) == pytest.approx(expected, rel=0.1)


def test_groups_are_drawn_whole_and_on_their_own_side():
    group = np.repeat([5, 6, 7, 8], [3, 2, 4, 1])
    member = group < 7
    for times in redrawn(member, group, np.random.default_rng(0), draws=20):
        by_group = [set(times[group == one].tolist()) for one in (5, 6, 7, 8)]
        assert [len(one) for one in by_group] == [1, 1, 1, 1]
        assert [sum(map(max, by_group[:2])), sum(map(max, by_group[2:]))] == [2, 2]


def test_a_share_of_few_groups_has_no_interval_and_sessions_make_it_wider():
    rng = np.random.default_rng(0)
    hit = np.repeat(np.arange(100) % 2 == 0, 50)
    alone = share(hit, np.arange(5000), rng)
    together = share(hit, np.repeat(np.arange(100), 50), rng)
    assert alone.value == together.value == 0.5
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(np.sqrt(50), rel=0.15)
    few = share(hit[:9], np.arange(9), rng)
    assert (few.low, few.high) == (None, None)
    assert "no biflow" in share(hit[:0], np.arange(0), rng)


@pytest.mark.parametrize("true", [0.0, 0.01, 0.1, 1.0])
def test_the_interval_of_a_share_of_single_items_holds_the_truth_as_often_as_it_says(true):
    rng = np.random.default_rng(0)
    found = [share(rng.random(100) < true, np.arange(100), rng) for _ in range(200)]
    assert np.mean([one.low <= true <= one.high for one in found]) > 0.9


def test_a_share_of_0_is_not_certain_and_counts_sessions():
    rng, hit = np.random.default_rng(0), np.zeros(400, bool)
    alone, together = share(hit, np.arange(400), rng), share(hit, np.arange(400) // 4, rng)
    # Wilson's interval of 0 of n ends at z^2 / (n + z^2).
    assert [alone.high, together.high] == pytest.approx([1.96**2 / (n + 1.96**2) for n in (400, 100)], rel=1e-4)
    assert alone.low == together.low == 0.0


def test_an_interval_holds_its_value():
    found = interval(0.5, np.array([0.6, 0.7]))
    assert found.low <= 0.5 <= found.high
