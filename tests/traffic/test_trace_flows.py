"""Flows of a trace, against a dictionary of 5-tuples."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_traces import traces

from ntgbench.traffic.trace import PacketTrace
from ntgbench.traffic.trace_flows import codes


def plain_flows(trace: PacketTrace) -> list[list[int]]:
    """Rows of each flow in the order of time, flows in the order of their first packets."""
    found: dict[tuple, list[int]] = {}
    for row in sorted(range(len(trace)), key=lambda row: (trace.time_ns[row], row)):
        ends = (*trace.source[row].tolist(), *trace.destination[row].tolist())
        key = (*ends, int(trace.source_port[row]), int(trace.destination_port[row]), int(trace.protocol[row]))
        found.setdefault(key, []).append(row)
    return list(found.values())


@given(traces(ordered=False))
@settings(max_examples=30)
def test_packets_are_grouped_as_by_a_dictionary(trace: PacketTrace):
    flows, plain = trace.flows, plain_flows(trace)
    assert len(flows) == len(plain)
    assert flows.order.tolist() == [row for rows in plain for row in rows]
    assert flows.count.tolist() == [len(rows) for rows in plain]
    assert flows.heads().tolist() == [rows[0] for rows in plain]
    assert flows.order[flows.last].tolist() == [rows[-1] for rows in plain]
    for number, rows in enumerate(plain):
        assert (flows.number[rows] == number).all()
    assert flows.sums(trace.ip_length.astype(np.int64)).tolist() == [sum(trace.ip_length[r].tolist()) for r in plain]
    gaps, flow = flows.gaps_ns(trace.time_ns)
    wanted = [(gap, i) for i, rows in enumerate(plain) for gap in np.diff(trace.time_ns[rows]).tolist()]
    assert list(zip(gaps.tolist(), flow.tolist(), strict=True)) == wanted


def test_no_packet_makes_no_flow():
    trace = PacketTrace.of(
        **{name: [] for name in ("time_ns", "source_port", "destination_port", "protocol", "ip_length", "ttl")},
        source=np.zeros((0, 2), np.uint64),
        destination=np.zeros((0, 2), np.uint64),
    )
    assert len(trace.flows) == 0
    assert trace.flows.gaps_ns(trace.time_ns)[0].tolist() == []
    assert trace.flows.sums(trace.ip_length).tolist() == []


@given(st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2)] * 3)))
def test_codes_are_equal_for_equal_rows_alone(rows: list[tuple[int, ...]]):
    code = codes(*np.array(rows, np.int64).reshape(-1, 3).T).tolist()
    assert len(set(zip(code, rows, strict=True))) == len(set(code)) == len(set(rows))
    assert set(code) == set(range(len(set(rows))))
