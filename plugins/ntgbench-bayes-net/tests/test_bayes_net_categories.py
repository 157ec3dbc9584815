"""Categories of numbers, addresses and rows: what comes out is of the category that went in."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_traces import IPV6
from ntgbench_bayes_net import bins
from ntgbench_bayes_net.hosts import Hosts
from ntgbench_bayes_net.vocabulary import vocabulary

from ntgbench.traffic.trace import ipv4_address, is_ipv4

NUMBERS = st.lists(st.integers(0, 2**60) | st.integers(0, 50), min_size=1, max_size=60).map(
    lambda values: np.array(values, np.int64)
)


@given(NUMBERS, st.integers(1, 9), st.integers(0, 9), st.booleans(), st.booleans())
def test_a_drawn_number_is_in_its_category(values, parts, words, doubling, even):
    edge = bins.edges(values, parts, words, 2, doubling)
    number = bins.category(values, edge)
    assert (edge[1:] > edge[:-1]).all()
    assert (number >= 0).all()
    assert (number < len(edge) - 1).all()
    drawn = bins.drawn(number, edge, np.random.default_rng(1), even)
    assert (bins.category(drawn, edge) == number).all()


def test_frequent_numbers_stand_for_themselves_and_the_others_do_not():
    values = np.array([443] * 5 + [80] * 5 + list(range(2000, 3000, 7)))
    edge = bins.edges(values, 4, 10, 3)
    drawn = bins.drawn(bins.category(values, edge), edge, np.random.default_rng(1))
    assert (drawn[:10] == values[:10]).all()
    assert (drawn[10:] != values[10:]).any()


def test_a_category_spans_no_more_than_a_factor_of_two():
    edge = bins.edges(np.array([3, 10**6]), 1, 0, 1)
    assert ((edge[1:] - 1) / edge[:-1] <= 2).all()


def test_numbers_that_are_rare_are_not_drawn_too_high():
    values = (10 ** np.random.default_rng(1).uniform(0, 5, 400)).astype(np.int64)
    edge = bins.edges(values, 64, 0, 1)
    drawn = [bins.drawn(bins.category(values, edge), edge, np.random.default_rng(seed)).mean() for seed in range(20)]
    assert abs(np.mean(drawn) / values.mean() - 1) < 0.03


def test_hosts_that_are_seen_often_stay_and_others_keep_their_prefix():
    four = ipv4_address(np.array([0x0A000001, 0x0A000001, 0x0A000101, 0x0A000102, 0xC0A80001], np.uint32))
    six = np.array([[IPV6, 7], [IPV6, 7], [IPV6 + 1, 2**20], [IPV6 + 1, 2**20 + 1]], np.uint64)
    address = np.concatenate([four, six])
    hosts, number = Hosts.of(address, words=9)
    drawn = hosts.drawn(np.tile(number, 200), np.random.default_rng(1)).reshape(200, 9, 2)
    assert (is_ipv4(drawn.reshape(-1, 2)).reshape(200, 9) == is_ipv4(address)).all()
    assert (drawn[:, [0, 1, 5, 6]] == address[[0, 1, 5, 6]]).all()
    for row in (2, 3, 7, 8):
        assert (drawn[:, row, 0] == address[row, 0]).all()
        assert (drawn[:, row, 1] >> np.uint64(8) == address[row, 1] >> np.uint64(8)).all()
        assert len(np.unique(drawn[:, row, 1])) > 50
    first = (drawn[:, 4, 1] >> np.uint64(24)) & np.uint64(0xFF)
    assert ((first > 0) & (first < 224) & (first != 127)).all()


def test_no_more_words_than_asked_for():
    address = ipv4_address(np.repeat(np.arange(100, dtype=np.uint32) << np.uint32(8), 2))
    hosts, number = Hosts.of(address, words=10)
    assert (hosts.hidden == 0).sum() == 10
    assert len(np.unique(number)) == len(hosts)


def test_rare_rows_count_as_a_neighbour_of_their_group():
    first = np.array([0] * 10 + [1])
    second = np.array([5, 5, 5, 6, 6, 7, 8, 5, 6, 9, 1])
    rows, number = vocabulary([first, second], most=2)
    assert rows.tolist() == [[0, 5], [0, 6], [1, 1]]
    assert number.tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 2]
