"""The suite `bursts`: when, how long and how much the whole link is busy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ntgbench_trace_statistics.distances import Sample, emd

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

INTERVALS = 1000
"""Intervals of the real trace."""

DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class _Load:
    """The load of one trace; a burst is a run of intervals with more than half of the bytes of the busiest one."""

    durations: Sample  # of bursts, in intervals
    between: Sample  # from the end of a burst to the start of the next, in intervals
    utilisation: Sample  # bytes of all intervals, divided by those of the busiest
    inside: Sample  # bytes of bursts
    outside: Sample  # bytes before, between and after bursts, where there are any

    @staticmethod
    def of(trace: PacketTrace, origin_ns: int, interval_ns: int) -> _Load:
        """In intervals counted from `origin_ns`, from that of the first packet to that of the last."""
        # Only intervals with packets are held: there may be any number without.
        trace = trace.sorted_by_time()
        of_packets = (trace.time_ns - origin_ns) // interval_ns
        heads = np.flatnonzero(np.diff(of_packets, prepend=of_packets[0] - 1))
        index, carried = of_packets[heads], np.add.reduceat(trace.ip_length.astype(np.int64), heads)
        busy = 2 * carried > carried.max()
        in_burst = index[busy]
        starts = np.flatnonzero(np.diff(in_burst, prepend=in_burst[0] - 2) > 1)
        outside = np.bincount(np.searchsorted(in_burst[starts], index[~busy]), carried[~busy])
        idle = index[-1] - index[0] + 1 - len(index)
        utilisation = Sample.of(carried / carried.max())
        return _Load(
            durations=Sample.of(np.diff(starts, append=len(in_burst))),
            between=Sample.of(in_burst[starts[1:]] - in_burst[starts[1:] - 1] - 1),
            utilisation=Sample(np.append(utilisation.values, 0), np.append(utilisation.counts, idle)),
            inside=Sample.of(np.add.reduceat(carried[busy], starts)),
            outside=Sample.of(outside[outside > 0]),
        )


def bursts(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """Distances of bursts, in intervals of a thousandth of the real trace, in whole us, from each trace's first packet.

    Durations and times are in us. A trace with a single burst has one time between bursts, 0, and one that is always in
    a burst has 0 bytes between them.

    `@ref` is the form of the reference code of CascadeNet: intervals are counted from midnight UTC of each trace's
    first day, and the distance of bytes between bursts is 1 where a trace has none.
    """
    interval_us = max(real.span_ns // (INTERVALS * 1000), 1)
    traces = (real, synthetic)
    one, other = (_Load.of(trace, int(trace.time_ns.min()), interval_us * 1000) for trace in traces)
    values: dict[str, float | str] = {**_distances(one, other, interval_us)}

    interval_us = _interval_of_ref(real.span_ns // 1000)
    one, other = (_Load.of(trace, int(trace.time_ns.min()) // DAY_NS * DAY_NS, interval_us * 1000) for trace in traces)
    ref = _distances(one, other, interval_us)
    if not (one.outside.values.any() and other.outside.values.any()):
        ref["nps"] = 1.0
    return values | {f"{name}@ref": value for name, value in ref.items()}


def _distances(one: _Load, other: _Load, interval_us: int) -> dict[str, float]:
    return {
        "bd": emd(one.durations, other.durations) * interval_us,
        "tb": emd(one.between, other.between) * interval_us,
        "nu": emd(one.utilisation, other.utilisation),
        "bps": emd(one.inside, other.inside),
        "nps": emd(one.outside, other.outside),
    }


def _interval_of_ref(span_us: int) -> int:
    """As the reference code rounds it: through seconds in floating point, and 1 s for a trace of one moment."""
    seconds, us = divmod(span_us // INTERVALS, 10**6)
    return max(int((seconds + us / 1e6) * 1e6), 1) if span_us else 10**6
