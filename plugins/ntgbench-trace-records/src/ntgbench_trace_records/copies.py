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
    # One number for each 5-tuple of either trace, and with it for each record: there are far fewer flows than packets.
    flow = codes(*(half for side in both[:2] for half in side.T), ports)
    longest = max(int(trace.ip_length.max()) for trace in (real, synthetic))
    known, own = (
        ((numbers[trace.flows.number] * (longest + 1) + trace.ip_length) << 8) + trace.ttl
        for numbers, trace in zip(np.split(flow, [len(real.flows)]), (real, synthetic), strict=True)
    )
    # Looked up in order, which is several times as fast.
    known, own = np.sort(known), np.sort(own)
    at = np.minimum(np.searchsorted(known, own), len(known) - 1)
    return {"diversity": float(np.mean(known[at] != own))}


def timelines(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:
    """`timeline_copies`: share of the synthetic flows that begin, and have their middle, when one real flow does.

    Absolute times count. They are the same to the larger of a microsecond and 1 / 2**24 of the real span, which is the
    rounding of a generator that works in float32. `@chance`: the same share after the synthetic flows have been shifted
    by a random time, around the real span, so that only their durations and how dense flows are remain.
    """
    from scipy.spatial import cKDTree

    begin, span = int(real.time_ns.min()), real.span_ns
    # Distances of middles are doubled, and so is everything else.
    reach = 2 * max(TOLERANCE_NS, span / 2**24)
    start, twice = _timelines(real, begin)
    # The tree slows down when many points are one, so each stands once.
    tree = cKDTree(np.unique(np.stack([2 * start, twice], axis=1), axis=0))

    def share(start: Numbers, twice: Numbers) -> float:
        points = np.stack([2 * start, twice], axis=1)
        # Points nearer than the bound are found, so the bound itself lies a little beyond.
        distance, _ = tree.query(points, p=np.inf, distance_upper_bound=np.nextafter(reach, np.inf))
        return float(np.mean(distance <= reach))

    start, twice = _timelines(synthetic, begin)
    shift = int((0.25 + 0.5 * np.random.default_rng(seed).random()) * span)
    around = (start + shift) % (span + 1)
    return {
        "timeline_copies": share(start, twice),
        "timeline_copies@chance": share(around, twice + 2 * (around - start)),
    }


def _timelines(trace: PacketTrace, begin: int) -> tuple[Numbers, Numbers]:
    """Start of each flow, and start plus end, which is twice the middle and whole; ns after `begin`, int64 (F,)."""
    flows = trace.flows
    time = trace.time_ns[flows.order] - begin
    return time[flows.first], time[flows.first] + time[flows.last]
