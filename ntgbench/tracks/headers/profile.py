"""What packet traces look like: rate, gaps, sizes of flows, variability at each time scale, delays in a queue.

The suites `scaling` and `queue` are a plugin's, which need not be installed; so what is drawn is worked out here. The
definitions are the same, which a test holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.profiles import Numbers, log_counts, packed
from ntgbench.row_schema import Profile

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

STEPS = 60
"""Steps of the time that the rate is told of."""

SCALE_BINS = 1 << 14
"""Bins of a trace's own span, of which the time scales are octaves."""

OCTAVES = 11
"""Time scales: the last one has 8 differences."""

LOAD = 0.8
"""Mean load of the queue under the real trace."""


def profile(real: PacketTrace, synthetic: PacketTrace) -> Profile:
    """Counts of two traces that have packets, by part; each part has one text, as there are no classes.

    rate: packets in `STEPS` equal steps of the longer span of the two, from the first packet of the trace.
    gaps: gaps between following packets, in ns, in the bins of `log_counts`.
    flow_sizes: flows by packets, in the same bins.
    scales: for each octave of `SCALE_BINS` equal bins of the trace's span the sum of the squared differences of packet
        counts in following halves, whole numbers; empty where all packets have one time.
    delays: packets by the time that they wait, in ns, in the bins of `log_counts`, in a queue that sends what keeps it
        busy for `LOAD` of the time under the real trace; empty where all packets of that have one time.
    """
    span = max(real.span_ns, synthetic.span_ns)
    capacity = int(real.ip_length.sum(dtype=np.int64)) / real.span_ns / LOAD if real.span_ns else 0.0
    sides = [_parts(trace.sorted_by_time(), span, capacity) for trace in (real, synthetic)]
    return Profile(classes=[], scale={"seconds": span / 1e9}, real=sides[0], synthetic=sides[1])


def _parts(trace: PacketTrace, span: int, capacity: float) -> dict[str, str]:
    time = trace.time_ns - trace.time_ns[0]
    return {
        "rate": packed(counts(time, span, STEPS).tolist()),
        "gaps": packed(log_counts(np.diff(time)).tolist()),
        "flow_sizes": packed(log_counts(trace.flows.count).tolist()),
        "scales": packed(squares(counts(time, trace.span_ns, SCALE_BINS)) if trace.span_ns else []),
        "delays": packed(log_counts(delays(trace, capacity)).tolist() if capacity else []),
    }


def counts(time: Numbers, span: int, bins: int) -> Numbers:
    """Times of 0..span, in order, in each of `bins` equal bins, int64; the last one holds its end."""
    whole, rest = divmod(span, bins)
    inner = np.arange(1, bins)
    # The first time of bin k is k span / bins, rounded up; the product itself may not fit 64 bits.
    below = np.searchsorted(time, inner * whole + -(-inner * rest // bins))
    return np.diff(below, prepend=0, append=len(time))


def squares(values: Numbers) -> list[int]:
    """Sums of squared differences of following values, then of sums of two, of four, and so on: `OCTAVES` of them.

    Divided by their number and by 2**octave they are the energies of Haar details (Veitch & Abry 1999).
    """
    found = []
    for _ in range(OCTAVES):
        first, second = values[0::2], values[1::2]
        found.append(int(np.square(first - second).sum()))
        values = first + second
    return found


def delays(trace: PacketTrace, capacity: float) -> Numbers:
    """Nanoseconds that each packet waits, rounded down, int64 (N,), in a queue that sends `capacity` bytes/ns.

    Lindley's recursion (1952), as the walk of bytes come minus bytes sent above its least value so far. Times are in
    order; the walk is rounded to a thousandth of a byte.
    """
    length = trace.ip_length.astype(np.int64)
    walk = np.round(np.cumsum(length) - length - capacity * (trace.time_ns - trace.time_ns[0]), 3)
    # A capacity may be so small that no int64 holds a delay; the last bin begins far below.
    waits: Numbers = np.minimum((walk - np.minimum.accumulate(walk)) / capacity, 2.0**62).astype(np.int64)
    return waits
