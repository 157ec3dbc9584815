"""class_agreement: known values, and what it does not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from ntgbench_detection.agreement import agreement

from ntgbench.traffic.biflows import Biflows


def traffic(seed: int, count: int = 300) -> Biflows:
    """Three classes that the first packet tells apart."""
    rng = np.random.default_rng(seed)
    label = np.repeat([0, 1, 2], count)
    return Biflows(rng.integers(1, 100, (len(label), 4)) + 200 * label[:, None], label, ("a", "b", "c", "none"))


def agreed(real: Biflows, synthetic: Biflows) -> float:
    return agreement(real, synthetic, 1)["class_agreement"]


def relabelled(biflows: Biflows, label) -> Biflows:
    return Biflows(biflows.signed_pl, label, biflows.classes)


def test_separate_classes_are_recognised() -> None:
    assert agreed(traffic(1), traffic(2)) == 1.0


def test_the_mean_is_over_classes_and_a_missing_one_counts_nothing() -> None:
    real, made = traffic(1), traffic(2)
    # A third of class 0 is really of class 1; class 2 is smaller than the others; class 1 was never made.
    label = np.where((made.label == 1) & (np.arange(len(made)) < 450), 0, made.label)
    assert agreed(real, relabelled(made, label).select(np.flatnonzero(label != 1)[:-250])) == pytest.approx(
        (300 / 450 + 0 + 1) / 3
    )


def test_swapped_classes_do_not_agree() -> None:
    made = traffic(2)
    assert agreed(traffic(1), relabelled(made, np.array([1, 0, 2])[made.label])) == pytest.approx(1 / 3)


def test_a_class_that_real_traffic_lacks_does_not_count() -> None:
    real = traffic(1)
    assert agreed(real.select(real.label != 2), traffic(2)) == 1.0


def test_classes_without_any_difference_agree_by_chance() -> None:
    rng = np.random.default_rng(1)
    real, made = (Biflows(rng.integers(1, 1461, (900, 4)), np.arange(900) % 3, ("a", "b", "c")) for _ in range(2))
    assert agreed(real, made) == pytest.approx(1 / 3, abs=0.07)


def test_neither_threads_nor_the_order_of_rows_matter(monkeypatch) -> None:
    rng = np.random.default_rng(1)
    real, made = (Biflows(rng.integers(1, 9, (900, 4)), rng.integers(0, 3, 900), ("a", "b", "c")) for _ in range(2))
    found = []
    for processors in ("1", "3"):
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", processors)
        found.append(agreed(real, made))
    order = rng.permutation(900)
    assert found == [agreed(real.select(order), made.select(order))] * 2


def test_one_biflow_a_side() -> None:
    one = Biflows([[7, -9]], [1], ("a", "b"))
    assert agreed(one, one) == 1.0
