"""Segmentation of a stream: any cut of a trace into pieces gives the biflows of the whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_traces import CLIENT, DATA, SERVER, down, trace, up

from ntgbench.traffic import handshakes, open_flows
from ntgbench.traffic.flow_buckets import FlowBuckets
from ntgbench.traffic.open_flows import EndedFlows, OpenFlows
from ntgbench.traffic.segmentation import segment
from ntgbench.traffic.trace import ACK, COLUMN_KINDS, FIN, RST, SYN, PacketTrace
from ntgbench.traffic.transport import KINDS, Transport


def in_pieces(made: PacketTrace, cuts: list[int], *options: float, packets: int | None = None, bucket: int = 3):
    """The biflows of a trace that is cut before these packets, in order."""
    found, most = OpenFlows(*options, packets), 0
    bounds = [0, *sorted(min(cut, len(made)) for cut in cuts), len(made)]
    with FlowBuckets(size=bucket) as buckets:
        for begin, end in pairwise(bounds):
            columns = {name: getattr(made, name)[begin:end] for name in COLUMN_KINDS}
            buckets.add(found.add(columns))
            most = max(most, found.carried)
        buckets.add(found.add({name: getattr(made, name)[:0] for name in COLUMN_KINDS}, last=True))
        parts = list(buckets.ordered())
    names = ("first", "counts", "signed_pl", "iat")
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return EndedFlows(*joined, Transport.concat([part.transport for part in parts])), most


def whole(made: PacketTrace, *options: float, packets: int | None = None) -> list[tuple]:
    """First packet, signed lengths, times and transport of each biflow, by `segment`."""
    found = segment(made, *options)
    rows = []
    for begin, end in zip(found.offsets[:-1], found.offsets[1:], strict=True):
        flow = found.order[begin:end]
        kept = flow[made.payload_length[flow] > 0][:packets]
        signed = np.where(found.upstream[kept], 1, -1) * made.payload_length[kept]
        iat = np.diff(made.time_ns[kept], prepend=made.time_ns[kept[:1]]) / 1e9
        port = made.destination_port if found.upstream[flow[0]] else made.source_port
        transport = (int(made.protocol[flow[0]]), int(port[flow[0]]), int(made.time_ns[flow[0]]))
        rows.append((int(flow[0]), signed.tolist(), iat.astype(np.float32).tolist(), *transport))
    return rows


def as_rows(flows: EndedFlows) -> list[tuple]:
    ends = np.cumsum(flows.counts)
    transport = (getattr(flows.transport, name).tolist() for name in KINDS)
    pieces = zip(flows.first.tolist(), (ends - flows.counts).tolist(), ends.tolist(), *transport, strict=True)
    return [(first, flows.signed_pl[a:b].tolist(), flows.iat[a:b].tolist(), *of) for first, a, b, *of in pieces]


NUMBER = st.sampled_from([0, 1, 2, 100, 101, 5000, 5001, 70_000, 2**31, 2**32 - 1])
PACKET = st.tuples(
    st.sampled_from([0, 0, 1, 4, 11]),
    st.booleans(),
    st.sampled_from([443, 443, 443, 80]),
    st.sampled_from([-1, SYN, SYN, SYN | ACK, SYN | ACK, ACK, DATA, DATA, DATA, FIN | ACK, RST]),
    st.sampled_from([0, 0, 1, 7]),
    NUMBER,
    NUMBER,
)


@settings(max_examples=200)
@given(
    st.lists(PACKET, min_size=1, max_size=80),
    st.lists(st.integers(1, 80), max_size=12),
    st.sampled_from([3, 10, 1000]),
    st.sampled_from([5, 15, 1000]),
    st.sampled_from([1, 3, None]),
)
def test_a_trace_in_pieces_gives_the_biflows_of_the_whole(packets, cuts, idle, active, most):
    times = np.cumsum([packet[0] for packet in packets]).tolist()
    ends = [(CLIENT, (2, port)) if to_server else ((2, port), CLIENT) for _, to_server, port, *_ in packets]
    rows = [
        (time, *pair, flags, payload, *((0, 0) if flags < 0 else numbers))
        for time, pair, (_, _, _, flags, payload, *numbers) in zip(times, ends, packets, strict=True)
    ]
    made = trace(*rows)
    with pytest.MonkeyPatch.context() as patch:
        # As short as that, packets are taken out of runs, and connections go on from what was noted of them.
        patch.setattr(handshakes, "LOOK_BACK", 2)
        patch.setattr(open_flows, "LOOK_BACK", 2)
        found, _ = in_pieces(made, cuts, idle, active, packets=most)
        assert as_rows(found) == whole(made, idle, active, packets=most)


def test_a_long_biflow_takes_no_more_memory_than_a_short_one():
    count = 20_000
    columns = trace(*(up(i / 10, 5) if i % 3 else down(i / 10, 9) for i in range(count)))
    found, most = in_pieces(columns, list(range(100, count, 100)), 120, 300, packets=10)
    assert most < 300
    assert as_rows(found) == whole(columns, 120, 300, packets=10)


def test_ports_that_are_used_again_and_again_take_no_more_memory():
    packets = []
    for connection in range(300):
        begin, number = connection * 10, connection * 1_000_003
        packets += [
            up(begin, 0, SYN, number),
            down(begin + 1, 0, SYN | ACK, 7 * number, number + 1),
            *(up(begin + 2 + i / 20, 100, DATA, number + 1 + 100 * i, 7 * number + 1) for i in range(20)),
        ]
    made = trace(*packets)
    found, most = in_pieces(made, list(range(50, len(made), 50)), 120, 1800, packets=3)
    assert len(found.first) == 300
    assert most < 300
    assert as_rows(found) == whole(made, 120, 1800, packets=3)


def test_biflows_end_as_soon_as_nothing_can_follow():
    made = trace(up(0, 5), (1, (9, 9), SERVER, DATA, 7), up(121.5, 5))
    found = OpenFlows(120, 1800)
    ended = found.add({name: getattr(made, name) for name in COLUMN_KINDS})
    # The first has ended at 120 s, before its own next packet; the other one, 120.5 s ago.
    assert sorted(ended.first.tolist()) == [0, 1]
    assert found.carried == 1
