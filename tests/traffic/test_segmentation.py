"""Segmentation: which packets make a biflow, and which way they go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.errors import TrafficError
from ntgbench.traffic import segmentation as module
from ntgbench.traffic.notes import counted
from ntgbench.traffic.segmentation import flow_table, segment
from ntgbench.traffic.trace import ACK, FIN, PSH, RST, SYN, TCP, UDP, PacketTrace, ipv4_address

CLIENT, SERVER, OTHER = (1, 40_000), (2, 443), (3, 443)
DATA = ACK | PSH


def trace(*packets: tuple[Any, ...]) -> PacketTrace:
    """Packets as (seconds, (host, port) from, (host, port) to, flags, payload, sequence, acknowledgement).

    Flags of -1 are UDP; the numbers may be left out.
    """
    times, senders, receivers, flags, payloads, *_ = zip(*((*packet, 0, 0)[:7] for packet in packets), strict=True)
    numbers = np.array([(*packet, 0, 0)[5:7] for packet in packets], np.int64) % 2**32
    source, destination = np.array(senders), np.array(receivers)
    flag = np.array(flags)
    header = np.where(flag < 0, 28, 40)
    return PacketTrace(
        time_ns=np.rint(np.array(times) * 1e9).astype(np.int64),
        source=ipv4_address(source[:, 0].astype(np.uint32)),
        destination=ipv4_address(destination[:, 0].astype(np.uint32)),
        source_port=source[:, 1].astype(np.uint16),
        destination_port=destination[:, 1].astype(np.uint16),
        protocol=np.where(flag < 0, UDP, TCP).astype(np.uint8),
        ip_length=(header + np.array(payloads)).astype(np.int32),
        payload_length=np.array(payloads, np.int32),
        ttl=np.full(len(packets), 64, np.uint8),
        tcp_flags=np.maximum(flag, 0).astype(np.uint8),
        tcp_sequence=numbers[:, 0].astype(np.uint32),
        tcp_acknowledgement=numbers[:, 1].astype(np.uint32),
    )


def up(time: float, payload: int = 0, flags: int = DATA, sequence: int = 0, acknowledges: int = 0) -> tuple[Any, ...]:
    return time, CLIENT, SERVER, flags, payload, sequence, acknowledges


def down(time: float, payload: int = 0, flags: int = DATA, sequence: int = 0, acknowledges: int = 0) -> tuple[Any, ...]:
    return time, SERVER, CLIENT, flags, payload, sequence, acknowledges


def opened(client: int, server: int, start: float = 0) -> list[tuple[Any, ...]]:
    """A connection with these initial sequence numbers: handshake, 100 bytes up, 200 down, 300 up."""
    return [
        up(start, flags=SYN, sequence=client),
        down(start + 1, 0, SYN | ACK, server, client + 1),
        up(start + 2, 0, ACK, client + 1, server + 1),
        up(start + 3, 100, DATA, client + 1, server + 1),
        down(start + 4, 200, DATA, server + 1, client + 101),
        up(start + 5, 300, DATA, client + 101, server + 201),
    ]


def in_this_order(packets: list[tuple[Any, ...]]) -> PacketTrace:
    """The packets, a second apart."""
    return trace(*((second, *packet[1:]) for second, packet in enumerate(packets)))


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


A, B = opened(1000, 90_000), opened(700_000, 5_555)
CLOSE = [up(0, 0, FIN | ACK, 1401, 90_201), down(0, 0, FIN | ACK, 90_201, 1402), up(0, 0, ACK, 1402, 90_202)]
REVERSED = [down(0, flags=SYN, sequence=7), up(0, 0, SYN | ACK, 9, 8), down(0, 50, DATA, 8, 10)]
LOW, HIGH = opened(2**32 - 1, 2**32 - 10), opened(2**32 - 50, 2**32 - 10)

ONE = [
    ("in order", A),
    ("syn sent again at once", [A[0], A[0], *A[1:]]),
    ("syn sent again after data", [*A[:4], A[0], *A[4:]]),
    ("syn captured again at the end", [*A, A[0]]),
    ("all captured twice", [packet for packet in A for _ in range(2)]),
    ("captured twice, the copy later", [*A, *A]),
    ("syn after syn-ack", [A[1], A[0], *A[2:]]),
    ("syn after syn-ack and ack", [A[1], A[2], A[0], *A[3:]]),
    ("syn between ack and syn-ack", [A[2], A[0], A[1], *A[3:]]),
    ("syn after data", [*A[1:4], A[0], *A[4:]]),
    ("syn last", [*A[1:], A[0]]),
    ("syn after data, no syn-ack", [*A[3:5], A[0], A[5]]),
    ("syn after data of the server", [A[4], A[0], A[5]]),
    ("syn after data, only the client", [A[3], A[0], A[5]]),
    ("syn-ack after data", [A[0], *A[2:5], A[1], A[5]]),
    ("syn-ack captured again", [*A, A[1]]),
    ("another answer to the same syn", [A[0], down(0, 0, SYN | ACK, 777, 1001), *A[1:]]),
    ("refused, the same syn again", [A[0], down(0, 0, RST | ACK, 0, 1001), *A]),
    ("closed, the same syn again", [*A, *CLOSE, A[0]]),
    ("numbers begin again at 0", HIGH),
    ("numbers begin again at 0, syn late", [LOW[1], LOW[3], LOW[0], *LOW[4:]]),
    ("numbers begin again at 0, syn again", [*HIGH, HIGH[0]]),
    ("data in the syn, acknowledged", [up(0, 100, SYN, 1000), down(0, 0, SYN | ACK, 90_000, 1101), *A[4:]]),
    ("data in the syn, refused", [up(0, 100, SYN, 1000), down(0, 0, SYN | ACK, 90_000, 1001), *A[3:]]),
    ("data in the syn, late", [down(0, 0, SYN | ACK, 90_000, 1101), up(0, 100, SYN, 1000), *A[4:]]),
    ("data in the syn, sent again", [up(0, 100, SYN, 1000), up(0, 0, SYN, 1000), *A[1:]]),
    (
        "both open at once",
        [A[0], down(0, 0, SYN, 90_000), up(0, 0, SYN | ACK, 1000, 90_001), down(0, 0, SYN | ACK, 90_000, 1001), *A[3:]],
    ),
    ("without a syn", A[3:]),
    ("only a syn-ack, late", [up(0), up(1, flags=FIN | ACK), down(2, flags=SYN | ACK)]),
    ("no numbers at all", [(*packet[:5], 0, 0) for packet in A]),
    ("stragglers after fin", [*A, *CLOSE, A[4], up(0, 0, RST, 1402)]),
]


@pytest.mark.parametrize("packets", [row[1] for row in ONE], ids=[row[0] for row in ONE])
def test_one_connection_is_one_biflow(packets):
    found = segment(in_this_order(packets))
    assert found.flow.tolist() == [0] * len(packets)
    if packets[0][3] & SYN or any(packet[3] & (SYN | ACK) == SYN for packet in packets):
        assert found.upstream.tolist() == [packet[1] == CLIENT for packet in packets]


TWO = [
    ("the first goes on to the end", A, B),
    ("after a close", [*A, *CLOSE], B),
    ("after a refusal", [A[0], down(0, 0, RST | ACK, 0, 1001)], B),
    ("another syn at once", [A[0]], B),
    ("initial number right above", A, opened(1402, 5_555)),
    ("initial number close above", A, opened(65_400, 5_555)),
    ("initial number close below", A, opened(900, 5_555)),
    ("initial number of the server below", A, opened(700_000, 89_000)),
    ("the first without a syn", A[3:], B),
    ("the first without a syn, after a close", [*A[4:], *CLOSE], B),
    ("the other way", A, REVERSED),
    ("second syn after its syn-ack", A, [B[1], B[0], *B[2:]]),
    ("second syn after its data", A, [*B[1:4], B[0], *B[4:]]),
    ("second data before its syn", A, [B[3], B[0], B[1], *B[4:]]),
    ("second syn twice", A, [*B[:4], B[0], *B[4:]]),
    ("first syn again in the second", A, [*B[:4], A[0], *B[4:]]),
    ("second without a syn", A, B[1:]),
    ("only the server", [A[1], A[4]], [B[1], B[4]]),
    ("only the client", [A[0], *A[2:4], A[5]], [B[0], *B[2:4], B[5]]),
    ("numbers begin again at 0", A, HIGH),
]


@pytest.mark.parametrize(("first", "second"), [row[1:] for row in TWO], ids=[row[0] for row in TWO])
def test_another_connection_on_the_same_ports_is_another_biflow(first, second):
    assert segment(in_this_order([*first, *second])).flow.tolist() == [0] * len(first) + [1] * len(second)


@st.composite
def connections(draw: st.DrawFn) -> list[list[tuple[Any, ...]]]:
    """Connections one after the other on one 5-tuple, with packets repeated, and a SYN that may come late."""
    client, made = draw(st.integers(0, 2**32 - 1)), []
    for _ in range(draw(st.integers(1, 5))):
        packets = opened(client, draw(st.integers(0, 2**32 - 1)))
        late = draw(st.integers(0, 5))
        packets = [*packets[1 : late + 1], packets[0], *packets[late + 1 :]]
        for _ in range(draw(st.integers(0, 3))):
            copied = draw(st.integers(0, len(packets) - 1))
            packets.insert(draw(st.integers(copied + 1, len(packets))), packets[copied])
        made.append(packets)
        client += 401 + draw(st.sampled_from([0, 1, 64_000, 2**20, 2**24, 2**31]))
    return made


@given(connections())
def test_connections_are_told_apart_however_their_packets_come(made):
    found = segment(in_this_order([packet for packets in made for packet in packets]))
    assert found.flow.tolist() == [number for number, packets in enumerate(made) for _ in packets]
    assert found.upstream.tolist() == [packet[1] == CLIENT for packets in made for packet in packets]


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
        opens = flow and flags & (SYN | ACK | RST) == SYN and all(before & RST for before in flow["flags"])
        if not flow or opens or time - flow["last"] > idle * 1e9 or time - flow["first"] > active * 1e9:
            flow = current[key] = {"first": time, "client": None, "sender": sender, "number": len(flows), "flags": []}
            flows.append(flow)
        flow["last"] = time
        flow["flags"].append(flags)
        if flags & (SYN | RST) == SYN and flow["client"] is None:
            flow["client"] = receiver if flags & ACK else sender
        of.append((flow["number"], sender))
    client = [flow["client"] or flow["sender"] for flow in flows]
    return [number for number, _ in of], [sender == client[number] for number, sender in of]


PACKET = st.tuples(
    st.integers(0, 40),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.sampled_from([-1, 0, SYN, SYN | ACK, ACK, DATA, FIN | ACK, RST]),
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
    assert counted(changes) == ("left out 3 packets without payload", "left out 1 flow that carries no payload")
    assert flow_table(made, segment(made), "all")[0].classes == ("all",)


def test_flow_table_needs_a_class_for_each_biflow():
    made = trace(up(0, 1), down(1, 1))
    with pytest.raises(TrafficError, match="2 classes for 1 biflow"):
        flow_table(made, segment(made), ["a", "b"])
