"""Copies of single records and of the timelines of flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]

TOLERANCE_NS = 1_000
"""Times that differ by no more are the same: the microsecond that most traces are written in."""


def records(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """`diversity`: share of the synthetic packets whose (5-tuple, TTL, length) no packet of the real trace has."""
    ends = [trace.select(trace.flows.heads()) for trace in (real, synthetic)]
    columns = [(e.source, e.destination, e.source_port, e.destination_port, e.protocol) for e in ends]
    both = [np.concatenate(pair) for pair in zip(*columns, strict=True)]
    ports = both[2].astype(np.int64) << 24 | both[3].astype(np.int64) << 8 | both[4]
    # One number for each 5-tuple of either trace: there are far fewer flows than packets.
    flow = codes(*(half for side in both[:2] for half in side.T), ports)
    split = len(real.flows)
    record = codes(
        np.concatenate([flow[:split][real.flows.number], flow[split:][synthetic.flows.number]]),
        np.concatenate([trace.ip_length.astype(np.int64) << 8 | trace.ttl for trace in (real, synthetic)]),
    )
    known = np.zeros(int(record.max()) + 1, bool)
    known[record[: len(real)]] = True
    return {"diversity": float(np.mean(~known[record[len(real) :]]))}


def timelines(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:
    """`timeline_copies`: share of the synthetic flows that begin, and have their middle, when one real flow does.

    Absolute times count. They are the same to the larger of a microsecond and 1 / 2**24 of the real span, which is the
    rounding of a generator that works in float32. `@chance`: the same share after the synthetic flows have been shifted
    by a random time, around the real span, so that only their durations and how dense flows are remain.
    """
    begin, span = int(real.time_ns.min()), real.span_ns
    tolerance = max(TOLERANCE_NS, span / 2**24)
    start, twice = _timelines(real, begin)
    own_start, own_twice = _timelines(synthetic, begin)
    shift = int((0.25 + 0.5 * np.random.default_rng(seed).random()) * span)
    around = (own_start + shift) % (span + 1)
    return {
        "timeline_copies": _near(start, twice, own_start, own_twice, tolerance),
        "timeline_copies@chance": _near(start, twice, around, own_twice + 2 * (around - own_start), tolerance),
    }


def _timelines(trace: PacketTrace, begin: int) -> tuple[Numbers, Numbers]:
    """Start of each flow, and start plus end, which is twice the middle and whole; ns after `begin`, int64 (F,)."""
    flows = trace.flows
    time = trace.time_ns[flows.order] - begin
    return time[flows.first], time[flows.first] + time[flows.last]


def _near(start: Numbers, twice: Numbers, own_start: Numbers, own_twice: Numbers, tolerance: float) -> float:
    """Share of the own points that lie within `tolerance` of a point of the others in both times."""
    from scipy.spatial import cKDTree

    # The tree slows down when many points are one, so each stands once.
    points = np.unique(np.stack([2 * start, twice], axis=1), axis=0)
    own, times = np.unique(np.stack([2 * own_start, own_twice], axis=1), axis=0, return_counts=True)
    reach = 2 * tolerance
    # Points nearer than the bound are found, so the bound itself lies a little beyond.
    distance, _ = cKDTree(points).query(own, p=np.inf, distance_upper_bound=np.nextafter(reach, np.inf))
    return float(times[distance <= reach].sum() / times.sum())
