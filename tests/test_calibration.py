"""Each calibration check passes metrics that have the property and fails metrics that lack it."""

from __future__ import annotations

import numpy as np
import pytest

from ntgbench.calibrating import Calibrated, calibrate
from ntgbench.calibration import calibration_of, is_worse
from ntgbench.calling import Sides, call
from ntgbench.interfaces import Exposed, MetricSpec
from ntgbench.plugins import registry
from ntgbench.tracks.biflows.calibration.checks import CHECKS
from ntgbench.tracks.biflows.calibration.traffic import CLASSES, sides
from ntgbench.traffic.biflows import PL_MAX


def made(name: str, target: str = "measure", **fields) -> MetricSpec:
    common = {"suite": "fidelity", "goal": "min", "lowest": 0.0, "highest": 1.0}
    return MetricSpec(name, f"made_metrics:{target}", name, **{**common, **fields})


METRICS = [
    made("perfect"),
    made("likeness", goal="max"),
    made("constant", "flat"),
    made("random"),
    made("order_blind"),
    made("class_blind"),
    made("largest", highest=None),
    made("novelty", "copying", against="train"),
    made("biased"),
    made("growing"),
    made("undefined"),
    made("broken"),
    made("copied", "exposure", suite="privacy", lowest=-1.0),
    made("near_half", "exposure", suite="privacy", goal="near", best=0.5),
    made("overconfident", "exposure", suite="privacy", goal="near", best=0.5),
    made("always", "exposure", suite="privacy"),
    made("bits", "bits", highest=None, likelihood=True),
]


@pytest.fixture(scope="module")
def found() -> dict[str, Calibrated]:
    return {one.metric.name: one for one in calibrate(METRICS)}


def states(one: Calibrated, state: str) -> set[str]:
    return {name for name, verdict in one.verdicts.items() if verdict.state == state}


def test_a_good_metric_passes_every_check_that_applies(found) -> None:
    assert [check.name for check in CHECKS] == list(found["perfect"].verdicts)
    for name in ("perfect", "likeness"):
        assert states(found[name], "fails") == set()
        assert states(found[name], "does not apply") == {"copies", "held-out"}
    for name in ("copied", "near_half"):
        assert states(found[name], "fails") == set()
        assert states(found[name], "passes") >= {"copies", "held-out", "order-invariance", "outlier"}


@pytest.mark.parametrize(
    ("metric", "failed"),
    [
        ("constant", {"identity", "disjoint", "noise", "mode-dropping", "truncation", "class-swap", "markov-order"}),
        ("random", {"order-invariance", "outlier", "symmetry", "identity", "noise", "class-swap", "markov-order"}),
        ("order_blind", {"markov-order"}),
        ("class_blind", {"class-swap", "markov-order"}),
        ("largest", {"outlier", "truncation"}),
        ("novelty", {"noisy-copy", "symmetry"}),
        ("biased", {"order-invariance"}),
        ("growing", {"sample-size"}),
        ("overconfident", {"held-out"}),
        ("always", {"copies"}),
    ],
)
def test_a_metric_fails_what_it_cannot_see(found, metric: str, failed: set[str]) -> None:
    assert failed <= states(found[metric], "fails")


def test_every_check_fails_some_metric(found) -> None:
    assert set.union(*(states(one, "fails") for name, one in found.items() if name != "broken")) == {
        check.name for check in CHECKS
    }


def test_what_sees_one_thing_only_is_blind_to_nothing_else(found) -> None:
    assert states(found["order_blind"], "fails") == {"markov-order"}
    assert states(found["class_blind"], "fails") == {"class-swap", "markov-order"}


def test_a_metric_without_a_number_is_not_judged_and_one_that_fails_has_failed(found) -> None:
    dropped = found["undefined"].verdicts["mode-dropping"]
    assert (dropped.state, dropped.reason) == (
        "does not apply",
        "it has no number in the case 'classes left out: 1': a class is missing",
    )
    assert "nan is not a number" in found["broken"].verdicts["noise"].reason
    assert states(found["broken"], "passes") == set()


def test_likelihoods_are_those_of_the_system(found) -> None:
    verdict = found["bits"].verdicts["noise"]
    assert verdict.reason == "it has no number in the case 'fresh': the system tells no likelihood"
    if found["bits"].verdicts["markov-order"].state == "does not apply":
        pytest.skip("the installed chains tell no likelihood")
    assert len(found["bits"].verdicts["markov-order"].numbers["order: 1"]) == 3


def test_costs_grow_with_the_traffic(found) -> None:
    cost = found["perfect"].cost
    assert list(cost.seconds) == [1_000, 3_000, 9_000]
    assert min(cost.seconds.values()) > 0
    assert {"perfect", "random"} <= set(found["perfect"].together)
    assert found["constant"].together == ("constant",)


def test_what_a_metric_declares_and_does_not_pass_is_broken() -> None:
    (one,) = calibrate([made("constant", "flat", passes=("symmetry", "noise", "nosie"))])
    assert one.broken == ["noise", "nosie"]


def test_a_suite_says_what_its_metrics_are_handed(monkeypatch) -> None:
    handed = []
    monkeypatch.setattr("made_metrics.measure", lambda *given: handed.append(given) or {"perfect": 0.0})
    monkeypatch.setattr("made_metrics.bits", lambda *given: handed.append(given) or {"bits": 0.0})
    train, test, made_of = (sides("fresh", 240, 0).__dict__[name] for name in ("train", "test", "synthetic"))
    given = Sides(train, test, made_of, lambda traffic: np.full((len(traffic), 1), -1.0))
    for fields in ({}, {"against": "train"}, {"suite": "utility"}, {"suite": "privacy"}, {"suite": "elsewhere"}):
        call([made("perfect", **fields)], given, 3)
    call([made("bits", "bits", highest=None, likelihood=True)], given, 3)
    call([made("bits", "bits", highest=None, likelihood=True, suite="privacy")], given, 3)
    fidelity, against_train, utility, privacy, elsewhere, bits, exposed_bits = handed
    assert (fidelity[0], against_train[0], fidelity[2]) == (test, train, 3)
    assert (utility[0] is test, utility[1] is made_of, elsewhere[0] is test) == (True, True, True)
    assert isinstance(privacy[0], Exposed)
    assert (privacy[0].train is train, privacy[0].test is test) == (True, True)
    assert (bits[0] is test, bits[3].shape) == (True, (240, 1))
    assert (exposed_bits[3].train.shape, exposed_bits[3].test.shape) == ((240, 1), (240, 1))


def test_worse_is_worse_in_each_repetition_and_beyond_noise() -> None:
    base = np.array([1.0, 2.0, 3.0])
    assert is_worse(base + 0.1, base)
    assert not is_worse(base, base)
    assert not is_worse(base + np.array([1.0, 1.0, -0.1]), base)
    assert not is_worse(base + np.array([0.01, 0.01, 3.0]), base)


def test_the_cases_are_what_they_are_called() -> None:
    size = 1_200
    fresh = sides("fresh", size, 0)
    assert fresh == sides("fresh", size, 0)
    assert fresh.synthetic.session is None
    assert (fresh.train.class_counts() == size // CLASSES).all()
    assert len({sides("fresh", size, repetition).train.digest() for repetition in range(3)}) == 3

    copied = sides("copied: 0.25", size, 0).synthetic.signed_pl
    train = fresh.train.signed_pl
    assert (copied == train).all(axis=1).mean() == pytest.approx(0.25, abs=0.02)
    assert (sides("copied: 1", size, 0).synthetic.signed_pl == train).all()

    noisy = sides("noise: 0.3", size, 0).synthetic.signed_pl
    changed = (noisy != fresh.synthetic.signed_pl)[fresh.synthetic.signed_pl != 0]
    assert changed.mean() == pytest.approx(0.3, abs=0.02)

    near = sides("noisy copy", size, 0).synthetic.signed_pl.astype(int)
    assert 1 <= np.abs(near - train).max() <= 3
    assert (np.sign(near) == np.sign(train)).all()

    assert (sides("cut after: 5", size, 0).synthetic.lengths() <= 5).all()
    assert (sides("classes left out: 6", size, 0).synthetic.class_counts() == [0] * 6 + [100] * 6).all()
    assert (sides("classes halved: 3", size, 0).synthetic.class_counts() == size // CLASSES).all()

    exchanged = sides("classes exchanged: 2", size, 0).synthetic
    moved = fresh.synthetic.label != exchanged.label
    assert set(fresh.synthetic.label[moved]) == {0, CLASSES - 1}
    assert (exchanged.label[moved] == CLASSES - 1 - fresh.synthetic.label[moved]).all()

    apart = sides("disjoint", size, 0)
    assert (apart.test.signed_pl >= 0).all()
    assert (apart.synthetic.signed_pl <= 0).all()
    assert apart.test.lengths().max() < apart.synthetic.lengths().min()

    outlier = sides("outlier: synthetic", size, 0).synthetic.signed_pl
    assert (outlier != sides("chain", size, 0).synthetic.signed_pl).any(axis=1).sum() == 1
    assert (outlier[0] == PL_MAX).all()


def test_shipped_metrics_pass_what_they_declare() -> None:
    names = ("jsd_1gram", "jsd_2gram", "leakage")
    metrics = [registry().metrics()[name] for name in names]
    for one in calibrate(metrics):
        assert one.metric.passes
        assert one.broken == []
        # Readers would expect these of them.
        assert "markov-order" in states(one, "fails")
        if one.metric.name == "leakage":
            assert "noisy-copy" in states(one, "fails")


def test_every_name_that_a_shipped_metric_declares_is_a_check() -> None:
    tracks = {name: calibration_of(name, full=False) for name in ("biflows", "headers")}
    for metric in registry().metrics().values():
        assert set(metric.passes) <= {check.name for check in tracks[metric.track].checks}, metric.name
