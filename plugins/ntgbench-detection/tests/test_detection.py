"""detection_auc: known values, an independent implementation, and what must not look like detection."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_detection import detection, features
from ntgbench_detection.detection import FOLDS, Groups, area, detected, grouped
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from ntgbench.errors import TrafficError
from ntgbench.interfaces import Measured
from ntgbench.traffic.biflows import Biflows


def traffic(seed: int, count: int = 800, most: int = 5, templates: int = 300) -> Biflows:
    """Biflows of two classes, many of them equal, of at most `most` packets."""
    rng = np.random.default_rng(0)
    length, packets = rng.integers(1, 1400, (templates, 5)), rng.integers(1, 6, templates)
    rows = np.where(np.arange(5) < packets[:, None], length * rng.choice([-1, 1], length.shape), 0)
    rng = np.random.default_rng(seed)
    chosen = (templates * rng.random(count) ** 2).astype(int)
    return Biflows(np.where(np.arange(5) < most, rows[chosen], 0), np.arange(count) % 2, ("even", "odd"))


def auc(real: Biflows, synthetic: Biflows, seed: int = 3) -> Measured:
    found = detection.detection(real, synthetic, seed)["detection_auc"]
    assert isinstance(found, Measured)
    return found


def plain(real: Biflows, synthetic: Biflows, seed: int) -> float:
    """The same by loops over rows, without counts."""
    rows = [tuple(row) for side in (real, synthetic) for row in side.signed_pl.tolist()]
    is_synthetic = np.repeat([0, 1], [len(real), len(synthetic)])
    told = []
    for row in rows:
        sizes = [value for value in row if value]
        turns = sum((a > 0) != (b > 0) for a, b in pairwise(sizes))
        sums = sum(v for v in sizes if v > 0), sum(v for v in sizes if v < 0)
        told.append([*row, len(sizes), turns, *sums])
    distinct = sorted(set(rows))
    name = dict(zip(distinct, np.random.default_rng(seed).permutation(len(distinct)).tolist(), strict=True))
    order = sorted(range(len(rows)), key=lambda i: name[rows[i]])
    scores = np.empty(len(rows))
    for train, test in GroupKFold(FOLDS).split(order, groups=[name[rows[i]] for i in order]):
        known = sorted((int(is_synthetic[i]), rows[i], told[i]) for i in (order[place] for place in train))
        model = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
        model.fit([one for _, _, one in known], [side for side, _, _ in known])
        out = [order[place] for place in test]
        scores[out] = model.decision_function([told[i] for i in out])
    return float(roc_auc_score(is_synthetic, scores))


def test_it_agrees_with_loops_over_rows_and_scikit_learn() -> None:
    real, synthetic = traffic(1), traffic(2, most=4)
    found = auc(real, synthetic, seed=5)
    assert found.value == pytest.approx(plain(real, synthetic, 5), abs=1e-9)
    assert found.low < found.value < found.high


@given(
    sides=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30).filter(
        lambda rows: all(map(any, list(zip(*rows, strict=True))[1:]))
    )
)
def test_the_area_is_that_of_scikit_learn(sides) -> None:
    score, real, synthetic = map(np.array, zip(*sorted(sides), strict=True))
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    expected = roc_auc_score(np.repeat([0, 1], len(score)), np.tile(score, 2), sample_weight=[*real, *synthetic])
    assert area(real.astype(float), synthetic.astype(float), ends) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_shifted_gaussians_are_told_apart_as_well_as_can_be(shift) -> None:
    rng = np.random.default_rng(1)
    count = 4_000
    both = np.concatenate([rng.normal(size=count), rng.normal(shift, size=count)])
    side = np.repeat([1, 0], count)
    found = detected(Groups(both[:, None].astype(np.float32), side, 1 - side), 0)
    optimum = norm.cdf(shift / np.sqrt(2))
    assert optimum - 0.03 < found.value < optimum + 0.015
    assert found.high - found.low < 0.045


def test_the_same_law_is_not_detected_and_another_one_is() -> None:
    same, other = auc(traffic(1), traffic(2)), auc(traffic(1), traffic(2, most=3))
    assert same.low <= 0.5 <= same.high
    assert other.low > 0.6


def test_of_the_same_law_the_interval_holds_one_half_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(5), 0
    side = np.repeat([1, 0], 60)
    for seed in range(20):
        found = detected(Groups(rng.normal(size=(120, 2)).astype(np.float32), side, 1 - side), seed)
        held += found.low <= 0.5 <= found.high
    assert held >= 17


def test_the_same_rows_in_another_order_score_one_half_and_order_does_not_matter() -> None:
    real, synthetic = traffic(1), traffic(2, most=4)
    order = np.random.default_rng(4).permutation(len(real))
    assert auc(real, real.select(order)).value == pytest.approx(0.5, abs=1e-12)
    assert auc(real.select(order), synthetic.select(order)) == auc(real, synthetic)


def test_duplicates_are_not_remembered() -> None:
    rng = np.random.default_rng(2)
    rows = [np.repeat(rng.integers(1, 1461, (150, 3)), 20, axis=0) for _ in range(2)]
    real, synthetic = (Biflows(side, np.zeros(len(side), int), ("one",)) for side in rows)
    told = [features.features(side) for side in rows]
    model = HistGradientBoostingClassifier(early_stopping=False).fit(np.concatenate(told)[::2], np.repeat([0, 1], 1500))
    naive = model.decision_function(np.concatenate(told)[1::2])
    assert roc_auc_score(np.repeat([0, 1], 1500), naive) > 0.99
    found = auc(real, synthetic)
    assert found.low <= 0.5 <= found.high


def test_equal_biflows_are_in_one_fold_and_folds_are_of_equal_size() -> None:
    groups = grouped(traffic(1), traffic(2))
    size = groups.real + groups.synthetic
    assert size.sum() == 1600
    fold = detection.dealt(size, 7)
    assert len(fold) == len(groups.features) == len(np.unique(groups.features[:, :5], axis=0))
    assert np.ptp(np.bincount(fold, size)) <= size.max()


def test_threads_do_not_matter(monkeypatch) -> None:
    found = []
    for processors in ("1", "3"):
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", processors)
        found.append(auc(traffic(1), traffic(2, most=4)))
    assert found[0] == found[1]


def test_a_class_that_was_never_made_is_detected() -> None:
    rng = np.random.default_rng(3)
    label = np.repeat([0, 1], 200)
    real, made = (Biflows(500 * label[:, None] + rng.integers(1, 400, (400, 3)), label, ("a", "b")) for _ in range(2))
    assert auc(real, made.select(label == 0)).low > 0.6


def test_large_sides_are_sampled_class_by_class(monkeypatch) -> None:
    monkeypatch.setattr(features, "MOST_BIFLOWS", 100)
    biflows = traffic(1, 999).select(np.flatnonzero(np.arange(999) % 6 > 0))
    kept = features.sample(biflows, np.random.default_rng(1))
    share = 100 / len(biflows)
    assert kept.class_counts().tolist() == np.ceil(share * biflows.class_counts()).astype(int).tolist()
    monkeypatch.setattr(features, "MOST_NUMBERS", 500)
    assert features.most(biflows) == 500 // 9
    assert auc(biflows, biflows) == auc(biflows, biflows)


@pytest.mark.parametrize("packets", [1, 40])
def test_few_biflows_give_a_number_or_a_reason(packets) -> None:
    def side(*first: int) -> Biflows:
        rows = np.zeros((len(first), packets), int)
        rows[:, 0] = first
        return Biflows(rows, np.zeros(len(first), int), ("one", "none"), pl_max=32767)

    assert detection.detection(side(1, 2), side(3, 3), 0) == {
        "detection_auc": "there are fewer than 5 distinct biflows"
    }
    assert 0 <= auc(side(*range(1, 9)), side(32767, *range(2, 9))).value <= 1
    assert 0 <= auc(side(*[1] * 5), side(*range(1, 6))).value <= 1
    other = Biflows(side(5).signed_pl, [1], ("one", "none"), pl_max=32767)
    assert detection.detection(side(1, 2), other, 0) == {
        "detection_auc": "no class has both real and synthetic biflows"
    }
    with pytest.raises(TrafficError, match="at least one"):
        detection.detection(side(1), side(), 0)
    with pytest.raises(TrafficError, match="same classes"):
        detection.detection(side(1), Biflows([[1]], [0], ("one",)), 0)
