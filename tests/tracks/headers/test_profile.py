"""What packet traces look like: the counts are those of the suites that measure the same."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_traces import down, trace, traces, up
from ntgbench_trace_dynamics import queue, scaling

from ntgbench.profiles import EDGES, log_counts, unpacked
from ntgbench.row_schema import Profile, uneven
from ntgbench.tracks.headers.example import example_trace
from ntgbench.tracks.headers.profile import LOAD, OCTAVES, SCALE_BINS, STEPS, profile
from ntgbench.traffic.trace import PacketTrace
from ntgbench.values import problem

REAL, MADE = example_trace(1), example_trace(2)
FOUND = profile(REAL, MADE)


def test_packets_over_time_and_sizes_of_flows() -> None:
    made = trace(up(0.0), down(0.5), up(1.0), up(59.0), up(60.0))
    found = profile(made, made)
    assert unpacked(found["real"]["rate"], STEPS) == [2, 1, *[0] * 57, 2]
    assert found["scale"] == {"seconds": 60.0}
    sizes = unpacked(found["real"]["flow_sizes"], len(EDGES) + 1)
    assert sizes == log_counts(np.array([4, 1])).tolist()
    gaps = unpacked(found["real"]["gaps"], len(EDGES) + 1)
    assert gaps == log_counts(np.array([5, 5, 580, 10]) * 10**8).tolist()


def test_time_scales_are_those_of_the_suite() -> None:
    for made, side in ((REAL, FOUND["real"]), (MADE, FOUND["synthetic"])):
        energies, numbers = scaling.energies(scaling.counts(made.time_ns - made.time_ns[0], made.span_ns))
        assert len(energies) == OCTAVES
        assert scaling.BINS == SCALE_BINS
        expected = energies * numbers * 2.0 ** np.arange(1, OCTAVES + 1)
        np.testing.assert_allclose(unpacked(side["scales"], OCTAVES), expected, rtol=1e-12)


def test_delays_are_those_of_the_suite() -> None:
    assert queue.LOADS["80"] == LOAD
    capacity = REAL.ip_length.sum() / REAL.span_ns / LOAD
    for made, side in ((REAL, FOUND["real"]), (MADE, FOUND["synthetic"])):
        waits = (queue.waiting(made, capacity) / capacity).astype(np.int64)
        assert unpacked(side["delays"], len(EDGES) + 1) == log_counts(waits).tolist()


@given(traces(), traces(ordered=False))
def test_a_row_can_hold_it(real: PacketTrace, made: PacketTrace) -> None:
    found = profile(real, made)
    assert problem(found, Profile) is None
    assert uneven(found) is None
    assert sum(unpacked(found["real"]["rate"], STEPS)) == len(real)
    assert sum(unpacked(found["synthetic"]["gaps"], len(EDGES) + 1)) == len(made) - 1
    assert sum(unpacked(found["synthetic"]["flow_sizes"], len(EDGES) + 1)) == len(made.flows)


@settings(max_examples=15)
@given(st.randoms())
def test_the_order_of_packets_does_not_matter(random) -> None:
    distinct = MADE.select(np.unique(MADE.time_ns, return_index=True)[1])
    order = list(range(len(distinct)))
    random.shuffle(order)
    assert profile(REAL, distinct.select(order)) == profile(REAL, distinct)
