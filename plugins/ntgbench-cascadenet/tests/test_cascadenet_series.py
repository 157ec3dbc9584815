"""Time steps of a trace, and flows as series of these."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_traces import down, trace, traces, up
from ntgbench_cascadenet.grid import Grid
from ntgbench_cascadenet.series import Series

S = 10**9

# Ten seconds, of which a step is two. Three flows: one with packets on edges and a pause, one that begins with two
# packets at one time, and one of a single packet.
TRACE = trace(
    up(0, 1),
    up(1, 2),
    up(2, 4),
    down(4, 8),
    down(4, 16),
    down(7, 32),
    (9, (5, 5), (6, 6), -1, 64),
    up(10, 128),
)


def series_of(packets, steps):
    grid = Grid.of(packets, steps)
    return grid, Series.of(packets, grid)


def test_hand_worked_series():
    grid, series = series_of(TRACE, 5)
    assert (grid.start_ns, grid.span_ns, grid.step_ns) == (0, 10 * S, 2 * S)
    assert series.flow.tolist() == [0, 0, 0, 1, 1, 2]
    # The packet at 2 s opens step 1; the one at the very end belongs to step 4.
    assert series.step.tolist() == [0, 1, 4, 0, 1, 0]
    assert series.packets.tolist() == [2, 1, 1, 2, 1, 1]
    assert series.size.tolist() == [83, 44, 168, 104, 72, 92]
    assert series.middle.tolist() == [0.25, 0, 1, 0, 0.5, 0.5]
    assert series.span.tolist() == [0.25, 0, 0, 0, 0, 0]
    assert series.place.tolist() == [0, 0.5, 0, 1, 0, 0, 0.5, 0.5]
    assert series.cell.tolist() == [0, 0, 1, 2, 3, 3, 4, 5]
    # Only where a packet follows another one of its flow in its step.
    assert series.gap_ns.tolist() == [0, S, 0, 0, 0, 0, 0, 0]
    assert series.first.tolist() == [0, 3, 5]
    assert series.count.tolist() == [3, 2, 1]
    assert series.length.tolist() == [5, 2, 1]
    assert series.start_ns.tolist() == [0, 4 * S, 9 * S]
    assert series.end_ns.tolist() == [10 * S, 7 * S, 9 * S]


def test_steps_that_are_no_whole_nanoseconds():
    # Of 7 ns in 3 steps, the second begins at 7 / 3 and the third at 14 / 3.
    grid, after = Grid(100, 7, 3), np.arange(8)
    step = grid.step(after)
    assert step.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    np.testing.assert_allclose(grid.place(after, step), [0, 3 / 7, 6 / 7, 2 / 7, 5 / 7, 1 / 7, 4 / 7, 1], rtol=1e-15)


def test_all_packets_at_one_time():
    _, series = series_of(trace(up(3), up(3), down(3)), 20)
    assert series.packets.tolist() == [2, 1]
    assert series.step.tolist() == series.middle.tolist() == series.span.tolist() == [0, 0]
    assert series.length.tolist() == [1, 1]


def test_more_steps_than_nanoseconds():
    grid = Grid(0, 1, 20)
    assert grid.step(np.array([0, 1])).tolist() == [0, 19]
    assert grid.place(np.array([0, 1]), np.array([0, 19])).tolist() == [0, 1]


@given(st.integers(1, 2**53), st.integers(1, 300), st.lists(st.fractions(0, 1), min_size=1, max_size=20), st.data())
@settings(max_examples=50, deadline=None)
def test_steps_and_places_are_exact(span, steps, shares, data):
    grid = Grid(0, span, steps)
    edge = data.draw(st.sampled_from(grid.edges.tolist()))
    after = [int(share * span) for share in shares] + [0, max(edge - 1, 0), edge, span]
    step = grid.step(np.array(after))
    exact = [Fraction(time * steps, span) for time in after]
    assert step.tolist() == [min(int(time), steps - 1) for time in exact]
    places = [float(time - number) for time, number in zip(exact, step.tolist(), strict=True)]
    np.testing.assert_allclose(grid.place(np.array(after), step), places, rtol=1e-14)


@given(traces(), st.integers(1, 50))
@settings(max_examples=25, deadline=None)
def test_series_are_what_a_plain_count_finds(packets, steps):
    grid, series = series_of(packets, steps)
    after = packets.time_ns - packets.time_ns[0]
    found = 0
    for flow in range(len(packets.flows)):
        rows = np.flatnonzero(packets.flows.number == flow)
        step = np.array([min(int(time) * steps // grid.span_ns, steps - 1) for time in after[rows]])
        counts = np.bincount(step - step[0])
        cells = slice(series.first[flow], series.first[flow] + series.count[flow])
        assert series.step[cells].tolist() == np.flatnonzero(counts).tolist()
        assert series.packets[cells].tolist() == counts[counts > 0].tolist()
        sizes = np.bincount(step - step[0], packets.ip_length[rows])
        assert series.size[cells].tolist() == sizes[counts > 0].tolist()
        assert series.length[flow] == len(counts)
        place = grid.place(after[rows], step)
        for cell, number in zip(range(len(series.flow))[cells], np.unique(step).tolist(), strict=True):
            inside = place[step == number]
            assert np.isclose(series.middle[cell], (inside.max() + inside.min()) / 2, rtol=1e-14)
            assert np.isclose(series.span[cell], (inside.max() - inside.min()) / 2, rtol=1e-14)
            times = after[rows][step == number]
            assert series.gap_ns[series.cell == cell].tolist() == [0, *np.diff(times).tolist()]
        found += series.count[flow]
    assert found == len(series.flow)
