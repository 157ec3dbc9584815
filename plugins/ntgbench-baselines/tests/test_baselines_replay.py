import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_baselines.replay import Copy, Marginals, Real

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context, NoParameters
from ntgbench.traffic.biflows import Biflows

CLASSES = ("chat", "mail", "video")
TRAIN = Biflows(
    np.array([[517, -1448, 0], [517, -100, 40], [-30, 0, 0], [600, -1448, 20], [517, 0, 0]]),
    np.array([0, 0, 1, 0, 1]),
    CLASSES,
)


def fitted(system):
    made = system(NoParameters())
    made.fit(TRAIN, Context(seed=0))
    return made


def of_class(label):
    return {tuple(row) for row in TRAIN.signed_pl[TRAIN.label == label].tolist()}


@given(seed=st.integers(0, 2**32 - 1))
def test_real_gives_back_the_training_multiset(seed):
    rows = fitted(Real).sample(TRAIN.label, np.random.default_rng(seed))
    for label in (0, 1):
        assert sorted(rows[TRAIN.label == label].tolist()) == sorted(TRAIN.signed_pl[TRAIN.label == label].tolist())


@given(wanted=st.integers(0, 11), seed=st.integers(0, 2**32 - 1))
def test_real_takes_no_biflow_twice_before_it_took_all(wanted, seed):
    rows = fitted(Real).sample(np.zeros(wanted, np.int32), np.random.default_rng(seed))
    times = [sum(row == list(one) for row in rows.tolist()) for one in of_class(0)]
    assert max(times) - min(times) <= 1


def test_real_takes_each_round_in_a_new_order():
    rows = fitted(Real).sample(np.zeros(300, np.int32), np.random.default_rng(0)).reshape(100, 3, 3)
    assert len({tuple(round_[:, 0].tolist()) + tuple(round_[:, 1].tolist()) for round_ in rows}) == 6


def test_copy_draws_every_biflow_of_the_class_equally_often():
    rows = fitted(Copy).sample(np.zeros(30_000, np.int32), np.random.default_rng(0))
    found, times = np.unique(rows, axis=0, return_counts=True)
    assert {tuple(row) for row in found.tolist()} == of_class(0)
    assert times / 30_000 == pytest.approx(1 / 3, abs=0.02)


def test_marginals_draw_each_position_by_itself():
    rows = fitted(Marginals).sample(np.zeros(30_000, np.int32), np.random.default_rng(0))
    # Class 0 has 517, 517, 600 first; -1448, -100, -1448 second; absent, 40, 20 third.
    expected = {
        (first, second, third): p * q * r
        for first, p in ((517, 2 / 3), (600, 1 / 3))
        for second, q in ((-1448, 2 / 3), (-100, 1 / 3))
        for third, r in ((0, 1 / 3), (40, 1 / 3), (20, 1 / 3))
    }
    found, times = np.unique(rows, axis=0, return_counts=True)
    shares = {tuple(row): share for row, share in zip(found.tolist(), times / 30_000, strict=True)}
    assert shares == pytest.approx(expected, abs=0.02)


def test_marginals_keep_every_position_and_the_number_of_packets():
    train = Biflows(np.array([[1, 0, 0], [2, 5, 0], [3, 6, 9], [4, 7, 8]]), np.zeros(4, int), ("chat",))
    made = Marginals(NoParameters())
    made.fit(train, Context(seed=0))
    rows = made.sample(np.zeros(40_000, np.int32), np.random.default_rng(0))
    for t in range(3):
        found, times = np.unique(rows[:, t], return_counts=True)
        real, expected = np.unique(train.signed_pl[:, t], return_counts=True)
        assert found.tolist() == real.tolist()
        assert times / 40_000 == pytest.approx(expected / 4, abs=0.01)
    # Any packet follows any other: 4 first packets, alone, before 3 seconds, and before 3 seconds and 2 thirds.
    assert len(np.unique(rows, axis=0)) == 4 + 4 * 3 + 4 * 3 * 2


@pytest.mark.parametrize("system", [Real, Copy, Marginals])
def test_a_class_without_training_biflows_is_refused_by_name(system):
    with pytest.raises(PluginError, match="'video'"):
        fitted(system).sample(np.array([0, 2], np.int32), np.random.default_rng(0))


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_refused(label):
    with pytest.raises(PluginError, match=f"label {label} is no class"):
        fitted(Copy).sample(np.array([label], np.int32), np.random.default_rng(0))
