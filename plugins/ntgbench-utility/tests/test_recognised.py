import numpy as np
import pytest
from ntgbench_utility.recognised import DRAWS, FEWEST, measured, resampled, tallied
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from ntgbench.traffic.biflows import Biflows

CLASSES = ("chat", "mail", "video", "never")


def classified(count, seed=0, session=None):
    """Biflows of three classes of very different size, and labels of which about a third are wrong."""
    rng = np.random.default_rng(seed)
    label = rng.choice(3, count, p=[0.7, 0.25, 0.05])
    predicted = np.where(rng.random(count) < 0.3, rng.integers(0, 4, count), label)
    return Biflows(np.ones((count, 2), int), label, CLASSES, session), predicted


def test_bootstrap_samples_score_as_scikit_learn_scores_them():
    session = np.arange(60) // 4
    real, predicted = classified(60, session=session)
    drawn = resampled(tallied(real, predicted), 5)
    rng = np.random.default_rng(5)
    for scores in drawn[:20]:
        rows = np.concatenate([np.flatnonzero(session == one) for one in rng.integers(0, 15, 15)])
        true, found = real.label[rows], predicted[rows]
        for average, score in (("macro", scores[0]), ("weighted", scores[1])):
            expected = f1_score(true, found, labels=np.unique(true), average=average, zero_division=0.0)
            assert score == pytest.approx(expected, abs=1e-12)
        assert scores[2] == pytest.approx(accuracy_score(true, found), abs=1e-12)
    assert len(drawn) == DRAWS


def test_the_interval_of_an_accuracy_is_that_of_a_proportion():
    real, predicted = classified(2000, 3)
    found = measured(real, predicted, 1)["accuracy"]
    spread = 1.96 * np.sqrt(found.value * (1 - found.value) / 2000)
    assert found.high - found.low == pytest.approx(2 * spread, rel=0.1)
    assert found.low < found.value < found.high


def test_biflows_of_one_session_are_drawn_together():
    # Eight equal biflows a session tell no more than one, so the interval is about sqrt(8) times as wide.
    real, predicted = classified(50, 4)
    rows, session = np.repeat(np.arange(50), 8), np.repeat(np.arange(50), 8)
    apart = measured(real.select(rows), predicted[rows], 1)["accuracy"]
    whole = Biflows(real.signed_pl[rows], real.label[rows], CLASSES, session)
    together = measured(whole, predicted[rows], 1)["accuracy"]
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(np.sqrt(8), rel=0.15)


def test_the_confusion_matrix_has_all_classes():
    real, predicted = classified(300)
    confusion = measured(real, predicted, 0)["macro_f1"].confusion
    assert confusion.classes == CLASSES
    assert (confusion.counts == confusion_matrix(real.label, predicted, labels=range(4))).all()


def test_few_sessions_have_no_interval():
    real, predicted = classified(100, session=np.arange(100) % (FEWEST - 1))
    assert all((found.low, found.high) == (None, None) for found in measured(real, predicted, 0).values())


def test_one_seed_draws_the_same_sessions_for_every_classifier():
    real, predicted = classified(200)
    first, again = (measured(real, predicted, 7)["macro_f1"] for _ in range(2))
    better = measured(real, np.where(np.arange(200) < 20, real.label, predicted), 7)["macro_f1"]
    assert (first.drawn == again.drawn).all()
    assert (better.drawn >= first.drawn - 0.02).all()
    assert (measured(real, predicted, 8)["macro_f1"].drawn != first.drawn).any()
