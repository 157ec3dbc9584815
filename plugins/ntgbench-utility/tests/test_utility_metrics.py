import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_utility import ntgbench_metrics
from ntgbench_utility.forest import AT_ONCE, CHUNK, train_on_synthetic
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score

from ntgbench.errors import TrafficError
from ntgbench.interfaces import Exposed
from ntgbench.plugins import resolve
from ntgbench.traffic.biflows import Biflows

CLASSES = ("chat", "mail", "video")


def biflows(*flows, classes=CLASSES, packets=2):
    """Biflows from (label, packet, packet, …)."""
    rows = [list(flow[1:]) + [0] * (packets - len(flow) + 1) for flow in flows]
    return Biflows(np.array(rows), np.array([flow[0] for flow in flows]), classes)


def values(real, synthetic, seed):
    """The numbers of the forest, without their intervals."""
    return {name: found.value for name, found in train_on_synthetic(real, synthetic, seed).items()}


def overlapping(count, seed):
    """Biflows of three classes that are hard to tell apart, with many repetitions."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, count)
    signed_pl = rng.integers(1, 5, (count, 3)) * 50 + label[:, None] * 50
    return Biflows(signed_pl, label, CLASSES)


def test_what_is_easy_to_tell_apart_scores_1():
    train = biflows(*[(0, 100), (1, -100), (2, 100, -900)] * 10)
    assert set(values(train, train, 0).values()) == {1.0}


def test_labels_that_are_all_wrong_score_0():
    real = biflows((0, 100), (1, -100))
    assert set(values(real, biflows(*[(1, 100), (0, -100)] * 10), 0).values()) == {0.0}


def test_a_class_without_synthetic_biflows_counts_0():
    # All four are taken for chat: F1 of chat is 2·3 / (2·3 + 1) = 6/7, of mail 0. No biflow is of video.
    real = biflows((0, 100), (0, 101), (0, 102), (1, -100))
    assert values(real, biflows((0, 100), (0, 101)), 0) == pytest.approx(
        {"macro_f1": 3 / 7, "weighted_f1": 3 / 4 * 6 / 7, "accuracy": 3 / 4}, abs=1e-15
    )


def test_a_class_that_is_only_predicted_is_no_part_of_the_mean():
    # One chat is taken for video: F1 of chat is 2·1 / (2·1 + 1) = 2/3, of mail 1.
    real = biflows((0, 100), (0, 900), (1, -100))
    synthetic = biflows(*[(0, 100), (1, -100), (2, 900)] * 10)
    assert values(real, synthetic, 0) == pytest.approx(
        {"macro_f1": 5 / 6, "weighted_f1": (2 * 2 / 3 + 1) / 3, "accuracy": 2 / 3}, abs=1e-15
    )


@pytest.mark.parametrize("at_once", [1, 15_000, AT_ONCE], ids=["a tree a thread", "30 trees", "all trees"])
def test_agrees_with_the_forest_as_it_comes(monkeypatch, at_once):
    monkeypatch.setattr("ntgbench_utility.forest.AT_ONCE", at_once)
    synthetic, real = overlapping(500, 1), overlapping(CHUNK + 300, 2)
    forest = RandomForestClassifier(random_state=5).fit(synthetic.signed_pl, synthetic.label)
    predicted = forest.predict(real.signed_pl)
    measured = values(real, synthetic, 5)
    assert measured == pytest.approx(
        {
            "macro_f1": f1_score(real.label, predicted, average="macro"),
            "weighted_f1": f1_score(real.label, predicted, average="weighted"),
            "accuracy": accuracy_score(real.label, predicted),
        },
        abs=1e-15,
    )
    assert 0.4 < measured["accuracy"] < 0.9


def test_threads_change_nothing_and_seeds_do(monkeypatch):
    synthetic, real = overlapping(200, 1), overlapping(3 * CHUNK, 2)

    def on_threads(number, seed=0):
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", str(number))
        return values(real, synthetic, seed)

    assert on_threads(1) == on_threads(2)
    assert on_threads(1) != on_threads(1, seed=1)


@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_any_labels_give_finite_scores(data):
    flow = st.tuples(st.integers(0, 2), st.integers(-1460, 1460).filter(bool))
    real, synthetic = (biflows(*data.draw(st.lists(flow, min_size=1, max_size=12))) for _ in range(2))
    scores = values(real, synthetic, 0)
    assert all(type(value) is float and 0 <= value <= 1 for value in scores.values())


def test_what_cannot_be_compared_is_refused():
    real = biflows((0, 100))
    for sides in ((real, real.select([])), (real.select([]), real)):
        with pytest.raises(TrafficError, match="at least one"):
            train_on_synthetic(*sides, 0)
    with pytest.raises(TrafficError, match="same classes"):
        train_on_synthetic(real, biflows((0, 100), packets=3), 0)


def test_every_metric_is_what_its_target_returns(monkeypatch):
    monkeypatch.setattr("ntgbench_utility.forest.TREES", 10)
    specs = ntgbench_metrics()
    many = overlapping(200, 1)
    real = {"utility": many, "classifiers": Exposed(many, overlapping(200, 2))}
    for target in {spec.target for spec in specs}:
        served = [spec for spec in specs if spec.target == target]
        (suite,) = {spec.suite for spec in served}
        assert set(resolve(target)(real[suite], many, 0)) == {spec.name for spec in served}
    primary = [(spec.name, spec.suite, spec.goal) for spec in specs if spec.primary]
    assert primary == [("macro_f1", "utility", "max"), ("macro_f1_boosting", "classifiers", "max")]
