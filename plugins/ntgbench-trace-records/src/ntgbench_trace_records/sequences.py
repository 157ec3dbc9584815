"""Copies of whole flows: the same sizes, and the same gaps to 1%."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FEWEST = 3
"""Packets of the shortest flow that is judged. Of one packet nothing but the size could be a copy, and of two packets
one gap, which unseen traffic often repeats by chance."""

APART = -float(np.log(0.99))
"""How far logarithms of gaps may be apart: the shorter gap is at least 99% of the longer one."""

SHORT_NS = 100_000
"""Added to gaps before their logarithms are taken, so that 1% of it, a microsecond, counts as nothing."""

GOLDEN = (5**0.5 - 1) / 2
"""Its multiples, without their whole part, spread evenly."""

PARTS = 8
"""Means of gaps by which a flow's nearest ones are looked up."""

ROUNDING = 1e-6
"""Of the means. The packets themselves decide."""

NEAREST = 32
"""Flows of the other trace that each flow is compared with."""


def flow_copies(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """`flow_copies`: share of the synthetic flows of at least `FEWEST` packets that are a real flow over again.

    A flow is one when a real flow has as many packets, of the same IP lengths in the same order, with gaps that differ
    by no more than 1% or a microsecond: `SHORT_NS` is added to both, and the shorter is at least 99% of the longer.
    Addresses, ports and the flow's start do not count.
    """
    ours, theirs = _Sequences.of(synthetic), _Sequences.of(real)
    if not len(ours.count):
        return {"flow_copies": f"no synthetic flow has {FEWEST} packets"}
    if not len(theirs.count):
        return {"flow_copies": f"no real flow has {FEWEST} packets"}
    return {"flow_copies": float(copied(ours, theirs).mean())}


def copied(ours: _Sequences, theirs: _Sequences) -> npt.NDArray[np.bool_]:
    """Which of our flows are one of theirs over again, bool (F,).

    Each is compared, packet by packet, with the `NEAREST` flows of the same sizes that are nearest in `parts`. Of flows
    of up to `PARTS` gaps the nearest one decides. Of longer ones a copy could in theory have nearer neighbours that are
    not the same, but they would have to be within 1% in all parts.
    """
    from scipy.spatial import cKDTree

    found = np.zeros(len(ours.count), bool)
    sizes, place = np.unique(theirs.sizes, return_inverse=True)
    at = np.minimum(np.searchsorted(sizes, ours.sizes), len(sizes) - 1)
    known = np.flatnonzero(sizes[at] == ours.sizes)
    used = np.flatnonzero(np.isin(place, at[known]))
    if not len(used):
        return found
    # Flows of other sizes are out of reach. The tree slows down when many points are one, so each stands once.
    points, of = np.unique(np.column_stack([place[used], theirs.parts()[used]]), axis=0, return_index=True)
    own = np.column_stack([at[known], ours.parts()[known]])
    tree, left = cKDTree(points), np.arange(len(known))
    for ranks in ([1], list(range(2, NEAREST + 1))):
        distance, nearest = tree.query(own[left], ranks, p=np.inf, distance_upper_bound=APART + ROUNDING)
        for near, point in zip(np.isfinite(distance).T, nearest.T, strict=True):
            judged = np.flatnonzero(near & ~found[known[left]])
            flows = known[left[judged]]
            found[flows] = _same(ours, flows, theirs, used[of[point[judged]]])
        # Hardly any flow has neighbours of which the nearest is not the same.
        left = left[np.isfinite(distance[:, 0]) & ~found[known[left]]]
    return found


@dataclass(frozen=True)
class _Sequences:
    """The flows of at least `FEWEST` packets, one after the other, each in the order of time."""

    count: Numbers  # int64 (F,)
    first: Numbers  # int64 (F,). Where each begins among the packets
    length: npt.NDArray[np.int32]  # int32 (P,)
    log_gap: Floats  # float64 (P,). Of the gap before each packet, plus SHORT_NS; 0 for the first of a flow
    sizes: npt.NDArray[np.uint64]  # uint64 (F,). A hash of the number of packets and of their lengths in order

    @staticmethod
    def of(trace: PacketTrace) -> _Sequences:
        """Those of `trace`."""
        flows = trace.flows
        order = flows.order[np.repeat(flows.count >= FEWEST, flows.count)]
        count = flows.count[flows.count >= FEWEST]
        first = np.cumsum(count) - count
        gap = np.diff(trace.time_ns[order], prepend=0) + SHORT_NS
        gap[first] = 1
        length = trace.ip_length[order]
        place = np.arange(len(order)) - np.repeat(first, count)
        each = _mixed(_mixed(place.astype(np.uint64)) + length.astype(np.uint64))
        sizes = np.add.reduceat(each, first) if len(first) else each
        return _Sequences(count, first, length, np.log(gap), sizes)

    def parts(self) -> Floats:
        """Weighted mean logarithm of the gaps in each of `PARTS` runs, float64 (F, PARTS); 0 for a run without gaps.

        Runs are as equal as can be. Flows whose gaps are all within `APART` have means within it; of runs of one gap
        the converse holds too. The weights tell flows in which the same gaps come in another order.
        """
        gaps = (self.count - 1)[:, None]
        edge = self.first[:, None] + gaps * np.arange(PARTS + 1) // PARTS
        place = np.arange(len(self.length)) - np.repeat(self.first, self.count)
        weight = 0.5 + place * GOLDEN % 1
        total, weights = (np.diff(np.cumsum(one)[edge], axis=1) for one in (weight * self.log_gap, weight))
        # Rounded, so that equal flows have equal means: the sums before them differ.
        means: Floats = np.round(total / np.where(np.diff(edge, axis=1), weights, 1), 7)
        return means


def _same(ours: _Sequences, flows: Numbers, theirs: _Sequences, others: Numbers) -> npt.NDArray[np.bool_]:
    """Which of our `flows` have the same number of packets, lengths and gaps as the flow of theirs beside it, bool."""
    same: npt.NDArray[np.bool_] = ours.count[flows] == theirs.count[others]
    count = np.where(same, ours.count[flows], 0)
    flow = np.repeat(np.arange(len(flows)), count)
    inside = np.arange(len(flow)) - np.repeat(np.cumsum(count) - count, count)
    one, two = ours.first[flows][flow] + inside, theirs.first[others][flow] + inside
    differs = ours.length[one] != theirs.length[two]
    differs |= np.abs(ours.log_gap[one] - theirs.log_gap[two]) > APART
    same &= np.bincount(flow[differs], minlength=len(flows)) == 0
    return same


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection of 64 bits that spreads near numbers."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)
