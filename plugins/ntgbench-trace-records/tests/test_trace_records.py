import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import made_traces
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_trace_records import ntgbench_metrics
from ntgbench_trace_records.copies import records, timelines
from ntgbench_trace_records.sequences import flow_copies
from ntgbench_trace_records.sketches import sketches
from ntgbench_trace_records.validity import valid_packets, validity
from ntgbench_trace_records.wireshark import tshark

from ntgbench.scores import score
from ntgbench.testing import metric_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import ACK, DO_NOT_FRAGMENT, FIN, RST, SYN, TCP, UDP, PacketTrace

_spec = importlib.util.spec_from_file_location("plain_records", Path(__file__).with_name("plain_records.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

EXAMPLE = example_trace()
SPECS = {spec.name: spec for spec in ntgbench_metrics()}
MS = 1_000_000

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def packets(*rows, ttl=64, protocol=UDP):
    """Packets as (ns, flow, length); flows differ by their source and its port."""
    time, flow, length = np.array(rows).T
    fill = np.zeros(len(rows), np.int64)
    return PacketTrace.of(
        time_ns=time, source=flow // 3 + 1, destination=fill + 2, source_port=flow + 1, destination_port=fill + 53,
        protocol=fill + protocol, ip_length=length, ttl=fill + ttl,
    )  # fmt: skip


# Few values, so that flows and gaps recur; some gaps differ by about 1%.
row = st.tuples(st.sampled_from([0, 1, 100 * MS, 100 * MS + 990, 101 * MS, 102 * MS, 10**10]), st.integers(0, 5),
                st.sampled_from([40, 60]))  # fmt: skip


@st.composite
def traces(draw):
    time, flow, length = np.array(draw(st.lists(row, min_size=3, max_size=40))).T
    flow[:3] = 0
    return packets(*np.stack([np.cumsum(time), flow, length], axis=1))


@settings(deadline=None)
@given(traces(), traces(), st.integers(0, 3))
def test_copies_agree_with_plain_python(real, synthetic, seed):
    for ours, theirs in ((records, plain.records), (timelines, plain.timelines), (flow_copies, plain.flow_copies)):
        assert ours(real, synthetic, seed) == pytest.approx(theirs(real, synthetic, seed))


@settings(max_examples=15, deadline=None)
@given(traces(), traces(), st.integers(0, 3))
def test_sketches_agree_with_plain_python(real, synthetic, seed):
    assert sketches(real, synthetic, seed) == pytest.approx(plain.sketches(real, synthetic, seed))


def hand_made():
    """The pair of 12 packets whose known diversity is 1/3."""
    a, b, c, d = (1, 2, 1000, 80, TCP), (2, 1, 80, 1000, TCP), (3, 4, 5353, 53, UDP), (5, 6, 2000, 443, TCP)
    real = [(0, a, 100, 64), (10, b, 1500, 50), (20, a, 40, 64), (1000, c, 80, 128), (1500, c, 80, 128),
            (2000, a, 40, 64), (2010, b, 1500, 50), (2020, b, 1500, 50), (5000, d, 60, 33), (6000, a, 40, 64),
            (8000, b, 40, 50), (10000, a, 40, 64)]  # fmt: skip
    synthetic = [(0, a, 100, 64), (10, b, 1400, 50), (30, a, 40, 64), (1000, c, 80, 128), (1600, d, 90, 33),
                 (2000, a, 40, 64), (2010, b, 1500, 51), (2040, a, 1500, 64), (5500, d, 60, 33), (6000, a, 40, 64),
                 (9000, b, 40, 50), (10000, b, 40, 50)]  # fmt: skip
    names = ("source", "destination", "source_port", "destination_port", "protocol")
    for rows in (real, synthetic):
        time, flow, length, ttl = zip(*rows, strict=True)
        ends = dict(zip(names, np.array(flow).T, strict=True))
        yield PacketTrace.of(time_ns=np.array(time) * MS, ip_length=np.array(length), ttl=np.array(ttl), **ends)


def test_diversity_of_the_hand_made_pair_is_known():
    assert records(*hand_made(), 1) == {"diversity": 1 / 3}


def test_a_shifted_copy_is_a_copy():
    shifted = replace(EXAMPLE, time_ns=EXAMPLE.time_ns + 3600 * 10**9)
    assert flow_copies(EXAMPLE, shifted, 1) == {"flow_copies": 1.0}
    assert records(EXAMPLE, shifted, 1) == {"diversity": 0.0}
    assert timelines(EXAMPLE, EXAMPLE, 1)["timeline_copies"] == 1
    assert timelines(EXAMPLE, shifted, 1)["timeline_copies"] == 0


def bootstrap(trace, jitter, rng):
    """Whole flows drawn with replacement, at new starts, under new ports, their gaps changed by up to `jitter`."""
    flows = trace.flows
    drawn = rng.integers(0, len(flows), len(flows))
    rows = np.concatenate([flows.order[flows.first[one] :][: flows.count[one]] for one in drawn])
    flow = np.repeat(np.arange(len(drawn)), flows.count[drawn])
    first = np.cumsum(flows.count[drawn]) - flows.count[drawn]
    gap = np.diff(trace.time_ns[rows], prepend=0) * (1 + jitter * rng.uniform(-1, 1, len(rows)))
    gap[first] = 0
    after = np.cumsum(gap)
    time = after - after[first][flow] + rng.integers(0, trace.span_ns, len(drawn))[flow]
    made = replace(trace.select(rows), time_ns=time.astype(np.int64), source_port=(flow + 1).astype(np.uint16))
    return made.sorted_by_time()


@pytest.mark.parametrize("jitter", [0, 0.0099])
def test_flow_copies_catch_a_flow_bootstrap_and_nothing_else_does(jitter):
    made = bootstrap(EXAMPLE, jitter, np.random.default_rng(4))
    assert flow_copies(EXAMPLE, made, 1) == {"flow_copies": 1.0}
    assert records(EXAMPLE, made, 1)["diversity"] > 0.95
    assert timelines(EXAMPLE, made, 1)["timeline_copies"] < 0.05


@pytest.mark.parametrize(
    "made",
    [
        bootstrap(EXAMPLE, 0.3, np.random.default_rng(4)),
        example_trace(2),
        replace(EXAMPLE, ip_length=EXAMPLE.ip_length + 1),
    ],
    ids=["gaps changed by 30%", "other traffic", "other sizes"],
)  # fmt: skip
def test_flows_with_other_gaps_or_sizes_are_no_copies(made):
    assert flow_copies(EXAMPLE, made, 1)["flow_copies"] < 0.1


def test_a_copy_is_found_among_flows_with_nearly_the_same_gaps():
    # Gaps of 20 ms, one of which is 2% longer: all means of gaps of all flows are within 1%.
    rng = np.random.default_rng(2)
    gap = np.full((60, 40), 20 * MS)
    gap[np.arange(60), rng.integers(1, 40, 60)] += 400_000
    rows = [(time, flow, 60) for flow, times in enumerate(np.cumsum(gap, axis=1)) for time in times]
    real = packets(*rows)
    assert flow_copies(real, real, 1)["flow_copies"] == 1
    assert flow_copies(real, real, 1) == plain.flow_copies(real, real, 1)


def test_timelines_are_told_from_chance():
    rng = np.random.default_rng(3)
    start = rng.integers(0, 10**12, 500)
    rows = [(time, flow, 60) for flow, time in enumerate(start)] + [
        (time + 10**8, flow, 60) for flow, time in enumerate(start)
    ]
    real = packets(*rows).sorted_by_time()
    rounded = replace(real, time_ns=real.time_ns // 1000 * 1000)
    assert timelines(real, rounded, 1) == {"timeline_copies": 1.0, "timeline_copies@chance": pytest.approx(0, abs=0.01)}
    late = replace(real, time_ns=real.time_ns + 10**6)
    assert timelines(real, late, 1)["timeline_copies"] < 0.01
    longer = replace(real, time_ns=np.where(np.isin(real.time_ns, start), real.time_ns, real.time_ns + 10**6))
    assert timelines(real, longer, 1)["timeline_copies"] < 0.01


def test_sketches_do_not_depend_on_addresses():
    renamed = replace(EXAMPLE, source=EXAMPLE.destination, destination=EXAMPLE.source)
    renamed = replace(renamed, source_port=EXAMPLE.destination_port, destination_port=EXAMPLE.source_port)
    flows = {name: value for name, value in sketches(EXAMPLE, renamed, 1).items() if name.endswith("_flows")}
    assert flows == {"hh_flows": 0.0, "cms_flows": 0.0, "cs_flows": 0.0}
    same = sketches(EXAMPLE, EXAMPLE, 1)
    assert same.pop("sketch_ranking") == pytest.approx(1)
    assert same == dict.fromkeys(same, 0.0)


def test_a_single_heavy_flow_is_missed():
    real = packets(*[(i, 0, 60) for i in range(90)], *[(i, i, 60) for i in range(1, 11)])
    even = packets(*[(i, i % 11, 60) for i in range(110)])
    # The largest flow has 90% of the packets in place of 1/11; the ten largest have 99% of them.
    assert sketches(real, even, 1)["hh_flows"] == pytest.approx((0.9 - 1 / 11 + 9 * (1 / 11 - 0.01)) / 0.99)


GOOD = made_traces.trace(made_traces.up(0), made_traces.down(1, 100), made_traces.up(2, flags=-1))


@pytest.mark.parametrize(
    "change",
    [
        {"ttl": 0}, {"destination_port": 0}, {"ip_length": 39}, {"ip_length": 65_536}, {"tcp_flags": SYN | FIN | ACK},
        {"tcp_flags": 0}, {"ip_flags": 4}, {"ip_flags": DO_NOT_FRAGMENT | 1}, {"fragment_offset": 8191},
        {"source": (0, 0xFFFF_E000_0001)}, {"destination": (0, 0xFFFF_FFFF_FFFF)},
        {"destination": (0, 0xFFFF_0000_0000)},
    ],
    ids=str,
)  # fmt: skip
def test_packets_that_cannot_exist_are_found(change):
    ((name, value),) = change.items()
    column = getattr(GOOD, name).copy()
    column[0] = value
    assert valid_packets(GOOD).all()
    assert valid_packets(replace(GOOD, **{name: column})).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("flags", "valid"),
    [
        ((SYN, ACK, FIN | ACK), True), ((ACK, ACK), True), ((SYN, SYN, ACK), True), ((RST,), True),
        ((SYN, ACK, FIN | ACK, SYN, SYN, ACK), True), ((SYN, ACK, RST, SYN), True), ((SYN | ACK, ACK), True),
        ((SYN, ACK, SYN), False), ((ACK, SYN), False), ((SYN, ACK, FIN | ACK, ACK, SYN), False), ((FIN,), False),
        ((SYN | RST, ACK), False),
    ],
)  # fmt: skip
def test_a_syn_comes_first(flags, valid):
    trace = made_traces.trace(*(made_traces.up(i, flags=flag) for i, flag in enumerate(flags)), made_traces.down(9))
    assert validity(trace, trace, 1)["valid_tcp_flows"] == (1.0 if valid else 0.5)


@needs_tshark
def test_tshark_reads_what_is_written():
    assert tshark(EXAMPLE, EXAMPLE, 1) == {"tshark_packets": 1.0}
    # One byte is left for the headers.
    assert "cannot be written" in tshark(EXAMPLE, replace(GOOD, ip_length=GOOD.payload_length + 1), 1)["tshark_packets"]


def test_without_tshark_there_is_a_reason(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert tshark(EXAMPLE, EXAMPLE, 1) == {"tshark_packets": "tshark is not installed"}


def test_what_is_undefined_has_a_reason():
    one = packets((0, 0, 60))
    usual = packets(*[(i, 0, 60) for i in range(5)])
    for real, synthetic in ((one, usual), (usual, one), (one, one)):
        scores = score([spec for spec in SPECS.values() if spec.name != "tshark_packets"], real, synthetic, seed=1)
        assert scores["flow_copies"]["undefined"]
        assert all(value["value"] is not None or value.get("undefined") for value in scores.values())
    assert "no TCP flow" in validity(one, one, 1)["valid_tcp_flows"]
    tcp = packets((0, 0, 60), protocol=TCP)
    assert "no TCP flags" in validity(tcp, tcp, 1)["valid_tcp_flows"]


@pytest.mark.parametrize("name", [name for name in SPECS if name != "tshark_packets"])
def test_keeps_the_contract(name):
    for check in metric_checks(name):
        check()


@needs_tshark
def test_tshark_packets_keeps_the_contract():
    for check in metric_checks("tshark_packets"):
        check()
