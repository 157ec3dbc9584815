import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench import Biflows
from ntgbench.errors import DatasetError
from ntgbench.tracks.biflows.splits import first, fraction, halves, split, take


def numbered(label: np.ndarray, group: np.ndarray | None = None) -> Biflows:
    """Biflows whose only packet tells their row."""
    signed_pl = np.arange(1, len(label) + 1)[:, None]
    classes = tuple(f"class {c}" for c in range(int(label.max()) + 1))
    return Biflows(signed_pl, label, classes, session=group, pl_max=32767)


labels = st.lists(st.integers(0, 3), min_size=8, max_size=200).map(lambda v: np.array([*range(4), *range(4), *v]))
seeds = st.integers(0, 2**32 - 1)


def rows(biflows: Biflows) -> set[int]:
    return set(biflows.signed_pl[:, 0].tolist())


@given(labels, seeds)
def test_a_stratified_split_parts_every_class(label: np.ndarray, seed: int) -> None:
    whole = numbered(label)
    train, test = split(whole, 0.2, seed)
    assert rows(train) | rows(test) == rows(whole)
    assert not rows(train) & rows(test)
    wanted = np.maximum(np.round(0.2 * whole.class_counts()), 1)
    assert (test.class_counts() == wanted).all()
    assert split(whole, 0.2, seed)[1] == test


@given(labels, seeds, st.integers(2, 40))
def test_a_grouped_split_never_parts_a_group(label: np.ndarray, seed: int, groups: int) -> None:
    whole = numbered(label, np.random.default_rng(seed).integers(0, groups, len(label)))
    try:
        train, test = split(whole, 0.2, seed)
    except DatasetError:
        # No group could be tested on without leaving a class that nothing trains.
        homes = [set(whole.session[whole.label == c].tolist()) for c in range(4)]
        assert all({group} in homes for group in whole.session.tolist())
        return
    assert rows(train) | rows(test) == rows(whole)
    assert not set(train.session.tolist()) & set(test.session.tolist())
    assert (train.class_counts() > 0).all()


def test_grouped_classes_come_near_their_share() -> None:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(500), rng.integers(1, 20, 500))
    whole = numbered((group % 5).astype(np.int64), group)
    _, test = split(whole, 0.2, 3)
    assert np.abs(test.class_counts() / whole.class_counts() - 0.2).max() < 0.02


def test_a_single_biflow_of_a_class_trains() -> None:
    train, test = split(numbered(np.array([0] * 10 + [1])), 0.2, 0)
    assert train.class_counts().tolist() == [8, 1]
    assert test.class_counts().tolist() == [2, 0]


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(DatasetError, match="every class has one biflow"):
        split(numbered(np.array([0, 1, 2])), 0.2, 0)
    with pytest.raises(DatasetError, match="all are from one session"):
        split(numbered(np.array([0, 0, 1, 1]), np.full(4, 7)), 0.2, 0)
    with pytest.raises(DatasetError, match="each session holds a class that no other has"):
        split(numbered(np.array([0, 0, 1, 2, 1]), np.array([1, 1, 2, 1, 2])), 0.2, 0)


@given(seeds)
def test_a_class_of_large_groups_is_tested_with_the_one_nearest_to_its_share(seed: int) -> None:
    for sizes, expected in (((90, 10), 10), ((60, 50), 50)):
        group = np.repeat(np.arange(len(sizes)), sizes)
        assert len(split(numbered(np.zeros_like(group), group), 0.2, seed)[1]) == expected


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), min_size=2, max_size=30), seeds)
def test_a_class_misses_its_share_by_half_its_largest_group(made: list[tuple[int, int]], seed: int) -> None:
    of_group, sizes = (np.array(column) for column in zip(*made, strict=True))
    groups = np.bincount(of_group, minlength=3)
    group = np.repeat(np.arange(len(made)), sizes)
    whole = numbered(np.unique(of_group, return_inverse=True)[1][group], group)
    if groups.max() < 2:
        return
    train, test = split(whole, 0.2, seed)
    for c in range(len(whole.classes)):
        homes, tested, kept = (set(side.session[side.label == c].tolist()) for side in (whole, test, train))
        assert kept
        assert bool(tested) == (len(homes) > 1)
        missed = abs(test.class_counts()[c] - 0.2 * whole.class_counts()[c])
        largest = max(sizes[member] for member in homes)
        assert missed <= largest / 2 or len(tested) < 2 or len(kept) == 1


@given(labels, seeds)
def test_fractions_are_nested_and_leave_no_class_out(label: np.ndarray, seed: int) -> None:
    whole = numbered(label)
    smaller: set[int] = set()
    for share in (0.05, 0.1, 0.2, 0.5, 0.75, 1.0):
        part = fraction(whole, share, seed)
        assert smaller <= rows(part)
        assert (part.class_counts() == np.ceil(share * whole.class_counts() - 1e-9)).all()
        smaller = rows(part)
    assert smaller == rows(whole)


def test_a_fraction_is_not_rounded_up_by_floating_point() -> None:
    assert len(fraction(numbered(np.zeros(100, np.int64)), 0.07, 1)) == 7


@given(labels, seeds, st.integers(0, 30))
def test_halves_are_disjoint_and_equal(label: np.ndarray, seed: int, size: int) -> None:
    whole = numbered(label)
    first, second = halves(whole, np.full(4, size), np.random.default_rng(seed))
    assert not rows(first) & rows(second)
    assert (first.class_counts() == np.minimum(size, whole.class_counts() // 2)).all()
    assert (first.class_counts() == second.class_counts()).all()


@given(labels, seeds, st.integers(0, 30), st.integers(1, 40))
def test_halves_share_no_group(label: np.ndarray, seed: int, size: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    whole = numbered(label, rng.integers(0, groups, len(label)))
    first, second = halves(whole, np.full(4, size), rng)
    assert not set(first.session.tolist()) & set(second.session.tolist())
    assert (first.class_counts() == second.class_counts()).all()
    assert (first.class_counts() <= size).all()


def test_halves_of_many_groups_are_about_half() -> None:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(400), rng.integers(1, 20, 400))
    whole = numbered(group % 4, group)
    first, _ = halves(whole, np.full(4, len(whole)), rng)
    assert (first.class_counts() > 0.45 * whole.class_counts()).all()
    assert (halves(whole, np.full(4, 50), rng)[0].class_counts() == 50).all()


@given(labels, st.integers(0, 60))
def test_first_takes_the_first_of_each_class_in_order(label: np.ndarray, size: int) -> None:
    taken = first(numbered(label), np.full(4, size))
    expected = [row + 1 for row in range(len(label)) if np.count_nonzero(label[:row] == label[row]) < size]
    assert taken.signed_pl[:, 0].tolist() == expected


@given(labels, seeds, st.integers(0, 60))
def test_take_keeps_order_and_counts(label: np.ndarray, seed: int, size: int) -> None:
    taken = take(numbered(label), np.full(4, size), np.random.default_rng(seed))
    assert (np.diff(taken.signed_pl[:, 0]) > 0).all()
    assert (taken.class_counts() == np.minimum(size, np.bincount(label))).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [("mirage_appxact2024", {}, 0.920), ("fgnet_d1", {"min_samples_leaf": 2}, 0.867)],
)
def test_a_forest_scores_on_real_traffic_as_published(real_flows, name: str, settings: dict, expected: float) -> None:
    """The loader's check: wrong signs, lengths or splits would move these scores by far more than a point."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import f1_score

    from ntgbench.datasets.loading import load_dataset

    train, test = split(load_dataset(str(real_flows / f"{name}.parquet")).traffic, 0.2, 2)
    forest = RandomForestClassifier(n_estimators=100, random_state=2, n_jobs=-1, **settings)
    predicted = forest.fit(train.signed_pl, train.label).predict(test.signed_pl)
    score = f1_score(test.label, predicted, average="macro")
    assert score == pytest.approx(expected, abs=0.015)
