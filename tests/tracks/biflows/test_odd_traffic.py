"""Every installed metric of biflows, called as its suite would, has a number or says why it has none."""

from dataclasses import replace

import numpy as np
import pytest

from ntgbench import Biflows, Context, MetricSpec
from ntgbench.calling import Sides, call
from ntgbench.results import has_failed
from ntgbench.running.codes import metrics_of
from ntgbench.systems import choose


def made(
    seed: int, label: list[int], packets: int = 10, pl_max: int = 1460, most: int = 0, sessions: int = 0
) -> Biflows:
    """Random biflows of these labels; `most` is the largest length, where that is not `pl_max`."""
    rng = np.random.default_rng(seed)
    signed_pl = rng.integers(1, (most or pl_max) + 1, (len(label), packets)) * rng.choice(
        [-1, 1], (len(label), packets)
    )
    signed_pl[np.arange(packets) >= rng.integers(1, packets + 1, (len(label), 1))] = 0
    session = rng.integers(0, sessions, len(label)) if sessions else None
    classes = tuple(f"class {number}" for number in range(max(label) + 1))
    return Biflows(signed_pl, np.array(label), classes, session=session, pl_max=pl_max)


def equal(seed: int, label: list[int]) -> Biflows:
    """Biflows of these labels that are all the same."""
    one = made(seed, label)
    return Biflows(np.repeat(one.signed_pl[:1], len(label), axis=0), one.label, one.classes)


THREE = [0, 1, 2] * 20

ODD = {
    "one class": [made(seed, [0] * 40) for seed in range(3)],
    "one biflow": [made(seed, [0]) for seed in range(3)],
    "one biflow a class": [made(seed, [0, 1, 2]) for seed in range(3)],
    "all equal on each side": [equal(seed, THREE) for seed in range(3)],
    "all equal": [equal(1, THREE)] * 3,
    "all the same": [made(1, THREE)] * 3,
    "few distinct": [made(seed, THREE * 3, packets=2, most=1) for seed in range(3)],
    "one packet": [made(seed, THREE, packets=1) for seed in range(3)],
    "many packets": [made(seed, THREE, packets=100) for seed in range(3)],
    "long packets": [made(seed, THREE, pl_max=32_767) for seed in range(3)],
    "one session": [made(seed, THREE, sessions=1) for seed in range(3)],
    "one session a class": [replace(made(seed, THREE), session=np.array(THREE)) for seed in range(3)],
    "sessions on one side": [made(0, THREE, sessions=4), made(1, THREE), made(2, THREE)],
    "few sessions": [made(seed, THREE, sessions=4) for seed in range(3)],
    "one dominant class": [made(seed, [0] * 1_000 + [1]) for seed in range(3)],
    "a class without synthetic biflows": [
        made(0, THREE),
        made(1, THREE),
        made(2, [2, *[0, 1] * 30]).select(range(1, 61)),
    ],
    "a class without held-out biflows": [
        made(0, THREE),
        made(1, [2, *[0, 1] * 30]).select(range(1, 61)),
        made(2, THREE),
    ],
}


def failures(suite: str, train: Biflows, test: Biflows, synthetic: Biflows) -> dict[str, str]:
    """Reasons by metric, of those that failed. Metrics check their own bounds when they are scored."""
    fitted = choose("markov").fit(train, Context(seed=1))
    targets: dict[tuple[str, str], list[MetricSpec]] = {}
    for metric in metrics_of("biflows", suite):
        targets.setdefault((metric.target, metric.against), []).append(metric)
    assert targets
    failed = {}
    for metrics in targets.values():
        found = call(metrics, Sides(train, test, synthetic, fitted.log_likelihood), seed=1)
        assert {metric.name for metric in metrics} <= found.keys()
        failed |= {key: value["reason"] for key, value in found.items() if has_failed(value)}
    return failed


@pytest.mark.parametrize("suite", ["fidelity", "utility", "classifiers", "privacy"])
@pytest.mark.parametrize("name", ODD)
def test_every_metric_has_a_number_or_a_reason_on(name: str, suite: str) -> None:
    assert not failures(suite, *ODD[name])


@pytest.mark.parametrize("suite", ["fidelity", "utility", "classifiers", "privacy"])
def test_more_classes_than_bins_of_a_tree_and_than_a_confusion_matrix_has(suite: str) -> None:
    assert not failures(suite, *(made(seed, [*range(400)] * 2) for seed in range(3)))
