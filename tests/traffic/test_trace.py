"""PacketTrace: the rules it checks, and its few methods."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from made_traces import traces

from ntgbench.errors import TrafficError
from ntgbench.traffic.trace import PacketTrace, ipv4_address


def trace(**columns) -> PacketTrace:
    """Three packets, a TCP, a UDP and an IPv6 one, with some columns changed."""
    source = np.array([[0, 0xFFFF_0A00_0001], [0, 0xFFFF_0A00_0002], [0x20010DB8 << 32, 1]], np.uint64)
    made = {
        "time_ns": np.array([1_600_000_000_123_456_789, 5, 6]),
        "source": source,
        "destination": source[[1, 0, 2]],
        "source_port": np.array([1, 2, 3], np.uint16),
        "destination_port": np.array([4, 5, 6], np.uint16),
        "protocol": np.array([6, 17, 6], np.uint8),
        "ip_length": np.array([40, 30, 80], np.int32),
        "payload_length": np.array([0, 2, 20], np.int32),
        "ttl": np.array([64, 64, 1], np.uint8),
        "tcp_flags": np.array([2, 0, 16], np.uint8),
        "tcp_sequence": np.array([2**32 - 1, 0, 7], np.uint32),
        "tcp_acknowledgement": np.array([0, 0, 8], np.uint32),
        "tos": np.array([0, 0x10, 0], np.uint8),
        "ip_id": np.array([7, 8, 0], np.uint16),
        "ip_flags": np.array([2, 0, 0], np.uint8),
        "fragment_offset": np.zeros(3, np.uint16),
    }
    return PacketTrace(**{**made, **columns})


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("protocol", np.array([6, 1, 6], np.uint8), "row 1: protocol is 6"),
        ("tcp_flags", np.array([2, 1, 0], np.uint8), "row 1: tcp_flags is 0 for UDP"),
        ("tcp_sequence", np.array([1, 2, 3], np.uint32), "row 1: tcp_sequence is 0 for UDP"),
        ("tcp_acknowledgement", np.array([0, 9, 0], np.uint32), "row 1: tcp_acknowledgement is 0 for UDP"),
        ("payload_length", np.array([0, 2, -1], np.int32), "row 2: payload_length is not negative"),
        ("payload_length", np.array([40, 2, 0], np.int32), "row 0: payload_length is less than ip_length"),
        ("ip_flags", np.array([2, 8, 0], np.uint8), "row 1: ip_flags has three bits"),
        ("fragment_offset", np.array([0, 0, 8192], np.uint16), "row 2: fragment_offset has thirteen bits"),
        ("ttl", np.array([1, 2, 3]), "ttl must be uint8"),
        ("source", np.zeros((3, 1), np.uint64), r"source must be uint64 with shape \(3, 2\)"),
        ("source_port", np.zeros(2, np.uint16), r"source_port must be uint16 with shape \(3,\)"),
    ],
)
def test_refuses_what_breaks_a_rule(column: str, value: np.ndarray, rule: str):
    with pytest.raises(TrafficError, match=rule):
        trace(**{column: value})


def test_tells_ipv4_by_the_mapped_address():
    assert trace().is_ipv4().tolist() == [True, True, False]
    assert ipv4_address(np.array([0x0A000001], np.uint32)).tolist() == [[0, 0xFFFF_0A00_0001]]


def test_selects_by_index_and_mask():
    assert trace().select([2, 0]).ip_length.tolist() == [80, 40]
    assert trace().select(np.array([False, True, False])).ip_length.tolist() == [30]
    assert len(trace().select([])) == 0


def test_is_closed_to_writing_and_to_its_makers():
    times = np.array([1, 2, 3])
    made = replace(trace(), time_ns=times)
    times[0] = 9
    assert made.time_ns[0] == 1
    for field in fields(made):
        assert not getattr(made, field.name).flags.writeable


def of(**columns) -> PacketTrace:
    """Three packets of the fewest columns, with some changed."""
    made = {
        "time_ns": [30, 10, 20],
        "source": [1, 2, 2**32 - 1],
        "destination": [2, 1, 1],
        "source_port": [1000, 53, 65535],
        "destination_port": [80, 1000, 0],
        "protocol": [6, 17, 6],
        "ip_length": [1500, 60, 39],
        "ttl": [64, 0, 255],
    }
    return PacketTrace.of(**{**made, **columns})


def test_fills_in_what_is_missing():
    made = of()
    assert made.source.tolist() == [[0, 0xFFFF_0000_0001], [0, 0xFFFF_0000_0002], [0, 0xFFFF_FFFF_FFFF]]
    assert made.payload_length.tolist() == [1460, 32, 0]
    for name in ("tcp_flags", "tcp_sequence", "tcp_acknowledgement", "tos", "ip_id", "ip_flags", "fragment_offset"):
        assert not getattr(made, name).any()
    ipv6 = np.full((3, 2), 2, np.uint64)
    assert of(source=ipv6, destination=ipv6).payload_length.tolist() == [1440, 12, 0]
    assert of(payload_length=[7, 8, 9]).payload_length.tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("ttl", [1, 256, 2], "row 1: ttl must fit uint8"),
        ("source_port", [1, 2, -1], "row 2: source_port must fit uint16"),
        ("source", [1, 2**32, 3], "row 1: source must fit uint32"),
        ("ip_length", [40.5, 41.0, 42.0], "ip_length must hold integers, not float64"),
        ("ip_length", [40, 0, 42], "row 1: payload_length is less than ip_length"),
        ("ttl", [1, 2], r"ttl must be uint8 with shape \(3,\)"),
    ],
)
def test_refuses_what_a_column_cannot_hold(column: str, value: list, rule: str):
    with pytest.raises(TrafficError, match=rule):
        of(**{column: value})


@given(traces(ordered=False), traces())
@settings(max_examples=20)
def test_parts_and_windows_and_order(one: PacketTrace, other: PacketTrace):
    both = PacketTrace.concat([one, other])
    rows = np.arange(len(both))
    assert both.select(rows < len(one)).digest() == one.digest()
    assert both.select(rows >= len(one)).digest() == other.digest()
    middle = int(np.median(both.time_ns))
    before, after = both.window(0, middle), both.window(middle, 2**63 - 1)
    assert (before.time_ns < middle).all()
    assert (after.time_ns >= middle).all()
    assert len(before) + len(after) == len(both)
    in_order = both.sorted_by_time()
    assert in_order.digest() == both.select(sorted(rows, key=lambda row: (both.time_ns[row], row))).digest()
    assert in_order.sorted_by_time() is in_order
    assert both.span_ns == max(both.time_ns.tolist()) - min(both.time_ns.tolist())
    assert both.select([]).span_ns == 0


@given(traces())
@settings(max_examples=20)
def test_the_digest_is_of_all_values_and_their_order(made: PacketTrace):
    digest = made.digest()
    assert replace(made, ttl=made.ttl.copy()).digest() == digest
    for name in ("time_ns", "source", "source_port", "ttl", "tos", "ip_id"):
        changed = getattr(made, name).copy()
        changed.flat[-1] ^= 1
        assert replace(made, **{name: changed}).digest() != digest
    if len(made) > 1 and made.select([0]).digest() != made.select([1]).digest():
        swapped = [1, 0, *range(2, len(made))]
        assert made.select(swapped).digest() != digest
