"""The network: a known one is found, and samples have its distribution."""

import numpy as np
import pytest
from ntgbench_bayes_net.network import Network, Parent, Plan

PLAN = Plan(("a", "b", "c", "d"), {})
SIZES = [3, 3, 4, 2]
B_OF_A = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
C_OF_B = np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.4, 0.4]])
D_OF_AC = np.array([[0.9, 0.1, 0.9, 0.1], [0.1, 0.9, 0.1, 0.9], [0.5, 0.5, 0.2, 0.8]])


def picked(shares, rng):
    return (rng.random(len(shares))[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)


def known(count, seed=1):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 3, count)
    b = picked(B_OF_A[a], rng)
    c = picked(C_OF_B[b], rng)
    d = (rng.random(count) > D_OF_AC[a, c]).astype(np.int64)
    return [a, b, c, d]


ROWS = known(20_000)
NETWORK = Network.of(ROWS, SIZES, PLAN, most=3, smoothing=1.0)


def test_the_graph_is_found():
    parents = [{PLAN.nodes[parent.node] for parent in parents} for parents in NETWORK.parents]
    assert parents == [set(), {"a"}, {"b"}, {"a", "c"}]


def test_the_tables_are_found():
    a, b = (values.ravel() for values in np.meshgrid(np.arange(3), np.arange(3), indexing="ij"))
    np.testing.assert_allclose(NETWORK.tables[1].shares([a], b), B_OF_A.ravel(), atol=0.02)
    b, c = (values.ravel() for values in np.meshgrid(np.arange(3), np.arange(4), indexing="ij"))
    np.testing.assert_allclose(NETWORK.tables[2].shares([b], c), C_OF_B.ravel(), atol=0.02)


def test_samples_have_the_joint_distribution():
    drawn = NETWORK.draw(ROWS[0], np.random.default_rng(2))
    places = [np.ravel_multi_index(values, SIZES) for values in (drawn, known(20_000, seed=3))]
    one, other = (np.bincount(place, minlength=np.prod(SIZES)) / 20_000 for place in places)
    assert np.abs(one - other).max() < 0.01


def test_no_parents_means_independence():
    alone = Network.of(ROWS, SIZES, PLAN, most=0, smoothing=1.0)
    assert alone.parents == ((), (), (), ())
    _, b, c, _ = alone.draw(ROWS[0], np.random.default_rng(1))
    together = np.bincount(b * 4 + c, minlength=12).reshape(3, 4) / len(b)
    np.testing.assert_allclose(together, np.outer(together.sum(1), together.sum(0)), atol=0.01)


def test_independent_values_get_no_parents():
    rng = np.random.default_rng(5)
    rows = [rng.integers(0, size, 2000) for size in SIZES]
    assert Network.of(rows, SIZES, PLAN, most=3, smoothing=1.0).parents == ((), (), (), ())


def test_given_parents_are_never_contradicted():
    # Of values that exclude each other, none come together, however strong the smoothing is.
    plan = Plan(("a", "b", "c"), {"b": ("a",), "c": ("a",)})
    rng = np.random.default_rng(1)
    a = rng.integers(0, 2, 500)
    rows = [a, 2 * a + rng.integers(0, 2, 500), 3 * a + rng.integers(0, 3, 500)]
    drawn = Network.of(rows, [2, 4, 6], plan, most=2, smoothing=100.0).draw(a, rng)
    assert (drawn[1] // 2 == a).all()
    assert (drawn[2] // 3 == a).all()


@pytest.mark.parametrize("count", [1, 2, 130, 5000])
def test_a_chain_of_rows_is_learnt(count):
    # A value stays with the chance 0.9.
    rng = np.random.default_rng(1)
    stays = rng.random(20_000) < 0.9
    value = np.cumsum(~stays) % 2
    plan = Plan(("first", "value"), {}, chained=("value",), lags=2)
    network = Network.of([np.zeros_like(value), value], [1, 2], plan, most=2, smoothing=1.0)
    assert network.parents[1][0] == Parent(1, 1)
    _, drawn = network.draw(np.zeros(count, np.int64), rng)
    assert len(drawn) == count
    if count == 5000:
        assert (np.diff(drawn) == 0).mean() == pytest.approx(0.9, abs=0.03)
