"""The nine conditions of a flow."""

import numpy as np
import pytest
from hypothesis import given, settings
from made_traces import down, trace, traces, up
from ntgbench_cascadenet.conditions import NAMES, conditions, kept, largest, middle_ns
from ntgbench_cascadenet.grid import Grid
from ntgbench_cascadenet.series import Series

S = 10**9


def conditions_of(packets, steps):
    return conditions(Series.of(packets, Grid.of(packets, steps)))


def test_hand_worked_conditions():
    # Ten steps of 1 s. The first flow has 1, 0, 3, 0, 0, 0, 2 packets from the first step on, the other one a packet.
    one = [up(time) for time in (0, 2, 2.25, 2.5, 6, 6)]
    table = conditions_of(trace(*one, down(10)), 10)
    assert NAMES[:7] == ("packets", "duration", "active_steps", "max_rate", "mean_rate", "std_rate", "mean_pause")
    spread = np.sqrt(((1 - 2) ** 2 + (3 - 2) ** 2 + (2 - 2) ** 2) / 3)
    # Pauses of 1 and 3 steps.
    expected = [np.log(7), 7, 3, np.log(4), np.log(3), np.log(1 + spread), 2, 0, 6 * S]
    np.testing.assert_allclose(table[0], expected, rtol=1e-14)
    np.testing.assert_allclose(table[1], [np.log(2), 1, 1, np.log(2), np.log(2), 0, 0, 10 * S, 10 * S], rtol=1e-14)


def test_a_run_of_steps_without_a_packet_counts_once_and_a_neighbour_is_no_pause():
    # Steps 0, 1, 3, 6: pauses of 1 and 2 steps.
    table = conditions_of(trace(*(up(time) for time in (0, 1, 3, 6)), down(10)), 10)
    assert table[0, NAMES.index("mean_pause")] == 1.5


def test_a_pause_between_two_flows_is_none_of_a_flow():
    table = conditions_of(trace(up(0), up(1), down(9), down(10)), 10)
    assert table[:, NAMES.index("mean_pause")].tolist() == [0, 0]


def test_conditions_are_divided_by_their_largest_value_or_by_one():
    table = np.array([[0.0, 2.0], [0.0, 8.0]])
    assert largest(table).tolist() == [1, 8]


@pytest.mark.parametrize(
    ("without", "names"), [("none", NAMES), ("max_rate", NAMES[:3] + NAMES[4:]), ("all", ("start", "end"))]
)
def test_conditions_left_out(without, names):
    assert kept(without) == names


def test_middle_of_a_flow():
    assert middle_ns(np.array([0, 3]), np.array([5, 3])).tolist() == [2.5, 3]


@given(traces())
@settings(max_examples=25, deadline=None)
def test_conditions_are_what_a_dense_series_gives(packets):
    steps = 12
    grid = Grid.of(packets, steps)
    table = conditions_of(packets, steps)
    for flow in range(len(packets.flows)):
        after = (packets.time_ns - grid.start_ns)[packets.flows.number == flow]
        counts = np.bincount([min(int(time) * steps // grid.span_ns, steps - 1) for time in after])
        active = np.flatnonzero(counts)
        rates, gaps = counts[active], np.diff(active)
        pauses = gaps[gaps > 1] - 1
        plain = [
            np.log1p(rates.sum()),
            active[-1] - active[0] + 1,
            len(active),
            np.log1p(rates.max()),
            np.log1p(rates.mean()),
            np.log1p(rates.std()),
            pauses.mean() if len(pauses) else 0,
            after.min(),
            after.max(),
        ]
        np.testing.assert_allclose(table[flow], plain, rtol=1e-12, atol=1e-12)
