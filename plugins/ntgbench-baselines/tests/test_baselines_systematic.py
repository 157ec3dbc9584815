"""Systematic draws of `markov`: how often each beginning comes, and that independent draws are as they were."""

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_baselines.markov import Markov
from ntgbench_baselines.parameters import MarkovParameters

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.systems import choose
from ntgbench.testing import Check, system_checks
from ntgbench.traffic.biflows import Biflows


@pytest.mark.parametrize("check", system_checks("markov[order=2,sampling=systematic]"), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()


def fitted(train: Biflows, order: int, sampling: str = "systematic") -> Markov:
    made = Markov(MarkovParameters(order, sampling))
    made.fit(train, Context(seed=0))
    return made


@st.composite
def trains(draw):
    packets = draw(st.integers(1, 5))
    flow = st.lists(st.integers(-2, 2).filter(bool), min_size=1, max_size=packets)
    flows = draw(st.lists(st.tuples(st.integers(0, 2), flow), min_size=1, max_size=30))
    rows = [flow + [0] * (packets - len(flow)) for _, flow in flows]
    return Biflows(np.array(rows), np.array([label for label, _ in flows]), ("a", "b", "c"))


@given(
    train=trains(),
    order=st.integers(1, 3),
    asked=st.lists(st.integers(0, 29), max_size=200),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_beginning_has_its_share_of_the_biflows_rounded_down_or_up(train, order, asked, seed) -> None:
    labels = train.label[np.array(asked, int) % len(train)]
    chain = fitted(train, order)
    rows = chain.sample(labels, np.random.default_rng(seed))
    # All beginnings of what was made, of what was learnt, and of each a change of the last packet.
    every = np.concatenate([rows, train.signed_pl])
    of = np.concatenate([labels, train.label])
    told = np.exp(np.cumsum(chain.log_likelihood(Biflows(every, of, train.classes)), axis=1))
    size = np.bincount(labels, minlength=3)
    for position in range(train.packets):
        beginnings = list(zip(of.tolist(), map(tuple, every[:, : position + 1].tolist()), strict=True))
        found = Counter(beginnings[: len(rows)])
        for row, beginning in enumerate(beginnings):
            assert abs(found[beginning] - size[of[row]] * told[row, position]) < 1 + 1e-9


class Prepared:
    """A generator that leaves the order as it is and hands out numbers that were chosen before."""

    def __init__(self, shift: float, own: tuple[float, ...], count: int) -> None:
        self.numbers = [np.array([shift]), np.tile(own, (count, 1))]

    def random(self, shape) -> np.ndarray:
        return self.numbers.pop(0).reshape(shape)

    def permutation(self, count: int) -> np.ndarray:
        return np.arange(count)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_over_all_numbers_a_biflow_has_the_likelihood_that_it_tells(count: int) -> None:
    # All shares are multiples of a half or a quarter, so evenly spaced numbers stand for all of them. A biflow has the
    # codes of all of a request equally often, as their order is random: so all biflows of a request count.
    train = Biflows(np.array([[1, 2], [1, 3], [4, 2], [4, 0]]), np.zeros(4, np.int32), ("chat",))
    chain, found = fitted(train, 1), Counter()
    shifts, four = (np.arange(16) + 0.5) / 16, (np.arange(4) + 0.5) / 4
    for shift, *own in product(shifts, four, four):
        made = chain.sample(np.zeros(count, np.int32), Prepared(shift, tuple(own), count))
        found.update(map(tuple, made.tolist()))
    probability = np.exp(chain.log_likelihood(train).sum(axis=1))
    assert {row: found[row] / found.total() for row in map(tuple, train.signed_pl.tolist())} == pytest.approx(
        dict(zip(map(tuple, train.signed_pl.tolist()), probability, strict=True)), abs=1e-12
    )
    assert math.fsum(probability) == pytest.approx(1.0)


def test_independent_biflows_are_those_of_integers_drawn_for_each_packet() -> None:
    # What earlier versions, which knew no other draws, made with the same seed.
    train = Biflows(np.array([[1, 2, 0], [1, 2, 3], [1, 3, 0], [2, 0, 0], [2, 1, 3]]), np.zeros(5, int), ("chat",))
    made = fitted(train, 1, "independent").sample(np.zeros(6, np.int32), np.random.default_rng(0))
    assert made.tolist() == [[2, 0, 0], [2, 0, 0], [1, 2, 1], [1, 3, 0], [1, 3, 0], [1, 3, 0]]


def test_a_class_without_training_biflows_is_refused_by_name() -> None:
    train = Biflows(np.array([[1, 2]]), np.array([0]), ("chat", "video"))
    with pytest.raises(PluginError, match="'video'"):
        fitted(train, 1).sample(np.array([1], np.int32), np.random.default_rng(0))


def test_other_ways_to_draw_are_refused() -> None:
    with pytest.raises(Exception, match="sampling"):
        choose("markov[sampling=stratified]")
