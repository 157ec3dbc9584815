import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_utility import classifiers
from ntgbench_utility.classifiers import NAMES, agreement, compare, waves
from scipy.stats import kendalltau

from ntgbench.interfaces import Exposed
from ntgbench.traffic.biflows import Biflows

CLASSES = ("chat", "mail", "video")


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """A forest that is quick."""
    monkeypatch.setattr("ntgbench_utility.forest.TREES", 10)


def made(count, seed, classes=3, packets=4):
    """Biflows whose classes differ in a few bytes of the second packet."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, count)
    signed_pl = rng.integers(1, 1400, (count, packets))
    signed_pl[:, 1] = -(700 + 8 * label + rng.integers(0, 6, count))
    return Biflows(signed_pl, label, CLASSES)


def sure(*values):
    """Classifiers with these scores, known without noise."""
    return [(value, np.full(1000, value)) for value in values]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=4))
def test_it_is_tau_b_where_scores_are_sure(pairs):
    seen, true = ([pair[side] / 4 for pair in pairs] for side in (0, 1))
    found = agreement(sure(*seen), sure(*true))
    if len(set(true)) == 1:
        assert "differ" in found
    elif len(set(seen)) == 1:
        assert found.value == 0.0  # scipy has no number here
    else:
        assert found.value == pytest.approx(kendalltau(seen, true).statistic, abs=1e-9)
        assert found.low == pytest.approx(found.value) == found.high


def test_classifiers_that_differ_by_less_than_the_noise_are_tied():
    rng = np.random.default_rng(1)

    def noisy(*values):
        return [(value, value + rng.normal(0, 0.02, 1000)) for value in values]

    true = sure(0.9, 0.8, 0.7, 0.6)
    # The first two have changed places, though not beyond doubt: 5 of 6 pairs are in order, and one is tied.
    found = agreement(noisy(0.80, 0.81, 0.5, 0.2), true)
    assert found.value == pytest.approx(5 / np.sqrt(5 * 6))
    assert found.low == pytest.approx(4 / 6)
    assert found.high == 1.0
    assert agreement(sure(0.80, 0.81, 0.5, 0.2), true).value == pytest.approx(4 / 6)


def test_without_bootstrap_samples_there_is_no_order():
    assert "too few" in agreement([(0.5, np.empty(0))] * 4, sure(0.1, 0.2, 0.3, 0.4))


def test_all_four_learn_and_the_training_set_ranks_as_itself():
    train, test = made(500, 1), made(300, 2)
    found = compare(Exposed(train, test), train, 0)
    shuffled = Biflows(train.signed_pl, np.random.default_rng(0).permutation(train.label), CLASSES)
    wrong = compare(Exposed(train, test), shuffled, 0)
    for name in NAMES:
        score = found[f"macro_f1_{name}"]
        assert 0.75 < score.value <= 1.0 or name in ("network", "neighbours")
        assert score.low <= score.value <= score.high
        assert wrong[f"macro_f1_{name}"].value < 0.45
    assert found["macro_f1_network"].value > 0.45
    assert found["rank_consistency"].value > 0.8


def test_threads_change_nothing(monkeypatch):
    from threadpoolctl import threadpool_limits

    train, test = made(200, 1), made(100, 2)

    def on_threads(number):
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", str(number))
        with threadpool_limits(number):
            return {name: found.value for name, found in compare(Exposed(train, test), made(200, 3), 0).items()}

    assert on_threads(1) == on_threads(2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", ["one class", "one biflow of a class", "none of a class", "long", "sessions"])
def test_odd_traffic_has_numbers_or_a_reason(case):
    train, test, synthetic = made(60, 1), made(40, 2), made(60, 3)
    if case == "one class":
        train, test, synthetic = (side.select(side.label == 1) for side in (train, test, synthetic))
    elif case == "one biflow of a class":
        synthetic = synthetic.select((synthetic.label != 1) | (np.cumsum(synthetic.label == 1) == 1))
    elif case == "none of a class":
        synthetic = synthetic.select(synthetic.label != 1)
    elif case == "long":
        train, test, synthetic = (made(60, seed, packets=classifiers.PACKETS + 300) for seed in (1, 2, 3))
    else:
        train = Biflows(train.signed_pl, train.label, CLASSES, np.arange(60) // 5)
        test = Biflows(test.signed_pl, test.label, CLASSES, np.arange(40) // 20)
    found = compare(Exposed(train, test), synthetic, 0)
    assert all(0 <= found[f"macro_f1_{name}"].value <= 1 for name in NAMES)
    rank = found["rank_consistency"]
    assert isinstance(rank, str) or -1 <= rank.value <= 1
    assert case not in ("one class", "sessions") or isinstance(rank, str)


def test_too_few_biflows_and_too_many_classes_give_a_reason():
    single = made(3, 1).select([0])
    assert set(compare(Exposed(single, single), single, 0).values()) == {
        "1 biflow cannot be split for training and testing: every class has one biflow"
    }
    many = Biflows(np.ones((2, 1), int), np.zeros(2, int), tuple(map(str, range(classifiers.MOST_CLASSES + 1))))
    assert set(compare(Exposed(many, many), many, 0).values()) == {"measured with at most 300 classes"}


def test_a_large_side_is_cut_to_the_declared_sample(monkeypatch):
    monkeypatch.setattr(classifiers, "LEARNT", 100)
    monkeypatch.setattr(classifiers, "TESTED", 50)
    sizes = []
    own = classifiers._predicted

    def noted(name, train, signed_pl, seed):
        sizes.append((len(train), len(signed_pl)))
        return own(name, train, signed_pl, seed)

    monkeypatch.setattr(classifiers, "_predicted", noted)
    compare(Exposed(made(300, 1), made(100, 2)), made(300, 3), 0)
    # At most a biflow more of each of three classes than a share of them makes.
    assert all(100 <= learnt <= 106 and tested <= 53 + 28 for learnt, tested in sizes)


def test_waves_are_distinct_for_a_difference_of_a_few_bytes():
    close = waves(np.array([[700], [703]]), 1460)
    assert close.shape == (2, 1 + 2 * classifiers.OCTAVES)
    assert np.abs(close[0] - close[1]).max() > 0.5
    assert np.abs(close[0, 0] - close[1, 0]) < 0.01
