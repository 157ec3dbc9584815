"""What all five reference systems promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_baselines import ntgbench_generators
from real_traffic import FLOWS, needs_real_traffic
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

from ntgbench.datasets.loading import load_dataset
from ntgbench.interfaces import Context
from ntgbench.plugins import resolve
from ntgbench.traffic.biflows import Biflows

SPECS = ntgbench_generators()

each_system = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)


def build(spec, **settings):
    return resolve(spec.target)(spec.parameters(**settings))


@st.composite
def trains(draw):
    packets, classes = draw(st.integers(1, 10)), draw(st.integers(1, 4))
    length = st.integers(-1460, 1460).filter(bool)
    flows = draw(
        st.lists(st.tuples(st.integers(0, classes - 1), st.lists(length, min_size=1, max_size=packets)), min_size=1)
    )
    rows = [flow + [0] * (packets - len(flow)) for _, flow in flows]
    return Biflows(np.array(rows), np.array([label for label, _ in flows]), tuple("abcd"[:classes]))


def test_all_are_references_in_the_order_of_the_leaderboards():
    assert [(spec.name, spec.reference) for spec in SPECS] == [
        ("real", True),
        ("copy", True),
        ("marginals", True),
        ("markov", True),
        ("backoff", True),
    ]


@each_system
@given(train=trains(), wanted=st.integers(0, 40), seed=st.integers(0, 2**32 - 1))
def test_samples_are_biflows_and_follow_from_the_seed(spec, train, wanted, seed):
    labels = np.resize(train.label, wanted)
    system = build(spec)
    system.fit(train, Context(seed=0))
    rows = system.sample(labels, np.random.default_rng(seed))
    assert rows.shape == (wanted, train.packets)
    Biflows(rows, labels, train.classes)
    np.testing.assert_array_equal(rows, system.sample(labels, np.random.default_rng(seed)))


@each_system
def test_a_loaded_model_samples_as_the_saved_one(spec, tmp_path):
    train = Biflows(np.array([[5, -9, 2], [5, 5, 0], [-1460, 0, 0]]), np.array([0, 0, 2]), ("è", "b", "c"))
    system, other = build(spec), build(spec)
    system.fit(train, Context(seed=0))
    system.save(tmp_path)
    other.load(tmp_path)
    labels = np.resize(train.label, 100)
    expected = system.sample(labels, np.random.default_rng(1))
    np.testing.assert_array_equal(other.sample(labels, np.random.default_rng(1)), expected)


@pytest.mark.slow
@needs_real_traffic
def test_known_utility_on_real_traffic():
    biflows = load_dataset(FLOWS / "mirage_appxact2024.parquet").traffic
    train, test = train_test_split(np.arange(len(biflows)), test_size=0.2, stratify=biflows.label, random_state=0)
    train, test = biflows.select(train), biflows.select(test)
    by_name = {spec.name: spec for spec in SPECS}
    known = [
        ("real", {}, 0.920),
        ("copy", {}, 0.90),
        ("marginals", {}, 0.69),
        ("markov", {"order": 1}, 0.84),
        ("markov", {"order": 2}, 0.88),
        ("markov", {"order": 3}, 0.90),
    ]
    measured = []
    for name, settings, _ in known:
        system = build(by_name[name], **settings)
        system.fit(train, Context(seed=0))
        rows = system.sample(train.label, np.random.default_rng(0))
        forest = RandomForestClassifier(random_state=0, n_jobs=-1).fit(rows, train.label)
        measured.append(f1_score(test.label, forest.predict(test.signed_pl), average="macro"))
    assert measured == pytest.approx([value for _, _, value in known], abs=0.02)
