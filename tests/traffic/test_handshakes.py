"""Handshakes: one connection is one biflow, however its packets come, and another connection is another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_traces import CLIENT, DATA, down, trace, up

from ntgbench.traffic.segmentation import segment
from ntgbench.traffic.trace import ACK, FIN, RST, SYN, PacketTrace


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
    ("a reset of before", [down(0, 0, RST)], B),
    ("resets of before, both ways", [down(0, 0, RST, 5), up(0, 0, RST | ACK, 9, 6)], B),
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
