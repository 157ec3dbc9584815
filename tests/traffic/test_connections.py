"""Connections of a trace, against a dictionary of pairs of ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from made_traces import traces

from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.connections import Connections

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

End = tuple[int, ...]


def plain_connections(trace: PacketTrace) -> list[list[tuple[int, End]]]:
    """Row and sender of each packet, connection by connection, one packet after the other."""
    found: dict[tuple[End, End, int], list[tuple[int, End]]] = {}
    for row in range(len(trace)):
        sender = (*trace.source[row].tolist(), int(trace.source_port[row]))
        receiver = (*trace.destination[row].tolist(), int(trace.destination_port[row]))
        key = (min(sender, receiver), max(sender, receiver), int(trace.protocol[row]))
        found.setdefault(key, []).append((row, sender))
    return list(found.values())


def check(trace: PacketTrace) -> None:
    found, plain = Connections.of(trace), plain_connections(trace)
    rows = [[row for row, _ in packets] for packets in plain]
    assert len(found) == len(plain)
    assert found.order.tolist() == [row for own in rows for row in own]
    assert found.count.tolist() == [len(own) for own in rows]
    assert found.first.tolist() == np.cumsum([0, *map(len, rows)])[:-1].tolist()
    assert found.number.tolist() == [number for number, own in enumerate(rows) for _ in own]
    assert found.back.tolist() == [int(sender != packets[0][1]) for packets in plain for _, sender in packets]
    gaps = [gap for own in rows for gap in [0, *np.diff(trace.time_ns[own]).tolist()]]
    assert found.inner_ns(trace.time_ns).tolist() == gaps
    starts = trace.time_ns[[own[0] for own in rows]]
    assert found.outer_ns(trace.time_ns).tolist() == [0, *np.diff(starts).tolist()]


@given(traces())
@settings(max_examples=30)
def test_packets_are_grouped_as_by_a_dictionary(trace: PacketTrace):
    check(trace)


def test_connections_with_packets_both_ways():
    trace = example_trace()
    assert Connections.of(trace).back.any()
    check(trace)
