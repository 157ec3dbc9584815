"""The likelihoods of `markov` and `marginals`, against counting in plain Python."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_baselines.markov import Markov
from ntgbench_baselines.parameters import MarkovParameters
from ntgbench_baselines.replay import Marginals

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context, NoParameters
from ntgbench.traffic.biflows import Biflows

CLASSES = ("a", "b", "c")


@st.composite
def biflows(draw, least=1):
    packets = draw(st.integers(1, 5))
    length = st.integers(-2, 2).filter(bool)
    one = st.tuples(st.integers(0, 2), st.lists(length, min_size=1, max_size=packets))
    flows = draw(st.lists(one, min_size=least, max_size=30))
    rows = [flow + [0] * (packets - len(flow)) for _, flow in flows]
    return Biflows(np.array(rows, int).reshape(-1, packets), np.array([c for c, _ in flows], int), CLASSES)


def plain(train, asked, past_of):
    """Shares of what follows the same `past_of` a class's earlier packets, one position after the other."""
    follows = defaultdict(Counter)
    for row, label in zip(train.signed_pl.tolist(), train.label.tolist(), strict=True):
        flow = [one for one in row if one]
        for place, symbol in enumerate([*flow, 0][: train.packets]):
            follows[label, past_of(flow[:place])][symbol] += 1
    # After what the training set has after its last possible packet only, a chain ends.
    for row, label in zip(train.signed_pl.tolist(), train.label.tolist(), strict=True):
        if row[-1] and (label, past_of(row)) not in follows:
            follows[label, past_of(row)][0] = 1
    told = np.zeros((len(asked), asked.packets + 1))
    for number, (row, label) in enumerate(zip(asked.signed_pl.tolist(), asked.label.tolist(), strict=True)):
        flow = [one for one in row if one]
        for place, symbol in enumerate([*flow, 0]):
            seen = follows.get((label, past_of(flow[:place])), Counter())
            if place < train.packets:
                share = seen[symbol] / seen.total() if seen.total() else 0
            else:
                share = int(symbol == 0 and place == train.packets)
            told[number, place] = math.log(share) if share else -math.inf
    return told


@given(train=biflows(), asked=biflows(least=0), order=st.integers(1, 6))
def test_a_chain_tells_shares_of_what_follows_the_last_packets(train, asked, order):
    chain = Markov(MarkovParameters(order))
    chain.fit(train, Context(seed=0))
    expected = plain(train, asked, lambda past: (*["start"] * (order - len(past)), *past[-order:]))
    np.testing.assert_allclose(chain.log_likelihood(asked), expected, atol=1e-12)


@given(train=biflows(), asked=biflows(least=0))
def test_marginals_tell_shares_of_what_stands_at_a_position(train, asked):
    made = Marginals(NoParameters())
    made.fit(train, Context(seed=0))
    np.testing.assert_allclose(made.log_likelihood(asked), plain(train, asked, len), atol=1e-12)


@pytest.mark.parametrize("build", [lambda: Markov(MarkovParameters(2)), lambda: Marginals(NoParameters())])
def test_a_saved_model_tells_the_same_and_labels_that_are_no_class_are_refused(build, tmp_path):
    rng = np.random.default_rng(1)
    train = Biflows(rng.integers(1, 4, (200, 4)), rng.integers(0, 2, 200), CLASSES)
    made, loaded = build(), build()
    made.fit(train, Context(seed=0))
    made.save(tmp_path)
    loaded.load(tmp_path)
    np.testing.assert_array_equal(loaded.log_likelihood(train), made.log_likelihood(train))
    unseen = Biflows(train.signed_pl[:3], [2, 2, 2], CLASSES)
    assert np.isneginf(made.log_likelihood(unseen).sum(axis=1)).all()
    with pytest.raises(PluginError, match="label 3 is no class"):
        made.log_likelihood(Biflows(train.signed_pl[:1], [3], (*CLASSES, "d")))
