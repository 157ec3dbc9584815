"""From numbers to packets."""

import logging

import numpy as np
import pytest
from ntgbench_cascadenet.decoding import Made, decode, in_flow
from ntgbench_cascadenet.grid import Grid
from ntgbench_cascadenet.records import Records

from ntgbench.traffic.trace import TCP, ipv4_address

S = 10**9
START = 1_600_000_000 * S
GRID = Grid(START, 10 * S, 5)
LENGTHS = 40, 140
RECORDS = Records((LENGTHS, (0, 255), (0, 65_535), (0, 8_191), (0, 255)), (0,))


def made(middle_s, cells, places, ports=None, gaps=None):
    """Flows with their middles, and cells as (flow, step, packets, middle, span); packet k is 40 + k bytes long."""
    flow, step, packets, middle, span = (np.array(column) for column in zip(*cells, strict=True))
    flows = len(middle_s)
    numbers = np.zeros((len(places), RECORDS.width), np.float32)
    numbers[:, 0] = np.arange(len(places)) / (LENGTHS[1] - LENGTHS[0])
    return Made(
        flows={
            "source": ipv4_address(np.ones(flows, np.uint32)),
            "destination": ipv4_address(np.full(flows, 2, np.uint32)),
            "source_port": np.array(ports or range(50_000, 50_000 + flows), np.uint16),
            "destination_port": np.full(flows, 443, np.uint16),
            "protocol": np.full(flows, TCP, np.uint8),
        },
        middle_ns=np.array(middle_s, np.float64) * S,
        flow=flow,
        step=step,
        packets=packets,
        middle=middle.astype(np.float64),
        span=span.astype(np.float64),
        records=numbers,
        place=np.array(places, np.float64),
        gap_ns=np.array(gaps or [0] * len(places), np.float64),
    )


def decoded(flows, timestamps="ml", repeats="repair", span_s=10):
    return decode(flows, RECORDS, GRID, timestamps, repeats, span_s * S, np.random.default_rng(1))


def seconds(packets):
    return ((packets.time_ns - START) / S).tolist()


def numbers(packets):
    return (packets.ip_length - 40).tolist()


# A flow of three packets in its first step and one in its third, and one of two packets in one step.
TWO = made([5, 8], [(0, 0, 3, 0.5, 0.25), (0, 2, 1, 0.25, 0), (1, 0, 2, 0.1, 0.3)], [0.9, 0.1, 0.5, 0.5, 0.25, 0.75])


@pytest.mark.parametrize(
    ("timestamps", "expected"),
    [
        ("eq", [0.25, 0.5, 0.75, 2.5, 1 / 3, 2 / 3]),
        # The second flow would begin before its step.
        ("sp", [0.25, 0.5, 0.75, 2.25, 0, 0.4]),
        ("ml", [0.9, 0.1, 0.5, 2.5, 0.25, 0.75]),
    ],
)
def test_times_inside_a_flow(timestamps, expected):
    np.testing.assert_allclose(in_flow(TWO, timestamps), expected, rtol=1e-14)


def test_gaps_divide_the_span_of_a_step_and_the_first_does_not_count():
    cells = [(0, 0, 3, 0.5, 0.25), (0, 2, 1, 0.25, 0.1), (1, 0, 4, 0.1, 0.3), (1, 1, 3, 0.5, 0.5), (1, 3, 2, 0.9, 0.2)]
    gaps = [7, 1, 3, 5, 9, 2, 2, 4, 8, 0, 0, 6, 2]
    flows = made([5, 8], cells, [0] * 13, gaps=gaps)
    expected = [
        *(0.25, 0.375, 0.75),  # gaps of a quarter and three quarters of a span of half a step
        2.25,  # a single packet is in the middle, whatever its gap
        *(0, 0.1, 0.2, 0.4),  # from the beginning of the step on, before which the span would begin
        *(1, 1.5, 2),  # gaps of nothing are as good as equal ones
        *(3.7, 4),
    ]
    np.testing.assert_allclose(in_flow(flows, "gaps"), expected, rtol=1e-14)


def test_equal_gaps_are_even_times():
    flows = made([5], [(0, 0, 4, 0.5, 0.25), (0, 3, 5, 0.4, 0.1)], [0] * 9, gaps=[3.5] * 9)
    np.testing.assert_allclose(in_flow(flows, "gaps"), in_flow(flows, "sp"), rtol=1e-14)


def test_a_single_packet_of_a_step_is_in_the_middle_of_its_span():
    one = made([5], [(0, 0, 1, 0.5, 0.25), (0, 1, 1, 0.1, 0.3)], [0, 0])
    np.testing.assert_allclose(in_flow(one, "sp"), [0.5, 1.2], rtol=1e-14)


def test_flows_are_centred_on_their_middle_and_packets_keep_their_fields(caplog):
    # In steps of 2 s, the first flow lasts from 0.1 to 2.5 about 5 s, and the second from 0.25 to 0.75 about 8 s.
    packets = decoded(TWO)
    np.testing.assert_allclose(seconds(packets), [2.6, 3.4, 4.2, 7.4, 7.5, 8.5], rtol=1e-9)
    assert numbers(packets) == [1, 2, 0, 3, 4, 5]
    assert packets.source_port.tolist() == [50_000] * 4 + [50_001] * 2
    assert not caplog.messages


def test_times_are_rounded_to_the_nearest_nanosecond():
    grid = Grid(START, 10, 1)
    flow = made([0], [(0, 0, 3, 0.5, 0.25)], [0, 0.16, 0.5])
    flow.middle_ns[:] = 5
    packets = decode(flow, RECORDS, grid, "ml", "repair", 10, np.random.default_rng(1))
    assert (packets.time_ns - START).tolist() == [2, 4, 8]  # 2.5, 4.1 and 7.5


# The first flow would last from -1.5 to 3.5 s, the second one from 7 to 11 s.
OUTSIDE = made([1, 9], [(0, 0, 2, 0, 0), (0, 2, 1, 0, 0), (1, 1, 1, 0, 0), (1, 3, 1, 0, 0)], [0, 0.25, 0.5, 0, 0])


def test_flows_that_reach_out_are_squeezed_about_their_middle(caplog):
    packets = decoded(OUTSIDE)
    np.testing.assert_allclose(seconds(packets), [0, 0.2, 2, 8, 10], atol=1e-9)
    assert numbers(packets) == [0, 1, 2, 3, 4]
    assert caplog.messages == ["100% of flows reached out of the time asked for and were squeezed into it"]


def test_the_time_asked_for_may_be_shorter_than_the_grid(caplog):
    packets = decoded(TWO, span_s=8)
    # The second flow has its middle at the very end, and none of its packets is lost.
    np.testing.assert_allclose(seconds(packets), [2.6, 3.4, 4.2, 7.4, 8, 8], rtol=1e-9)
    assert caplog.messages == ["50% of flows reached out of the time asked for and were squeezed into it"]


def test_the_code_of_the_paper_leaves_out_what_is_outside(caplog):
    packets = decoded(OUTSIDE, repeats="ref")
    np.testing.assert_allclose(seconds(packets), [3.5, 7], rtol=1e-9)
    assert caplog.messages == ["left out: 3 packets outside the time asked for"]


SAME = made([1, 5, 9], [(flow, 0, 2, 0.5, 0) for flow in range(3)], [0, 0.5] * 3, ports=[50_000, 50_001, 50_000])


def test_a_flow_with_the_5_tuple_of_an_earlier_one_gets_another_port(caplog):
    packets = decoded(SAME)
    assert numbers(packets) == list(range(6))
    assert packets.source_port[:4].tolist() == [50_000, 50_000, 50_001, 50_001]
    assert packets.source_port[4] == packets.source_port[5] != 50_000
    assert caplog.messages == ["33% of flows had the 5-tuple of an earlier flow and were given another port"]


def test_the_code_of_the_paper_keeps_the_first_of_them(caplog):
    assert numbers(decoded(SAME, repeats="ref")) == [0, 1, 2, 3]
    assert caplog.messages == ["left out: 1 flow with the 5-tuple of an earlier flow"]


def test_small_shares_are_told_without_a_number(caplog):
    count = 300
    many = made([5] * count, [(flow, 0, 1, 0.5, 0) for flow in range(count)], [0] * count, [*range(2, count + 1), 2])
    with caplog.at_level(logging.WARNING):
        decoded(many)
    assert caplog.messages == ["less than 1% of flows had the 5-tuple of an earlier flow and were given another port"]


def test_no_packet_is_a_trace_too():
    assert len(decoded(made([-9], [(0, 0, 1, 0, 0)], [0]), repeats="ref")) == 0
