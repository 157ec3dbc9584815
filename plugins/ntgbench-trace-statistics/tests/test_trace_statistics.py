import importlib.util
from dataclasses import replace
from math import log, log10, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_trace_statistics import ntgbench_metrics
from ntgbench_trace_statistics.distances import Sample, emd
from ntgbench_trace_statistics.fields import statistics
from ntgbench_trace_statistics.link import bursts
from ntgbench_trace_statistics.steps import STEPS, StepCounts
from ntgbench_trace_statistics.timing import temporal
from real_traffic import needs_real_traffic
from trace_pairs import trace_pair

from ntgbench.testing import metric_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import TCP, UDP, PacketTrace, ipv4_address

_spec = importlib.util.spec_from_file_location(
    "plain_trace_metrics", Path(__file__).with_name("plain_trace_metrics.py")
)
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

MEASURES = {statistics: plain.statistics, temporal: plain.temporal, bursts: plain.bursts}
SPECS = {spec.name: spec for spec in ntgbench_metrics()}

DAY = 86_400 * 10**9
START = 19_000 * DAY + 7 * 3600 * 10**9

# The reference code of CascadeNet and an independent program, as (correct, reference's form); the latter is None where
# it is the former but for the rounding of seconds, or random, as the Hurst exponents of the reference are.
KNOWN = {
    "hand12": {
        "sa": (0.0204260414863776, 0.11898845770192631),
        "da": (0.0204260414863776, 0.11898845770192631),
        "sp": (0.0204260414863776, 0.11898845770192622),
        "dp": (0.0204260414863776, 0.11898845770192631),
        "pr": (0.011644807223602503, 0.08984189053667647),
        "pl": (9.16666666666667, None),
        "ttl": (7.833333333333329, None),
        "npf": (0.0, None),
        "nbf": (762.5, None),
        "it": (0.27454545454545454, None),
        "fit": (0.21249999999999997, None),
        "fd": (1.35, None),
        "at": (105.23561210836972, 150.27575754396844),
        "bu": (0.9760351450511648, None),
        "ld": (0.06479302992907987, None),
        "bd": (5000.0, 5000.0),
        "tb": (985000.0, 985000.0),
        "nu": (7.326007326007151e-05, 7.326007326007151e-05),
        "bps": (783.3333333333334, 783.3333333333334),
        "nps": (3.333333333333334, 3.333333333333334),
    },
    "alexa_jitter": {
        "sa": (0.0, 0.0),
        "npf": (0.0, None),
        "it": (0.0016209609311412113, None),
        "fit": (0.003525784435146365, None),
        "fd": (0.04432199999999924, None),
        "at": (619.2926404149243, 0.10595102505538699),
        "bu": (0.10131669686600193, None),
        "ld": (0.002331643739705144, None),
        "bd": (69503.59999999999, 0.0),
        "tb": (0.0, 0.0),
        "nu": (0.001096932280708225, 0.0010842279157115477),
        "bps": (5407.0, 7223.4),
        "nps": (14132.166666666666, 6180.499999999999),
    },
    "iot_shuffle": {
        "it": (0.0, None),
        "fit": (0.9669058650060597, None),
        "fd": (8.199326230288838, None),
        "at": (4680.102553767371, 142.68649840227943),
        "bu": (0.6922859740140128, None),
        "ld": (0.014458231535951507, None),
        "bd": (199393.0769230768, 682134.2105263158),
        "tb": (104664749.29487179, 87633257.30769229),
        "nu": (0.03282427710160973, 0.03429747166478642),
        "bps": (158491.0494505494, 122437.0037593985),
        "nps": (193368.86666666664, 69780.21754385969),
    },
    "iot_fields": {
        "pl": (6.512899999999968, None),
        "ttl": (0.8787999999999989, None),
        "nbf": (5148.014541387016, None),
        "at": (4885.832236658756, 17.349540259246265),
        "ld": (0.0, None),
        "bd": (245508.1875, 163672.125),
        "tb": (261875.39999999997, 174583.59999999995),
        "nu": (0.025258358786011813, 0.025838940764065347),
        "bps": (97881.5625, 86281.1875),
        "nps": (88537.29411764706, 77480.58823529413),
    },
    "iot_windows": {
        "sa": (0.0019183652591789925, 0.03646518162143262),
        "da": (0.0025262506068140125, 0.0418457104791058),
        "sp": (0.4972458642370734, 0.5870813988204879),
        "dp": (0.4409234157803426, 0.5528334491426917),
        "pr": (0.001819050997119077, 0.03550873230555894),
        "pl": (5.505411111111105, None),
        "ttl": (0.5384000000000173, None),
        "npf": (0.20538654596625755, None),
        "nbf": (59.773055664359994, None),
        "it": (0.005341557997587108, None),
        "fit": (0.39735184112887506, None),
        "fd": (1.7531893053198144, None),
        "at": (3686.7411877780673, 98.54185304097045),
        "bu": (0.03433642030933073, None),
        "ld": (0.013135899112379869, None),
        "bd": (0.0, 0.0),
        "tb": (19947980.5, 19947980.5),
        "nu": (0.012956056659795837, 0.012818590204571979),
        "bps": (797.7454545454545, 794.2181818181817),
        "nps": (39008.63636363635, 39004.81818181817),
    },
}


def measure_all(real, synthetic):
    return {name: value for measure in MEASURES for name, value in measure(real, synthetic, 0).items()}


def packets(times_ns, flows=None, lengths=None, ttl=64, start=START):
    """Packets of numbered flows at times after the start; every third flow is UDP, every fifth over IPv6."""
    flow = np.zeros(len(times_ns), np.int64) if flows is None else np.array(flows)
    source = ipv4_address((10 + flow // 2).astype(np.uint32))
    source[:, 0] += np.where(flow % 5 == 4, 7, 0).astype(np.uint64)
    return PacketTrace.of(
        time_ns=np.array(times_ns, np.int64) + start,
        source=source,
        destination=np.roll(source, 1, axis=1),
        source_port=1000 + flow,
        destination_port=80 + flow % 3,
        protocol=np.where(flow % 3 == 1, UDP, TCP),
        ip_length=np.full(len(flow), 100) if lengths is None else np.array(lengths),
        ttl=np.full(len(flow), ttl),
    )


@st.composite
def traces(draw, unit):
    rows = draw(
        st.lists(st.tuples(st.integers(0, 60), st.integers(0, 7), st.integers(40, 300)), min_size=1, max_size=40)
    )
    time, flow, length = zip(*sorted(rows), strict=True)
    start = START + draw(st.integers(0, 3 * DAY))
    return packets([unit * one for one in time], flow, length, draw(st.integers(60, 64)), start)


pairs = st.sampled_from([1, 1000, 50_000]).flatmap(lambda unit: st.tuples(traces(unit), traces(unit)))


def agrees(found, expected):
    """All numbers are equal; where the plain version has None, there is a text."""
    numbers = {name: value for name, value in expected.items() if value is not None}
    assert {name: value for name, value in found.items() if not isinstance(value, str)} == pytest.approx(
        numbers, rel=1e-9, abs=1e-9
    )


@settings(max_examples=25)
@given(sides=pairs)
def test_agrees_with_the_plain_definitions(sides):
    for measure, expected in MEASURES.items():
        agrees(measure(*sides, 0), expected(*sides))


def test_agrees_with_the_plain_definitions_on_more_traffic():
    sides = example_trace(1, flows=200), example_trace(2, flows=150)
    for measure, expected in MEASURES.items():
        agrees(measure(*sides, 0), expected(*sides))


@pytest.mark.parametrize(
    "name", [name if name == "hand12" else pytest.param(name, marks=needs_real_traffic) for name in KNOWN]
)
def test_known_values(name):
    found = measure_all(*trace_pair(name))
    for metric, (correct, of_reference) in KNOWN[name].items():
        assert found[metric] == pytest.approx(correct, rel=1e-9, abs=1e-12), metric
        assert (f"{metric}@ref" in found) == (of_reference is not None)
        if of_reference is not None:
            assert found[f"{metric}@ref"] == pytest.approx(of_reference, rel=1e-9, abs=1e-12), metric


@settings(max_examples=25)
@given(sides=pairs)
def test_stays_in_its_range(sides):
    for name, value in measure_all(*sides).items():
        if not isinstance(value, str):
            highest = SPECS[name.split("@")[0]].highest
            assert type(value) is float
            assert 0 <= value <= (np.inf if highest is None else highest)


@settings(max_examples=25)
@given(sides=pairs, by=st.integers(-(10**17), 10**17))
def test_a_shift_in_time_changes_no_correct_form(sides, by):
    moved = replace(sides[0], time_ns=sides[0].time_ns + by)
    same = measure_all(sides[0], moved)
    assert {same[name] for name in SPECS if not isinstance(same[name], str)} == {0}
    before, after = measure_all(*sides), measure_all(moved, sides[1])
    for name in SPECS:
        assert after[name] == before[name]


@settings(max_examples=25)
@given(sides=pairs)
def test_order_of_packets_does_not_matter(sides):
    turned = [side.select(np.arange(len(side))[::-1]) for side in sides]
    before, after = measure_all(*sides), measure_all(*turned)
    for name, value in before.items():
        assert after[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12, abs=1e-12))


@settings(max_examples=25)
@given(sides=pairs)
def test_all_but_bursts_are_symmetric(sides):
    for measure in (statistics, temporal):
        one, other = measure(*sides, 0), measure(*sides[::-1], 0)
        for name, value in one.items():
            assert other[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12, abs=1e-12))


def test_divergences_of_nothing_in_common_are_one_bit():
    found = statistics(packets([0, 1], [0, 0]), packets([0, 1], [9, 9]), 0)
    assert found["sa"] == found["da"] == found["sp"] == 1
    assert found["sa@ref"] == pytest.approx(sqrt(log(2)))
    assert found["pr"] == 0
    assert statistics(packets([0, 1], [0, 0]), packets([0, 1], [0, 1]), 0)["pr"] == pytest.approx(
        0.5 * log(4 / 3, 2) + 0.25 * log(2 / 3, 2) + 0.25
    )


def test_addresses_that_differ_in_one_half_alone_are_different():
    mapped = packets([0])
    assert statistics(mapped, replace(mapped, source=mapped.source + np.array([1, 0], np.uint64)), 0)["sa"] == 1


def test_distances_of_shifted_samples_are_the_shift():
    real = packets([0, 10, 30], [0, 0, 1], [40, 90, 60], ttl=64)
    synthetic = packets([0, 10, 30], [0, 0, 1], [47, 97, 67], ttl=60)
    found = statistics(real, synthetic, 0)
    assert (found["pl"], found["ttl"], found["npf"], found["nbf"]) == (7, 4, 0, 10.5)


def test_earth_movers_distance_of_samples_of_unequal_size():
    # CDFs differ by 1/2 from 0 to 1, and by 1/6 from 1 to 4.
    one, other = Sample.of(np.array([0, 0, 4, 4, 4, 4])), Sample.of(np.array([1, 4]))
    assert emd(one, other) == pytest.approx(1 / 3 + 3 / 6)


def test_log_distances_are_decades():
    us = 1000
    real, synthetic = packets([0, 9 * us, 18 * us]), packets([0, 99 * us, 198 * us])
    found = temporal(real, synthetic, 0)
    assert found["lfit"] == pytest.approx(1)
    assert found["lfd"] == pytest.approx(log10(199 / 19))
    assert (found["it"], found["fit"], found["fd"]) == (9e-5, 9e-5, 1.8e-4)


def test_throughput_of_the_reference_depends_on_when_a_flow_begins():
    second = 10**9
    real = packets([0, second, 2 * second], [0, 0, 1])
    late = packets([0, second, 2 * second], [1, 0, 0])
    found = temporal(real, late, 0)
    assert found["at"] == 0
    assert found["at@ref"] == pytest.approx(200 / 1 - (200 / 2 - 1))


def test_burstiness_of_one_step_and_of_all_steps():
    spread, point = packets(np.arange(STEPS + 1) * 1000), packets([0, 1, 2, 10**6], [0, 0, 0, 1])
    # The last two packets of the first trace share the last step.
    steady = sqrt(STEPS * (STEPS - 1 + 4) / (STEPS + 1) ** 2 - 1)
    assert temporal(spread, point, 0)["bu"] == pytest.approx(sqrt(STEPS - 1) - steady)


@given(times=st.lists(st.integers(0, 2**62), min_size=1, max_size=30), data=st.data())
def test_steps_follow_integer_arithmetic(times, data):
    span = max(times)
    edges = st.integers(0, STEPS).map(lambda step: step * span // STEPS)
    times = sorted([0, *times, *data.draw(st.lists(edges, max_size=30))])
    counts = StepCounts.of(packets(times, start=0))
    steps = [min(time * STEPS // span, STEPS - 1) if span else STEPS - 1 for time in times]
    assert np.repeat(counts.step, counts.count).tolist() == steps


STEP = np.arange(STEPS)


@pytest.mark.parametrize(
    ("series", "exponent"),
    [
        (STEP % 7, -0.05876200231429751),
        ((STEP % 50 < 5) * (STEP // 50 + 1), 0.6429256027481751),
        ((STEP == 398) * 2 + (STEP == 399), 0.11843188098681767),
        ((STEP == 3) | (STEP == 390), 0.4346505969541676),
        (STEP // 100 + 1, 0.9155885326244115),
        (1 + (STEP == 399), 0.4308529441208836),
        (STEP * 0 + 3, None),
        ((STEP == 5) * 9, None),
    ],
    ids=["saw", "bursts", "in the last steps", "two spikes", "trend", "one change", "constant", "one step"],
)
def test_hurst_exponents_are_those_of_nolds(series, exponent):
    # nolds 0.5.2, hurst_rs(series, fit="poly"). Another flow beside it changes nothing.
    table = np.array([STEP % 50 == 0, series, STEP % 50 == 0], np.int64)
    flow, step = np.nonzero(table)
    found = StepCounts(3, flow, step, table[flow, step]).hurst()
    alone = StepCounts(1, flow[flow == 0], step[flow == 0], table[0][step[flow == 0]]).hurst()
    expected = [alone[0], *([] if exponent is None else [exponent]), alone[0]]
    assert found == pytest.approx(np.array(expected), rel=0, abs=1e-12)


def test_hurst_exponents_of_many_flows_at_once(monkeypatch):
    trace = example_trace(3, flows=300)
    expected = StepCounts.of(trace).hurst()
    monkeypatch.setattr("ntgbench_trace_statistics.steps.FLOWS_AT_ONCE", 7)
    assert len(expected) > 70
    assert StepCounts.of(trace).hurst() == pytest.approx(expected, rel=0, abs=1e-15)


def of_load(carried, interval_ns, start=START):
    """A trace that carries these bytes in intervals of that length, a packet in the middle of each that has any."""
    carried = np.array(carried)
    rows = np.flatnonzero(carried)
    return packets(rows * interval_ns, lengths=carried[rows], start=start)


def test_bursts_of_a_load_made_by_hand():
    quiet = [0] * 993
    real = of_load([900, 1000, 100, 0, 600, 500, 300, *quiet, 100], us := 1000)
    synthetic = of_load([800, 0, 700, 700, 400, 0, 0, *quiet, 100], us)
    found = bursts(real, synthetic, 0)
    # Runs above half of the maximum: 2 and 1 intervals, with 2 between, against 1 and 2, with 1 between.
    assert (found["bd"], found["tb"]) == (0, 1)
    assert found["bps"] == pytest.approx((abs(600 - 800) + abs(1900 - 1400)) / 2)
    # 100 and 900 bytes outside bursts, against 500 alone: nothing was sent between the two bursts.
    assert found["nps"] == pytest.approx((abs(100 - 500) + abs(900 - 500)) / 2)
    one = sorted([0.9, 1, 0.1, 0.6, 0.5, 0.3, 0.1, 0])
    other = sorted([1, 0.875, 0.875, 0.5, 0.125, 0, 0, 0])
    assert found["nu"] == pytest.approx(sum(abs(p - q) for p, q in zip(one, other, strict=True)) / 1001)


def test_the_grid_of_the_reference_begins_at_midnight():
    ms = 10**6
    # Pairs of packets half a millisecond apart: on one side of an edge or of both, as the trace begins.
    times = [1000 * ms * k + shift for k in range(11) for shift in (0, 6 * ms)]
    one, other = (packets(times[:-1], start=19_000 * DAY + shift) for shift in (0, 5 * ms))
    found = bursts(one, other, 0)
    assert {found[name] for name in ("bd", "tb", "nu", "bps", "nps")} == {0}
    assert found["nu@ref"] > 0


def test_a_long_synthetic_trace_costs_no_memory():
    moment, years = packets([0, 0]), packets([0, 3 * 10**17])
    found = bursts(moment, years, 0)
    assert found["tb"] == pytest.approx(3e14 - 1)
    assert found["nu"] == pytest.approx(1, abs=1e-9)


def test_what_neither_trace_has_is_a_text_and_what_one_has_is_a_number():
    single, pair = packets([0]), packets([0, 10**9])
    none = measure_all(single, single)
    assert {name for name, value in none.items() if isinstance(value, str)} == {"it", "fit", "lfit", "at", "ld"}
    assert {value for value in none.values() if not isinstance(value, str)} == {0, 1}  # nps@ref
    for sides in ((single, pair), (pair, single)):
        found = measure_all(*sides)
        assert (found["it"], found["fit"], found["at"]) == (1, 1, 200)
        assert found["lfit"] == pytest.approx(log10(10**6 + 1))
        assert found["ld"] == pytest.approx(abs(StepCounts.of(pair).hurst()[0] - 0.5))


def test_one_metric_ranks_where_any_can():
    assert {spec.suite: spec.name for spec in SPECS.values() if spec.primary} == {"temporal": "lfit", "bursts": "nu"}


@pytest.mark.parametrize("name", SPECS)
def test_keeps_the_contract(name):
    for check in metric_checks(name):
        check()
