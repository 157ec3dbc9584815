"""Header fields as numbers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_traces import trace as made_trace
from made_traces import traces, up
from ntgbench_cascadenet.records import Records

from ntgbench.traffic.trace import UDP, PacketTrace, ipv4_address, is_ipv4, shortest_headers

FIELDS = ("ip_length", "tos", "ip_id", "ip_flags", "fragment_offset", "ttl")


@given(traces(), st.sampled_from(["type", "observed"]))
@settings(max_examples=30, deadline=None)
def test_every_field_comes_back(packets, fields):
    rng = np.random.default_rng(len(packets))
    offset = np.where(packets.is_ipv4(), rng.integers(0, 8192, len(packets)), 0).astype(np.uint16)
    packets = replace(packets, fragment_offset=offset)
    records, place = Records.of(packets, fields), rng.random(len(packets))
    numbers = records.encode(packets, place, np.zeros(len(packets), np.int64))
    assert numbers.dtype == np.float32
    assert numbers.shape == (len(packets), records.width)
    assert 0 <= numbers.min() <= numbers.max() <= 1
    decoded = records.decode(numbers, packets.protocol, packets.source)
    for name in FIELDS:
        assert decoded[name].tolist() == getattr(packets, name).tolist(), name
    np.testing.assert_allclose(numbers[:, -1], place, rtol=1e-6)


def hand_made():
    packets = made_trace(up(0, 0), up(1, 100), up(2, 60))
    return replace(
        packets,
        tos=np.array([0, 51, 102], np.uint8),
        ip_id=np.array([0, 13_107, 65_535], np.uint16),
        ip_flags=np.array([2, 0, 2], np.uint8),
        fragment_offset=np.array([0, 8_191, 0], np.uint16),
        ttl=np.array([51, 255, 153], np.uint8),
    )


@pytest.mark.parametrize(
    ("fields", "numbers"),
    [
        # length, TOS, id, no flag, do not fragment, offset, TTL, place in the step
        ("type", [[0, 0, 0, 0, 1, 0, 0.2, 0.5], [1, 0.2, 0.2, 1, 0, 1, 1, 0], [0.6, 0.4, 1, 0, 1, 0, 0.6, 1]]),
        ("observed", [[0, 0, 0, 0, 1, 0, 0, 0.5], [1, 0.5, 0.2, 1, 0, 1, 1, 0], [0.6, 1, 1, 0, 1, 0, 0.5, 1]]),
    ],
)
def test_hand_worked_numbers(fields, numbers):
    made = Records.of(hand_made(), fields).encode(hand_made(), np.array([0.5, 0, 1]), np.zeros(3, np.int64))
    np.testing.assert_allclose(made, numbers, rtol=1e-6)


def test_gaps_are_one_number_more_on_a_log_scale():
    packets, place, gap_ns = hand_made(), np.array([0.5, 0, 1]), np.array([0, 9, 999])
    without, records = Records.of(packets, "type"), Records.of(packets, "type", longest_gap=float(np.log(1_000)))
    numbers = records.encode(packets, place, gap_ns)
    assert numbers.shape == (3, records.width) == (3, without.width + 1)
    np.testing.assert_array_equal(numbers[:, :-1], without.encode(packets, place, gap_ns))
    np.testing.assert_allclose(numbers[:, -1], [0, 1 / 3, 1], rtol=1e-6)
    np.testing.assert_allclose(records.gap_ns(numbers), gap_ns, rtol=1e-5)
    np.testing.assert_allclose(records.place(numbers), place, rtol=1e-6)
    for own, other in zip(
        records.decode(numbers, packets.protocol, packets.source).values(),
        without.decode(numbers[:, :-1], packets.protocol, packets.source).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(own, other)
    assert not without.gap_ns(numbers[:, :-1]).any()


def test_fields_are_rounded_to_the_nearest_number_and_the_largest_flag_wins():
    records = Records.of(hand_made(), "type")
    numbers = np.array([[0.254, 0.5, 1 / 65_535, 0.4, 0.41, 0.3 / 8_191, 64.6 / 255, 0.1]], np.float32)
    decoded = records.decode(numbers, np.array([UDP], np.uint8), ipv4_address(np.array([1], np.uint32)))
    assert {name: column.tolist() for name, column in decoded.items()} == {
        "ip_length": [65],
        "tos": [128],
        "ip_id": [1],
        "ip_flags": [2],
        "fragment_offset": [0],
        "ttl": [65],
    }


@given(traces(), st.sampled_from(["type", "observed"]), st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_any_numbers_are_legal_fields(packets, fields, seed):
    records = Records.of(packets, fields)
    # Networks give 0..1; what is a little outside is clipped.
    numbers = np.random.default_rng(seed).uniform(-0.1, 1.1, (len(packets), records.width)).astype(np.float32)
    known = {name: getattr(packets, name) for name in ("source", "destination", "source_port", "destination_port")}
    fields_made = records.decode(numbers, packets.protocol, packets.source)
    made = PacketTrace.of(time_ns=packets.time_ns, protocol=packets.protocol, **known, **fields_made)
    assert (made.ip_length >= shortest_headers(made.protocol, made.source)).all()
    assert made.ip_length.max() <= max(packets.ip_length.max(), 60)
    ipv6 = ~is_ipv4(made.source)
    assert not any(getattr(made, name)[ipv6].any() for name in ("ip_id", "ip_flags", "fragment_offset"))
    assert np.isin(made.ip_flags[~ipv6], packets.ip_flags).all()
