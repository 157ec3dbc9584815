"""A trace as chunks, attributes and sequences, and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_netshare import flows, numbers, parts_of
from ntgbench_netshare.decoding import decode, timed
from ntgbench_netshare.layout import Slices
from ntgbench_netshare.training import Rows

from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import COLUMN_KINDS

TRAIN = example_trace()

# Chunks of 100 ms; flow 1001 pauses in chunk 3.
SPANNING = flows({1000: [0, 399, 999], 1001: [210, 290, 450, 470], 1002: [205]})


@settings(deadline=None)
@given(st.integers(0, 2**60), st.integers(1, 1_000), st.lists(st.floats(0, 1), min_size=1))
def test_slices_are_of_equal_time_and_hold_all_of_it(span_ns, count, shares):
    slices = Slices(5, span_ns, count)
    begins = slices.begins
    assert (begins[0], begins[-1]) == (0, span_ns + 1)
    assert np.ptp(np.diff(begins)) <= 1
    times = np.array([min(int(share * span_ns), span_ns) for share in shares])
    found = slices.of(times)
    assert ((begins[found] <= times) & (times < begins[found + 1])).all()


def test_a_flow_starts_in_one_chunk_and_is_present_in_all_of_its_chunks():
    layout, parts = numbers(SPANNING, chunks=10)
    told = {}
    for k, part in parts.items():
        for port, bits in zip(ports(k), part.bits[:, layout.starts :], strict=True):
            told[port, k] = bool(bits[0]), np.flatnonzero(bits[1:]).tolist()
    assert told == {
        (1000, 0): (True, [0, 3, 9]),
        (1000, 3): (False, [0, 3, 9]),
        (1000, 9): (False, [0, 3, 9]),
        (1001, 2): (True, [2, 4]),
        (1001, 4): (False, [2, 4]),
        (1002, 2): (True, [2]),
    }
    assert sorted(parts) == layout.used == [0, 2, 3, 4, 9]
    assert layout.first == 2


def ports(chunk):
    """Client ports of the flows of a chunk, in the order of their first packets."""
    inside = SPANNING.window(10**18 + chunk * 99_900_000 + chunk // 2, 10**18 + (chunk + 1) * 99_900_000 + 1)
    return list(dict.fromkeys(inside.source_port.tolist()))


def test_starts_and_gaps_are_those_of_the_chunk():
    layout, parts = numbers(SPANNING, chunks=10)
    assert layout.chunks[2].flows == 2
    assert (layout.chunks[2].earliest, layout.chunks[2].latest) == (205_000_000, 210_000_000)
    assert layout.chunks[2].gap_ns == 80_000_000
    assert parts[2].start.tolist() == [0.0, 1.0]
    assert parts[2].fields[:, 0].tolist() == [0.0, 0.0, 1.0]
    assert parts[4].fields[:, 0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("chunks", [1, 4, 10])
@pytest.mark.parametrize(("gaps", "fields"), [("linear", "observed"), ("log", "observed"), ("linear", "type")])
def test_numbers_of_a_trace_give_it_back(chunks, gaps, fields):
    layout, parts = numbers(TRAIN, chunks=chunks, longest=50, gaps=gaps, fields=fields)
    made = timed(*parts_of(layout, parts), layout, "squeeze", TRAIN.span_ns)
    again = decode(made, layout, "drop", np.random.default_rng(1))
    assert len(again) == len(TRAIN)
    # In the order of flows: rounding may change the order of packets of different flows.
    whole, found = (one.select(np.lexsort((one.time_ns, *key(one)))) for one in (TRAIN, again))
    for name in set(COLUMN_KINDS) - {"time_ns", "tcp_flags", "payload_length"}:
        np.testing.assert_array_equal(getattr(whole, name), getattr(found, name), err_msg=name)
    # Numbers are float32: up to 2^-24 of the longest time for each gap, and 16 times that on a log scale.
    error = np.abs(whole.time_ns - found.time_ns).max()
    assert error < TRAIN.span_ns * 2.0**-24 * (40 if gaps == "linear" else 640)


def key(trace):
    return trace.source[:, 1], trace.destination[:, 1], trace.source_port, trace.destination_port


def test_sequences_end_with_a_packet_that_does_not_go_on_and_are_0_after_it():
    layout, parts = numbers(SPANNING, chunks=10)
    rows = Rows(parts[2], layout.longest, "cpu")
    single, double = rows.features(rows.places[:2])
    assert layout.longest == 2
    assert single[:, -2:].tolist() == [[0, 1], [0, 0]]
    assert double[:, -2:].tolist() == [[1, 0], [0, 1]]
    assert not single[1].any()
    assert double[1, 0] == 1


def test_packets_above_the_cap_are_not_learnt_from_and_counted(caplog):
    train = flows({1000: list(range(20)), 1001: [3], 1002: list(range(15))})
    layout, parts = numbers(train, chunks=1, longest=12)
    assert caplog.messages == [
        "2 flows were cut to 12 packets in a chunk by the parameter longest; 11 packets of 36 were not learnt from"
    ]
    assert layout.longest == 12
    assert parts[0].count.tolist() == [12, 12, 1]
    made = timed(*parts_of(layout, parts), layout, "squeeze", train.span_ns)
    again = decode(made, layout, "drop", np.random.default_rng(1))
    expected = train.window(10**18, 10**18 + 12 * 10**6)
    np.testing.assert_allclose(again.time_ns, expected.time_ns, atol=10, rtol=0)


def test_nothing_is_said_when_no_flow_is_above_the_cap(caplog):
    numbers(TRAIN, longest=50)
    assert not caplog.messages
