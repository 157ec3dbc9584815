"""Coverage and density: against the published form, and where it breaks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_fidelity import coverage as module
from ntgbench_fidelity.coverage import K, coverage, coverage_and_density

from ntgbench.errors import TrafficError
from ntgbench.traffic.biflows import Biflows


def once(points):
    return points, np.ones(len(points), np.int64)


def biflows(rows, label=None, classes=("chat",)):
    rows = np.array(rows)
    return Biflows(rows, np.zeros(len(rows), int) if label is None else label, classes)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_agrees_with_the_published_form_on_points_without_duplicates(k, shift, capsys):
    prdc = pytest.importorskip("prdc", reason="the package prdc, the published form, is not installed")
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(300, 4)), rng.normal(size=(200, 4)) + shift
    published = prdc.compute_prdc(real, synthetic, nearest_k=k)
    found = coverage_and_density(*once(real), *once(synthetic), k=k, order=2)
    # A ball with its boundary holds one more real point.
    expected = published["coverage"], published["density"] * k / (k + 1)
    assert found == pytest.approx(expected, abs=1e-9, rel=0)


@given(st.lists(st.sampled_from([-900, -3, 5, 7, 700, 1460]), min_size=1, max_size=40), st.integers(0, 99))
@settings(deadline=None)
def test_the_same_traffic_is_1_whatever_repeats(lengths, seed):
    label = np.random.default_rng(seed).integers(0, 2, len(lengths))
    real = biflows(np.array(lengths)[:, None], label, ("chat", "mail"))
    order = np.random.default_rng(seed).permutation(len(real))
    assert coverage(real, real.select(order), 0) == {"coverage": 1.0, "density": 1.0}


def test_copies_of_a_common_biflow_cover_it():
    # In the published form the ball of the common biflow is empty, since its 5th nearest neighbour is at 0.
    real = biflows([[5, 6]] * 90 + [[5 + i, 900] for i in range(10)])
    found = coverage(real, biflows([[5, 6]] * 100), 0)
    assert found["coverage"] == 0.9


def test_far_traffic_is_0_and_a_class_without_synthetic_biflows_counts_0():
    rows = np.arange(1, 101)[:, None]
    real = biflows(np.concatenate([rows, rows]), np.repeat([0, 1], 100), ("chat", "mail"))
    assert coverage(real, biflows(-rows, None, ("chat", "mail")), 0) == {"coverage": 0.0, "density": 0.0}
    assert coverage(real, biflows(rows, None, ("chat", "mail")), 0) == {"coverage": 0.5, "density": 0.5}


def test_a_ball_ends_at_the_fifth_nearest_other_real_biflow():
    real = biflows([[100 + 10 * i] for i in range(7)])
    assert coverage(real, biflows([[100 + 10 * K]]), 0)["coverage"] == 1.0
    # The balls of 100, 110 and 120 end at 150; those of the last four go beyond.
    assert coverage(real, biflows([[151]]), 0)["coverage"] == pytest.approx(4 / 7)


def test_absence_and_direction_are_as_far_as_the_longest_payload():
    def embedded(*rows):
        return module._embedded(np.array(rows, np.int16), 1460)

    one, other, shorter = embedded([3, 5], [3, -5], [3, 0])
    assert np.abs(one - other).sum() == 10 + 1460
    assert np.abs(one - shorter).sum() == 5 + 1460
    assert np.abs(other - shorter).sum() == 5 + 1460


def test_density_exceeds_1_where_synthetic_points_gather_in_many_balls():
    # Each of the four outer balls holds two of five real points, the inner one holds all.
    real = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]], float)
    found = coverage_and_density(*once(real), *once(real[:1]), k=1)
    assert found == pytest.approx((1.0, (4 * 5 / 2 + 1) / 5))


def large(seed, count=3_000):
    rng = np.random.default_rng(seed)
    return biflows(rng.choice([-1, 1], (count, 3)) * rng.geometric(0.02, (count, 3)).clip(1, 1460))


def test_of_a_large_class_a_sample_is_looked_at_that_does_not_depend_on_the_order(monkeypatch):
    real, synthetic = large(1), large(2)
    assert coverage(real, real, 0) == {"coverage": 1.0, "density": 1.0}
    found = coverage(real, synthetic, 0)
    turned = [side.select(np.arange(len(side))[::-1]) for side in (real, synthetic)]
    assert coverage(*turned, 0) == found
    assert coverage(real, synthetic, 1) != found
    monkeypatch.setattr(module, "CENTRES", len(real))
    every = coverage(real, synthetic, 0)
    # A share of 2,048 biflows has a standard error of at most 0.011.
    assert found["coverage"] == pytest.approx(every["coverage"], abs=0.05)
    assert found["density"] == pytest.approx(every["density"], abs=0.05)


def test_blocks_change_no_number(monkeypatch):
    real, synthetic = large(1, 300), large(2, 200)
    whole = coverage(real, synthetic, 0)
    monkeypatch.setattr(module, "_BLOCK", 1_000)
    assert coverage(real, synthetic, 0) == pytest.approx(whole, abs=1e-12, rel=0)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(TrafficError, match="at least one"):
        coverage(biflows([[5]]), biflows([[5]]).select([]), 0)
    with pytest.raises(TrafficError, match="same classes"):
        coverage(biflows([[5]]), biflows([[5, 6]]), 0)
