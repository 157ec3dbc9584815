import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_smote import ntgbench_augmenters
from ntgbench_smote.parameters import SmoteParameters

from ntgbench.plugins import resolve
from ntgbench.traffic.biflows import Biflows

(SPEC,) = ntgbench_augmenters()

each_variant = pytest.mark.parametrize("variant", ["signed", "nominal"])


def augment(few, labels, seed=0, **parameters):
    return resolve(SPEC.target)(SPEC.parameters(**parameters)).augment(few, labels, np.random.default_rng(seed))


@st.composite
def biflows(draw):
    packets, classes = draw(st.integers(1, 10)), draw(st.integers(1, 4))
    length = st.integers(-1460, 1460).filter(bool) | st.sampled_from([-1, 1])
    flow = st.tuples(st.integers(0, classes - 1), st.lists(length, min_size=1, max_size=packets))
    flows = draw(st.lists(flow, min_size=1, max_size=30))
    rows = [row + [0] * (packets - len(row)) for _, row in flows]
    return Biflows(np.array(rows), np.array([label for label, _ in flows]), tuple("abcd"[:classes]))


@each_variant
@given(few=biflows(), wanted=st.integers(0, 40), seed=st.integers(0, 2**32 - 1), neighbours=st.integers(1, 7))
@settings(deadline=None, max_examples=20)
def test_new_biflows_obey_the_rules_and_follow_from_the_seed(variant, few, wanted, seed, neighbours):
    labels = np.resize(few.label[::-1], wanted)
    made = augment(few, labels, seed, variant=variant, neighbours=neighbours)
    assert made.shape == (wanted, few.packets)
    Biflows(made, labels, few.classes)
    np.testing.assert_array_equal(made, augment(few, labels, seed, variant=variant, neighbours=neighbours))


@each_variant
def test_each_biflow_is_of_the_class_that_its_label_asks_for(variant):
    few = Biflows(np.array([[100], [110], [900], [910], [920], [-5]]), np.array([0, 0, 1, 1, 1, 2]), ("a", "b", "c"))
    labels = np.array([2, 0, 1, 1, 0, 2, 1, 0] * 20, np.int32)
    made = augment(few, labels, variant=variant)[:, 0]
    assert made[labels == 0].min() >= 100
    assert made[labels == 0].max() <= 110
    assert made[labels == 1].min() >= 900
    assert made[labels == 1].max() <= 920
    assert (made[labels == 2] == -5).all()


@each_variant
def test_new_biflows_lie_between_a_real_one_and_a_neighbour(variant):
    few = Biflows(np.array([[100, -200], [200, -400]]), np.array([0, 0]), ("a",))
    made = augment(few, np.zeros(500, np.int32), variant=variant)
    np.testing.assert_allclose(made[:, 1], -2 * made[:, 0], atol=1.5)
    assert len(np.unique(made[:, 0])) > 80


@each_variant
def test_the_only_biflow_of_a_class_is_repeated(variant):
    few = Biflows(np.array([[100, -200], [300, 1], [7, 0]]), np.array([1, 1, 0]), ("a", "b"))
    assert augment(few, np.zeros(9, np.int32), variant=variant).tolist() == [[7, 0]] * 9


@each_variant
def test_a_single_class_is_enough(variant):
    few = Biflows(np.arange(1, 9)[:, None] * 10, np.zeros(8, np.int32), ("a",))
    assert augment(few, np.zeros(50, np.int32), variant=variant).min() >= 10


def test_only_as_many_neighbours_as_asked_for():
    # Two clusters of two: with one neighbour nothing lies between the clusters.
    few = Biflows(np.array([[10], [20], [1000], [1010]]), np.zeros(4, np.int32), ("a",))

    def between(neighbours):
        made = augment(few, np.zeros(500, np.int32), neighbours=neighbours)
        return ((made > 20) & (made < 1000)).mean()

    assert between(1) == 0
    assert between(3) > 0.3


def test_what_begins_with_nothing_becomes_the_nearest_real_biflow():
    # Every point between the two rounds to a first packet of -1, 0 or 1 byte.
    few = Biflows(np.array([[1, 100], [-1, 900]]), np.zeros(2, np.int32), ("a",))
    made = augment(few, np.zeros(400, np.int32))
    assert (made != 0).all()
    inside = (made[:, 1] > 310) & (made[:, 1] < 690)
    assert not inside.any()
    assert {(1, 100), (-1, 900)} <= {tuple(row) for row in made.tolist()}


def test_a_biflow_ends_where_a_packet_between_two_directions_vanishes():
    few = Biflows(np.array([[50, 1, 70], [50, -1, 70]]), np.zeros(2, np.int32), ("a",))
    made = augment(few, np.zeros(200, np.int32))
    assert {tuple(row) for row in made.tolist()} == {(50, 1, 70), (50, -1, 70), (50, 0, 0)}


def test_the_nominal_variant_invents_no_small_packets_between_directions():
    few = Biflows(np.array([[500], [-500], [510], [-510]]), np.zeros(4, np.int32), ("a",))
    labels = np.zeros(300, np.int32)
    assert np.abs(augment(few, labels)).min() < 100
    assert np.abs(augment(few, labels, variant="nominal")).min() >= 500


def test_neighbours_are_at_least_one():
    with pytest.raises(ValueError, match=r"neighbours must be in 1\.\.10,000"):
        SmoteParameters(neighbours=0)


def test_classes_with_too_few_biflows_are_named(caplog) -> None:
    few = Biflows(np.arange(1, 11)[:, None], np.repeat([0, 1, 2], [1, 3, 6]), ("one", "three", "six"))
    augment(few, np.array([0, 1, 2], np.int32))
    assert caplog.messages == [
        "SMOTE of class one, 1 biflow: repeated",
        "SMOTE of class three, 3 biflows: 2 neighbours",
    ]
