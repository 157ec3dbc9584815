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
