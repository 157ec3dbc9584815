"""The back-off chain, against its formula in plain Python and against what follows from it."""

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_baselines.backoff import Backoff
from ntgbench_baselines.markov import Markov
from ntgbench_baselines.parameters import BackoffParameters, MarkovParameters

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.testing import example_traffic
from ntgbench.traffic.biflows import Biflows

PL_MAX = 3
CLASSES = ("a", "b", "c")
ALL = len(CLASSES)

THREE = Biflows([[1, 2, 0], [1, 3, 0], [2, 2, 1]], [0, 0, 1], CLASSES, pl_max=PL_MAX)
"""By hand: class a has 1 2 and 1 3, class b has 2 2 1, and class c nothing."""


def fitted(train, **settings):
    made = Backoff(BackoffParameters(**settings))
    made.fit(train, Context(seed=0))
    return made


def told(made, rows, labels):
    return np.exp(made.log_likelihood(Biflows(rows, labels, CLASSES, pl_max=PL_MAX)))


@st.composite
def biflows(draw, packets=None):
    packets = packets or draw(st.integers(1, 5))
    length = st.integers(-2, 2).filter(bool)
    one = st.tuples(st.integers(0, 2), st.lists(length, min_size=1, max_size=packets))
    flows = draw(st.lists(one, min_size=1, max_size=25))
    rows = [flow + [0] * (packets - len(flow)) for _, flow in flows]
    return Biflows(np.array(rows).reshape(-1, packets), np.array([c for c, _ in flows]), CLASSES, pl_max=PL_MAX)


settings = st.builds(
    dict,
    order=st.integers(1, 6),
    counts=st.sampled_from(["kneser-ney", "absolute"]),
    discount=st.sampled_from([0.25, 0.5, 0.75, 1.0, "estimated"]),
    shared=st.sampled_from([0, 1, 3, 100]),
)


class Formula:
    """The formula of `Backoff`, read slowly. A history is a tuple of packets, after "start" where it has them all."""

    def __init__(self, train, order=10, counts="kneser-ney", discount="estimated", shared=5):
        self.packets, self.shared, order = train.packets, shared, min(order, train.packets - 1)
        times: dict = defaultdict(Counter)
        for row, label in zip(train.signed_pl.tolist(), train.label.tolist(), strict=True):
            flow = [one for one in row if one]
            for place, symbol in enumerate([*flow, 0][: train.packets]):
                for history in self.histories(flow[:place], order):
                    times[label, history][symbol] += 1
                    times[ALL, history][symbol] += 1
        times = dict(times)
        self.order, self.n = order, {key: Counter(found) for key, found in times.items()}
        if counts == "kneser-ney":
            for (label, history), found in times.items():
                longest = "start" in history or (len(history) == order < self.packets - 1)
                for symbol in found:
                    if label == ALL:
                        self.n[label, history][symbol] = sum(symbol in times.get((c, history), ()) for c in range(ALL))
                    elif not longest:
                        longer = [
                            k for k in times if k[0] == label and k[1][1:] == history and len(k[1]) > len(history)
                        ]
                        self.n[label, history][symbol] = sum(symbol in times[k] for k in longer)
        self.discounts = defaultdict(lambda: [discount] * 3) if discount != "estimated" else self.estimated()

    @staticmethod
    def histories(flow, order):
        kept = [tuple(flow[len(flow) - k :]) for k in range(min(len(flow), order), -1, -1)]
        return [("start", *flow), *kept] if len(flow) <= order else kept

    def level(self, key):
        return key[0] == ALL, "start" in key[1], len(key[1])

    def estimated(self):
        found = {}
        for level in {self.level(key) for key in self.n}:
            of = Counter(n for key in self.n if self.level(key) == level for n in self.n[key].values())
            y = of[1] / (of[1] + 2 * of[2]) if of[1] else 0
            raw = [j - (j + 1) * y * of[j + 1] / of[j] if of[j] else 0 for j in (1, 2, 3)]
            found[level] = [d if d > 0 and (d < j or j == 1) else j / 2 for j, d in zip((1, 2, 3), raw, strict=True)]
        return found

    def mixed(self, key, symbol, below):
        found, d = self.n.get(key, Counter()), self.discounts[self.level(key)] if key in self.n else []
        if not found:
            return below
        kept = {x: max(n - d[min(n, 3) - 1], 0) for x, n in found.items()}
        left = found.total() - sum(kept.values())
        return (kept.get(symbol, 0) + left * below) / found.total()

    def p(self, symbol, label, flow):
        start = not flow
        known = self.histories(flow, self.order)
        below = (symbol != 0 or not start) / (2 * PL_MAX + (not start))
        for history in [("start",)] if start else known[::-1]:
            root = history in ((), ("start",))
            total = self.n.get((label, history), Counter()).total()
            if root or (0 < total < self.shared):
                below = self.mixed((ALL, history), symbol, below)
            below = self.mixed((label, history), symbol, below)
        return below


def every_biflow(packets):
    symbols = [one for one in range(-PL_MAX, PL_MAX + 1) if one]
    flows = [flow for k in range(1, packets + 1) for flow in itertools.product(symbols, repeat=k)]
    return [[*flow, *[0] * (packets - len(flow))] for flow in flows]


def test_lengths_that_are_all_common_are_learnt() -> None:
    # Nearly no length follows a history of few packets only once, so little can be estimated from what does.
    train, other = (
        Biflows(np.random.default_rng(seed).choice([-2, 2], (400, 10)), np.arange(400) % 3, CLASSES, pl_max=300)
        for seed in (0, 1)
    )
    made = fitted(train)
    # Who knows all needs ln 2 nats a packet.
    assert -made.log_likelihood(other)[:, :10].mean() < np.log(2) + 0.1
    assert np.isin(made.sample(other.label, np.random.default_rng(0)), [-2, 2]).mean() > 0.95


def test_by_hand_with_absolute_counts():
    made = fitted(THREE, counts="absolute", discount=0.5, shared=0)
    first = told(made, [[1, 0, 0], [2, 0, 0], [3, 0, 0]], [0, 0, 0])[:, 0]
    # Class a starts with 1 twice; all classes with 1 twice and with 2 once; there are six lengths.
    of_all = np.array([1.5, 0.5, 0]) / 3 + 1 / 3 / 6
    assert first == pytest.approx(np.array([1.5, 0, 0]) / 2 + 0.25 * of_all)
    # Without history: a has 1, 1, 2, 3, END, END; all have 1 three times, 2 three, 3 once and END twice.
    second = told(made, [[1, 1, 0], [1, 2, 0], [1, 3, 0], [1, 0, 0]], [0] * 4)[:, 1]
    of_all = (np.array([3, 3, 1, 2]) - 0.5) / 9 + 2 / 9 / 7
    of_a = (np.array([2, 1, 1, 2]) - 0.5) / 6 + 2 / 6 * of_all
    last_is_1 = np.array([0, 0.5, 0.5, 0]) / 2 + 0.5 * of_a
    assert second == pytest.approx(np.array([0, 0.5, 0.5, 0]) / 2 + 0.5 * last_is_1)


def test_by_hand_with_kneser_ney_counts():
    made = fitted(THREE, discount=0.5, shared=0)
    second = told(made, [[1, 1, 0], [1, 2, 0], [1, 3, 0], [1, 0, 0]], [0] * 4)[:, 1]
    # In class a: 1 follows the start only, 2 and 3 follow 1, the end follows 2 and 3. 1, 2 and END are in two classes:
    # class b, whose biflow is full, has no end.
    of_all = (np.array([2, 2, 1, 1]) - 0.5) / 6 + 2 / 6 / 7
    of_a = (np.array([1, 1, 1, 2]) - 0.5) / 5 + 2 / 5 * of_all
    last_is_1 = np.array([0, 0.5, 0.5, 0]) / 2 + 0.5 * of_a
    assert second == pytest.approx(np.array([0, 0.5, 0.5, 0]) / 2 + 0.5 * last_is_1)


@given(train=biflows(), asked=settings, other=biflows(packets=6))
def test_it_is_the_formula(train, asked, other):
    made, formula = fitted(train, **asked), Formula(train, **asked)
    found = made.log_likelihood(other)
    for number, (row, label) in enumerate(zip(other.signed_pl.tolist(), other.label.tolist(), strict=True)):
        flow = [one for one in row if one]
        expected = [formula.p(x, label, flow[:t]) for t, x in enumerate([*flow, 0][: train.packets])]
        if label in train.label:
            assert np.exp(found[number, : len(expected)]) == pytest.approx(np.array(expected), abs=1e-12)
        else:
            assert found[number].sum() == -math.inf
        if len(flow) > train.packets:
            assert found[number, train.packets] == -math.inf


@given(train=biflows(packets=3), asked=settings)
def test_all_biflows_of_a_class_are_possible_and_sum_to_one(train, asked):
    made, rows = fitted(train, **asked), every_biflow(3)
    for label in np.unique(train.label):
        p = np.exp(np.log(told(made, rows, [label] * len(rows))).sum(axis=1))
        assert p.sum() == pytest.approx(1)
        assert (p > 0).all()


@given(train=biflows(), order=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_without_a_discount_and_with_all_packets_only_training_biflows_come_out(train, order, seed):
    order = max(order, train.packets - 1)
    rows = fitted(train, order=order, discount=0.0).sample(train.label.repeat(5), np.random.default_rng(seed))
    known = {(label, *row) for label, row in zip(train.label.tolist(), train.signed_pl.tolist(), strict=True)}
    assert {(c, *row) for c, row in zip(train.label.repeat(5).tolist(), rows.tolist(), strict=True)} <= known


@given(train=biflows())
def test_without_a_discount_known_biflows_are_as_probable_as_in_a_chain_of_all_packets(train):
    chain = Markov(MarkovParameters(10))
    chain.fit(train, Context(seed=0))
    made = fitted(train, discount=0.0, counts="absolute")
    np.testing.assert_allclose(made.log_likelihood(train), chain.log_likelihood(train), atol=1e-12)


@pytest.mark.parametrize("counts", ["absolute", "kneser-ney"])
def test_the_higher_the_discount_the_fewer_biflows_are_copies(counts):
    train = example_traffic()
    copied = []
    for discount in (0.0, 0.3, 0.6, 0.9, 1.0):
        p = np.exp(fitted(train, discount=discount, counts=counts, shared=0).log_likelihood(train).sum(axis=1))
        _, first = np.unique(np.column_stack([train.label, train.signed_pl]), axis=0, return_index=True)
        copied.append((p / train.class_counts()[train.label])[first].sum())
    assert (np.diff(copied) < 0).all()


def test_rare_histories_borrow_what_follows_in_other_classes():
    # After 1 in class a comes 2, once; in class b often 3.
    train = Biflows([[1, 2]] + [[1, 3]] * 8, [0] + [1] * 8, CLASSES, pl_max=PL_MAX)
    alone, borrowed = (
        told(fitted(train, discount=0.5, counts="absolute", shared=shared), [[1, 3]], [0])[0, 1] for shared in (1, 2)
    )
    assert borrowed > alone + 0.1


@pytest.mark.parametrize("sampling", ["independent", "systematic"])
@pytest.mark.parametrize("discount", [0.5, 1.0, "estimated"])
def test_samples_are_as_frequent_as_they_are_probable(sampling, discount):
    made = fitted(THREE, discount=discount, sampling=sampling, shared=3)
    rows, labels = np.array(every_biflow(3)), np.repeat(np.array([1, 0], np.int32), 20_000)
    found = made.sample(labels, np.random.default_rng(1))
    number = {tuple(row): place for place, row in enumerate(rows.tolist())}
    for label in (0, 1):
        places = np.bincount([number[tuple(row)] for row in found[labels == label].tolist()], minlength=len(rows))
        expected = 20_000 * np.exp(np.log(told(made, rows, [label] * len(rows))).sum(axis=1))
        allowed = 1 + 1e-6 if sampling == "systematic" else 5 * np.sqrt(expected) + 5
        assert (np.abs(places - expected) < allowed).all()


@given(
    train=biflows(packets=3), asked=settings, labels=st.lists(st.integers(0, 2), max_size=60), seed=st.integers(0, 99)
)
def test_systematic_beginnings_have_their_share_rounded_down_or_up(train, asked, labels, seed):
    labels = np.array([label for label in labels if label in train.label], np.int32)
    made = fitted(train, sampling="systematic", **asked)
    found, every = made.sample(labels, np.random.default_rng(seed)), np.array(every_biflow(3))
    for label in np.unique(labels):
        own = found[labels == label]
        p = np.cumprod(told(made, every, [label] * len(every)), axis=1)
        for length in (1, 2, 3):
            begins = (own[:, None, :length] == every[:, :length]).all(axis=2).sum(axis=0)
            assert (np.abs(begins - len(own) * p[:, length - 1]) < 1 + 1e-9).all()


def test_no_array_grows_with_histories_times_lengths(monkeypatch):
    made = fitted(example_traffic(), sampling="systematic")
    labels = np.repeat(np.arange(4, dtype=np.int32), 200)
    expected = made.sample(labels, np.random.default_rng(1))
    monkeypatch.setattr("ntgbench_baselines.backoff.CELLS", 3 * (2 * made.pl_max + 1))
    np.testing.assert_array_equal(made.sample(labels, np.random.default_rng(1)), expected)


def test_classes_without_training_biflows_are_refused_or_impossible():
    made = fitted(THREE)
    assert made.log_likelihood(Biflows([[1, 2, 0]], [2], CLASSES, pl_max=PL_MAX)).sum() == -math.inf
    with pytest.raises(PluginError, match="'c'"):
        made.sample(np.array([2], np.int32), np.random.default_rng(0))
    with pytest.raises(PluginError, match="label 3 is no class"):
        made.log_likelihood(Biflows([[1]], [3], (*CLASSES, "d")))


def test_payloads_above_the_limit_are_impossible_and_shorter_layouts_are_told():
    made = fitted(THREE)
    long = Biflows([[1, PL_MAX + 1, 1, 0]], [0], CLASSES)
    assert np.isneginf(made.log_likelihood(long)).tolist() == [[False, True, False, False, False]]
    one = made.log_likelihood(Biflows([[1], [2]], [0, 1], CLASSES))
    three = made.log_likelihood(Biflows([[1, 0, 0], [2, 0, 0]], [0, 1], CLASSES))
    np.testing.assert_array_equal(one, three[:, :2])


@pytest.mark.parametrize(
    "asked",
    [{"order": 0}, {"order": 31}, {"discount": -0.1}, {"discount": 1.1}, {"discount": math.nan}, {"shared": -1}],
)
def test_parameters_have_limits(asked):
    with pytest.raises(ValueError, match=f"{next(iter(asked))} must be"):
        BackoffParameters(**asked)


@given(train=biflows(), asked=settings)
def test_a_loaded_model_is_the_saved_one(train, asked, tmp_path_factory):
    folder, made, again = tmp_path_factory.mktemp("model"), fitted(train, **asked), Backoff(BackoffParameters(**asked))
    made.save(folder)
    again.load(folder)
    np.testing.assert_array_equal(again.log_likelihood(train), made.log_likelihood(train))
    drawn = [one.sample(train.label, np.random.default_rng(1)) for one in (made, again)]
    np.testing.assert_array_equal(*drawn)
