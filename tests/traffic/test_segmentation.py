"""Segmentation: which packets make a biflow, and which way they go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_traces import CLIENT, DATA, OTHER, SERVER, down, trace, up

from ntgbench.errors import TrafficError
from ntgbench.traffic import segmentation as module
from ntgbench.traffic.notes import filled
from ntgbench.traffic.segmentation import flow_table, segment
from ntgbench.traffic.trace import ACK, FIN, RST, SYN, PacketTrace


def test_both_ways_are_one_biflow_and_the_first_sender_is_upstream():
    found = segment(trace(down(0), up(1), down(2)))
    assert found.flow.tolist() == [0, 0, 0]
    assert found.upstream.tolist() == [True, False, True]


@pytest.mark.parametrize(
    "packets",
    [
        [up(0, flags=SYN), down(1, flags=SYN | ACK), up(2)],
        [down(0), up(1), up(2, flags=SYN | ACK)],
        [down(0, flags=RST), up(1, flags=SYN), down(2, flags=SYN | ACK), up(3)],
    ],
    ids=["syn first", "only a syn-ack, late", "syn after a packet of before"],
)
def test_the_handshake_tells_upstream(packets):
    found = segment(trace(*packets))
    sent_by_client = np.array([packet[1] == CLIENT for packet in packets])
    handshake = [packet for packet in packets if packet[3] & SYN]
    client_is_up = (handshake[0][1] == CLIENT) == (not handshake[0][3] & ACK)
    last = found.flow == found.flow[-1]
    assert np.array_equal(found.upstream[last], (sent_by_client == client_is_up)[last])


def test_the_first_of_several_handshakes_counts():
    found = segment(trace(up(0, flags=SYN), down(1, flags=SYN), up(2)))  # both open at once
    assert (found.flow.tolist(), found.upstream.tolist()) == ([0, 0, 0], [True, False, True])


def test_five_tuples_are_told_apart():
    found = segment(
        trace(
            (0, CLIENT, SERVER, DATA, 1),
            (0, CLIENT, OTHER, DATA, 1),
            (0, (1, 40_001), SERVER, DATA, 1),
            (0, (1, 443), (2, 40_000), DATA, 1),  # ports the other way round
            (0, CLIENT, SERVER, -1, 1),
            (0, SERVER, CLIENT, DATA, 1),
        )
    )
    assert found.flow.tolist() == [0, 1, 2, 3, 4, 0]


def test_an_endpoint_that_talks_to_itself_is_one_biflow():
    found = segment(trace((0, CLIENT, CLIENT, -1, 1), (1, CLIENT, CLIENT, -1, 2)))
    assert (found.flow.tolist(), found.upstream.tolist()) == ([0, 0], [True, True])


def test_biflows_are_numbered_by_their_first_packet_and_ordered_by_capture():
    found = segment(trace((5, OTHER, CLIENT, DATA, 0), up(1), (4, CLIENT, OTHER, DATA, 0), down(0), up(0.5)))
    assert found.flow.tolist() == [0, 1, 0, 1, 1]
    assert (found.order.tolist(), found.offsets.tolist()) == ([0, 2, 1, 3, 4], [0, 2, 5])


def test_idle_timeout():
    assert segment(trace(up(0), down(120), up(240.001))).flow.tolist() == [0, 0, 1]
    assert segment(trace(up(0), down(120), up(240.001)), idle_timeout=100).flow.tolist() == [0, 1, 2]
    assert segment(trace(up(0), down(120), up(240.001)), np.inf, np.inf).flow.tolist() == [0, 0, 0]


def test_active_timeout():
    times = np.arange(0, 60.5, 0.5)
    found = segment(trace(*map(up, times)), active_timeout=10)
    # The packet that is late begins the next biflow, whose ten seconds count from it: one every 10.5 s.
    assert np.array_equal(found.flow, times // 10.5)


def test_active_timeout_where_time_goes_backwards():
    assert segment(trace(up(0), up(9), up(3), up(11), up(8), up(20), up(22)), 120, 10).flow.tolist() == [
        0,
        0,
        0,
        1,
        1,
        1,
        2,
    ]


def test_timeouts_are_positive():
    for timeouts in ((0, 1), (1, 0), (-1, 1), (np.nan, 1), (1, np.nan)):
        with pytest.raises(TrafficError, match="timeouts are positive seconds"):
            segment(trace(up(0)), *timeouts)


def test_colliding_hashes_change_nothing(monkeypatch):
    dice = np.random.default_rng(0)
    ends = [((int(a), 1), (int(b), 2)) for a, b in dice.integers(1, 6, (300, 2))]
    made = trace(*[(i, *(pair if i % 2 else pair[::-1]), DATA, 1) for i, pair in enumerate(ends)])
    expected = segment(made)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_MULTIPLIER", np.uint64(0))
        found = segment(made)
    assert np.array_equal(found.flow, expected.flow)
    assert np.array_equal(found.order, expected.order)
    assert np.array_equal(found.upstream, expected.upstream)


def plain(made: PacketTrace, idle: float, active: float) -> tuple[list[int], list[bool]]:
    """The same rules, one packet at a time, where all numbers are the same."""
    current: dict[Any, dict[str, Any]] = {}
    flows: list[dict[str, Any]] = []
    of: list[tuple[int, Any]] = []
    for i in range(len(made)):
        sender = (*made.source[i].tolist(), int(made.source_port[i]))
        receiver = (*made.destination[i].tolist(), int(made.destination_port[i]))
        key = (int(made.protocol[i]), *sorted([sender, receiver]))
        time, flags = int(made.time_ns[i]), int(made.tcp_flags[i])
        flow = current.get(key)
        if not flow or time - flow["last"] > idle * 1e9 or time - flow["first"] > active * 1e9:
            flow = current[key] = {"first": time, "client": None, "sender": sender, "number": len(flows)}
            flows.append(flow)
        flow["last"] = time
        if flags & SYN and flow["client"] is None:
            flow["client"] = receiver if flags & ACK else sender
        of.append((flow["number"], sender))
    client = [flow["client"] or flow["sender"] for flow in flows]
    return [number for number, _ in of], [sender == client[number] for number, sender in of]


PACKET = st.tuples(
    st.integers(0, 40),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.sampled_from([-1, 0, SYN, SYN | ACK, ACK, DATA, FIN | ACK]),
    st.integers(0, 3),
).filter(lambda packet: packet[1] != packet[2])


@given(st.lists(PACKET, min_size=1, max_size=60), st.sampled_from([3, 10, 1000]), st.sampled_from([5, 15, 1000]))
def test_is_what_one_packet_at_a_time_gives(packets, idle: int, active: int):
    made = trace(*((*packet, 0, 1) if packet[3] > 0 else packet for packet in packets))
    found = segment(made, idle, active)
    flow, upstream = plain(made, idle, active)
    assert found.flow.tolist() == flow
    assert found.upstream.tolist() == upstream
    assert np.array_equal(found.flow[found.order], np.repeat(np.arange(len(found)), np.diff(found.offsets)))


def test_flow_table_keeps_payload_in_order():
    made = trace(
        up(0, flags=SYN),
        (0.5, OTHER, CLIENT, -1, 0),  # a biflow without payload
        down(1, flags=SYN | ACK),
        up(2, 100),
        (2.5, CLIENT, OTHER, DATA, 7),
        down(3.5, 2000),
        up(3.75, 300),
    )
    flows, changes = flow_table(made, segment(made), ["web", "none", "other"], session="monday")
    assert flows.signed_pl.tolist() == [100, -2000, 300, 7]
    assert flows.offsets.tolist() == [0, 3, 4]
    assert [flows.classes[label] for label in flows.label] == ["web", "other"]
    assert flows.iat.tolist() == [0.0, 1.5, 0.25, 0.0]
    assert flows.session.tolist() == [0, 0]
    assert filled(changes) == ("left out 3 packets without payload", "left out 1 flow that carries no payload")
    assert flow_table(made, segment(made), "all")[0].classes == ("all",)


def test_flow_table_needs_a_class_for_each_biflow():
    made = trace(up(0, 1), down(1, 1))
    with pytest.raises(TrafficError, match="2 classes for 1 biflow"):
        flow_table(made, segment(made), ["a", "b"])
