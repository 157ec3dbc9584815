import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_fidelity import ngrams, ntgbench_metrics
from ntgbench_fidelity.coverage import coverage
from ntgbench_fidelity.divergence import binned, raw
from ntgbench_fidelity.positions import by_position, kmarginal
from ntgbench_fidelity.uniqueness import uniqueness
from real_traffic import FLOWS, needs_real_traffic

from ntgbench.datasets.loading import load_dataset
from ntgbench.errors import TrafficError
from ntgbench.plugins import resolve
from ntgbench.tracks.biflows.splits import halves
from ntgbench.traffic.biflows import Biflows

_spec = importlib.util.spec_from_file_location("plain_fidelity", Path(__file__).with_name("plain_fidelity.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)


DIVERGENCES = {
    binned: plain.binned,
    raw: plain.raw,
    ngrams.binned: plain.long_binned,
    ngrams.raw: plain.long_raw,
    by_position: plain.by_position,
    kmarginal: plain.kmarginal,
}
MEASURES = {**DIVERGENCES, coverage: plain.coverage, uniqueness: plain.uniqueness}
SPECS = {spec.name: spec for spec in ntgbench_metrics() if not spec.likelihood}


def measure_all(real, synthetic):
    return {name: value for measure in MEASURES for name, value in measure(real, synthetic, 0).items()}


def biflows(*flows, classes=("chat", "mail"), packets=4, pl_max=1460):
    """Biflows from (label, packet, packet, …)."""
    rows = [list(flow[1:]) + [0] * (packets - len(flow) + 1) for flow in flows]
    return Biflows(np.array(rows), np.array([flow[0] for flow in flows]), classes, pl_max=pl_max)


@st.composite
def pairs(draw):
    packets, classes, pl_max = (
        draw(st.integers(1, 6)),
        draw(st.integers(1, 4)),
        draw(st.sampled_from([1, 2, 7, 30, 1460])),
    )
    length = st.integers(-pl_max, pl_max).filter(bool)
    flow = st.tuples(st.integers(0, classes - 1), st.lists(length, min_size=1, max_size=packets))
    flows = st.lists(flow.map(lambda f: (f[0], *f[1])), min_size=1, max_size=25)
    form = {"classes": tuple("abcd"[:classes]), "packets": packets, "pl_max": pl_max}
    return biflows(*draw(flows), **form), biflows(*draw(flows), **form)


def simulated(count, seed, classes=5, pl_max=1460, kinds=30):
    """Biflows of a few kinds of packets each, sampled with repetition."""
    rng = np.random.default_rng(seed)
    kind = np.random.default_rng(0).integers(1, pl_max + 1, (classes, kinds))
    label = rng.integers(0, classes, count)
    signed_pl = kind[label[:, None], (kinds * rng.random((count, 10)) ** 3).astype(int)] * rng.choice(
        [-1, 1], (count, 10)
    )
    signed_pl[np.arange(10) >= rng.integers(1, 11, count)[:, None]] = 0
    return Biflows(signed_pl, label, tuple(map(str, range(classes))), pl_max=pl_max)


@settings(deadline=None)
@given(sides=pairs())
def test_agrees_with_the_plain_definitions(sides):
    for measure, expected in MEASURES.items():
        assert measure(*sides, 0) == pytest.approx(expected(*sides), abs=1e-12, rel=0)


@pytest.mark.parametrize("pl_max", [5, 1460])
def test_agrees_with_the_plain_definitions_on_more_traffic(pl_max):
    real, synthetic = simulated(3000, 1, pl_max=pl_max), simulated(2000, 2, pl_max=pl_max, kinds=20)
    for measure, expected in {**DIVERGENCES, uniqueness: plain.uniqueness}.items():
        assert measure(real, synthetic, 0) == pytest.approx(expected(real, synthetic), abs=1e-12, rel=0)


@settings(deadline=None)
@given(sides=pairs())
def test_stays_in_its_range(sides):
    for name, value in measure_all(*sides).items():
        assert type(value) is float
        assert SPECS[name].lowest <= value <= (SPECS[name].highest or np.inf)


@settings(deadline=None)
@given(sides=pairs())
def test_a_global_change_of_sign_changes_nothing(sides):
    flipped = [replace(side, signed_pl=-side.signed_pl) for side in sides]
    assert measure_all(*flipped) == pytest.approx(measure_all(*sides), abs=1e-12, rel=0)


@settings(deadline=None)
@given(sides=pairs())
def test_order_of_biflows_does_not_matter(sides):
    turned = [side.select(np.arange(len(side))[::-1]) for side in sides]
    assert measure_all(*turned) == measure_all(*sides)


@settings(deadline=None)
@given(sides=pairs())
def test_divergences_of_the_same_classes_are_symmetric(sides):
    one, other = (side.select(np.isin(side.label, np.intersect1d(sides[0].label, sides[1].label))) for side in sides)
    if len(one):
        for measure in DIVERGENCES:
            assert measure(one, other, 0) == pytest.approx(measure(other, one, 0), abs=1e-12, rel=0)


@settings(deadline=None)
@given(sides=pairs())
def test_identity_is_0_and_all_leaks(sides):
    real = sides[0]
    same = measure_all(real, real)
    shares = {"leakage", "leakage_macro", "train_share", "coverage", "density"}
    assert same == {name: 1.0 if name in shares else 0.0 for name in SPECS}


@settings(deadline=None)
@given(sides=pairs(), times=st.integers(2, 4))
def test_repeating_all_biflows_changes_no_divergence(sides, times):
    repeated = Biflows.concat([sides[1]] * times)
    for measure in (*DIVERGENCES, coverage):
        assert measure(sides[0], repeated, 0) == pytest.approx(measure(*sides, 0), abs=1e-12, rel=0)


def test_disjoint_traffic_is_1_and_leaks_nothing():
    real = biflows((0, 100, 200, 300, 400, 500), (1, 50, 60, 70, 80, 90), packets=5)
    synthetic = biflows((0, -100, -200, -300), (1, -50, -60), packets=5)
    distances = {name for name, spec in SPECS.items() if spec.against == "test" and spec.goal == "min"}
    assert measure_all(real, synthetic) == pytest.approx({name: float(name in distances) for name in SPECS}, abs=1e-15)


def test_number_of_packets_by_hand():
    # Lengths 1, 2 against 1, 1: p = (1/2, 1/2), q = (1, 0), m = (3/4, 1/4).
    real, synthetic = biflows((0, 5), (0, 5, 5)), biflows((0, 5), (0, 9))
    expected = 0.5 * (0.5 * np.log2(0.5 / 0.75) + 0.5 * np.log2(0.5 / 0.25)) + 0.5 * np.log2(1 / 0.75)
    assert binned(real, synthetic, 0)["jsd_numpackets"] == pytest.approx(expected, abs=1e-15)
    assert expected == pytest.approx(0.311278, abs=1e-6)


def test_bins_hold_146_bytes_and_mirror_each_other():
    def same_bin(one, other):
        return binned(biflows((0, one)), biflows((0, other)), 0)["jsd_1gram"] == 0.0

    for sign in (1, -1):
        assert same_bin(sign * 1, sign * 146)
        assert not same_bin(sign * 146, sign * 147)
        assert same_bin(sign * 147, sign * 292)
        assert same_bin(sign * 1315, sign * 1460)
        assert not same_bin(sign * 1314, sign * 1315)
    assert not same_bin(1, -1)


def test_pairs_by_hand():
    # Pairs (a, b), (b, a) against (a, b), (a, b), where packets say nothing: a and b occur equally often.
    real, synthetic = biflows((0, 100, -100), (0, -100, 100)), biflows((0, 100, -100), (0, 100, -100))
    values = measure_all(real, synthetic)
    assert values["jsd_1gram"] == values["jsd_1gram_raw"] == 0.0
    # p = (1/2, 1/2), q = (1, 0) again.
    assert values["jsd_2gram"] == values["jsd_2gram_raw"] == pytest.approx(0.3112781244591328, abs=1e-15)
    # After a comes b on both sides: 0, weight 3/4. b starts pairs on one side only: 1, weight (1/2 + 0) / 2 = 1/4.
    assert values["jsd_markov"] == values["jsd_markov_raw"] == 0.25


def test_pairs_do_not_cross_biflows_or_classes():
    real = biflows((0, 100, -100), (1, 400, -400))
    assert binned(real, biflows((0, 100, -100), (1, -400, 400)), 0)["jsd_2gram"] == 0.5
    assert raw(biflows((0, 100), (0, 400)), biflows((0, 400), (0, 100)), 0)["jsd_2gram_raw"] == 0.0


def test_classes_count_equally_however_many_biflows_they_have():
    real = biflows(*[(0, 100)] * 9, (1, 100))
    synthetic = biflows(*[(0, 100)] * 9, (1, -100))
    assert binned(real, synthetic, 0)["jsd_1gram"] == 0.5


def test_a_class_without_synthetic_biflows_is_1_and_one_without_real_ones_is_left_out():
    real = biflows((0, 100, 200), (1, 100))
    for measure in (binned, by_position, kmarginal):
        assert set(measure(real, biflows((0, 100, 200)), 0).values()) == {0.5}
    for measure in (binned, by_position):
        assert set(measure(biflows((0, 100, 200)), real, 0).values()) == {0.0}


def test_pairs_that_no_side_has_are_0_and_that_one_side_has_are_1():
    single, double = biflows((0, 100)), biflows((0, 100, 100))
    names = ("jsd_2gram", "jsd_markov", "jsd_2gram_raw", "jsd_markov_raw")
    grams = [f"jsd_{n}gram{suffix}" for n in (3, 4, 5) for suffix in ("", "_raw")]
    assert {measure_all(single, double)[name] for name in grams} == {0.0}
    assert {measure_all(single, single)[name] for name in names} == {0.0}
    for sides in ((single, double), (double, single)):
        assert {measure_all(*sides)[name] for name in names} == {1.0}


def test_uniqueness_by_hand_is_over_all_classes_together_and_by_class():
    # Train: three biflows, two distinct. Synthetic: four biflows, three distinct; one of them, twice, is in train.
    train = biflows((0, 1, 2), (1, 1, 2), (0, 3))
    synthetic = biflows((0, 1, 2), (1, 1, 2), (0, 1), (1, 2, 1))
    expected = {
        "uniqalign": abs(2 / 3 - 3 / 4),
        "leakage": 1 / 4,
        "train_share": 2 / 4,
        # Class 0: all distinct on both sides, one in common of three. Class 1: all distinct, one of two.
        "uniqalign_macro": 0.0,
        "leakage_macro": (1 / 3 + 1 / 2) / 2,
    }
    assert uniqueness(train, synthetic, 0) == pytest.approx(expected, abs=1e-15)
    without_class_1 = uniqueness(train, synthetic.select(synthetic.label == 0), 0)
    assert without_class_1["uniqalign_macro"] == (0.0 + 1.0) / 2
    assert without_class_1["leakage_macro"] == pytest.approx((1 / 3 + 0.0) / 2)


@pytest.mark.parametrize("measure", MEASURES)
def test_what_cannot_be_compared_is_refused(measure):
    real = biflows((0, 100))
    with pytest.raises(TrafficError, match="at least one"):
        measure(real, real.select([]), 0)
    with pytest.raises(TrafficError, match="same classes"):
        measure(real, biflows((0, 100), packets=5), 0)


@needs_real_traffic
def test_known_floor_of_real_traffic():
    real = load_dataset(FLOWS / "mirage_appxact2024.parquet").traffic
    first, second = halves(real, real.class_counts() // 2, np.random.default_rng(0))
    known = {
        "jsd_numpackets": 0.012,
        "jsd_1gram": 0.004,
        "jsd_2gram": 0.027,
        "jsd_markov": 0.024,
        "jsd_1gram_raw": 0.061,
        "jsd_2gram_raw": 0.144,
        "jsd_markov_raw": 0.134,
        "leakage": 0.147,
        "train_share": 0.56,
    }
    measured = measure_all(first, second)
    # One draw of the halves; over many, the noisiest of these varies with a standard deviation of 0.004.
    assert {name: measured[name] for name in known} == pytest.approx(known, abs=0.006)


def test_every_metric_is_what_its_target_returns():
    real = simulated(100, 1)
    for target in {spec.target for spec in SPECS.values()}:
        names = {spec.name for spec in SPECS.values() if spec.target == target}
        assert set(resolve(target)(real, real, 0)) == names
    assert {spec.suite for spec in SPECS.values()} == {"fidelity"}
    assert [name for name, spec in SPECS.items() if spec.primary] == ["jsd_2gram"]
    against_train = {"uniqalign", "leakage", "train_share", "uniqalign_macro", "leakage_macro"}
    assert {name for name, spec in SPECS.items() if spec.against == "train"} == against_train
