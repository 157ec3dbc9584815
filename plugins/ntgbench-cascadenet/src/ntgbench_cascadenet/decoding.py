"""From numbers to packets: times, 5-tuples, header fields."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ntgbench.traffic.trace import PacketTrace, is_ipv4
from ntgbench.words import pluralised
from ntgbench_cascadenet.collisions import kept_apart, later_ones

if TYPE_CHECKING:
    from ntgbench_cascadenet.collisions import Columns
    from ntgbench_cascadenet.grid import Grid, Numbers
    from ntgbench_cascadenet.records import Records
    from ntgbench_cascadenet.series import Reals
    from ntgbench_cascadenet.words import Vectors

Timestamps = Literal["eq", "sp", "ml", "gaps"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Made:
    """F flows as numbers, with K cells, flow by flow in the order of steps, and N packets, cell by cell."""

    flows: Columns  # columns of the 5-tuple, (F,) each
    middle_ns: Reals  # float64 (F,). Middle between first and last packet, since the start of the trace
    flow: Numbers  # int64 (K,). Flow of each cell, ascending; every flow has at least one
    step: Numbers  # int64 (K,). Step since the flow's first
    packets: Numbers  # int64 (K,). Packets in the step, at least 1
    middle: Reals  # float64 (K,). Middle of the packets, 0..1 of the step
    span: Reals  # float64 (K,). Half of the time that they fill, 0..0.5 of the step
    records: Vectors  # float32 (N, width). See `Records`
    place: Reals  # float64 (N,). Where each packet is in its step, 0..1
    gap: Reals  # float64 (N,). Nanoseconds since the packet before in the same cell; that of its first does not count


def in_flow(made: Made, timestamps: Timestamps) -> Reals:
    """Time of each packet in steps since the flow's first step began, float64 (N,) (CascadeNet, section 3.4).

    eq: n packets divide the step into n + 1 equal parts. sp: they are evenly spread over the span, and a single one is
    in its middle. ml: each is at its own place. gaps, which is ours: as sp, but with gaps in proportion to their own.
    """
    cell = np.repeat(np.arange(len(made.packets)), made.packets)
    step = made.step[cell].astype(np.float64)
    if timestamps == "ml":
        return step + made.place
    rank = np.arange(len(cell)) - np.repeat(np.cumsum(made.packets) - made.packets, made.packets)
    count = made.packets[cell]
    if timestamps == "eq":
        return step + (rank + 1) / (count + 1)
    low = np.clip(made.middle - made.span, 0.0, 1.0)[cell]
    high = np.clip(made.middle + made.span, 0.0, 1.0)[cell]
    share = np.where(count > 1, rank / np.maximum(count - 1, 1), 0.5)
    if timestamps == "gaps":
        first = np.flatnonzero(rank == 0)
        after = np.cumsum(np.where(rank == 0, 0.0, made.gap))
        after -= after[first][cell]
        total = after[np.append(first[1:], len(rank)) - 1][cell]
        share = np.where(total > 0, after / np.maximum(total, 1e-300), share)
    return step + low + (high - low) * share


def decode(
    made: Made,
    records: Records,
    grid: Grid,
    timestamps: Timestamps,
    repeats: Literal["repair", "ref"],
    span_ns: int,
    rng: np.random.Generator,
) -> PacketTrace:
    """The trace of the flows, in the order of time; it may be empty when repeats is "ref".

    Each flow is centred on its middle. A flow that would reach out of the first `span_ns` of the grid is moved inside;
    what is still outside then, and whatever is outside when repeats is "ref", is left out. Logs how many packets that
    were, and how many flows had the 5-tuple of an earlier one.
    """
    of_flow = made.flow[np.repeat(np.arange(len(made.flow)), made.packets)]
    first = np.searchsorted(of_flow, np.arange(len(made.middle_ns)))
    tau = in_flow(made, timestamps)
    earliest, latest = np.minimum.reduceat(tau, first), np.maximum.reduceat(tau, first)
    half_ns = (latest - earliest) / 2 * grid.step_ns
    after = (tau - ((earliest + latest) / 2)[of_flow]) * grid.step_ns
    if repeats == "repair":
        room = np.clip(np.minimum(made.middle_ns, span_ns - made.middle_ns), 0.0, None)
        after *= np.minimum(room / np.maximum(half_ns, 1e-9), 1.0)[of_flow]
        # A float may be some nanoseconds off at the ends.
        after_ns = np.clip(np.rint(after + made.middle_ns[of_flow]), 0, span_ns).astype(np.int64)
    else:
        after_ns = np.rint(after + made.middle_ns[of_flow]).astype(np.int64)
    inside = (after_ns >= 0) & (after_ns <= span_ns)
    if not inside.all():
        _log.warning("%s outside the time asked for left out", pluralised(int((~inside).sum()), "packet"))

    later = later_ones(made.flows)
    flows = made.flows
    if later.any():
        count = pluralised(int(later.sum()), "flow")
        if repeats == "ref":
            inside &= ~later[of_flow]
            _log.warning("%s left out, because an earlier flow had the same 5-tuple", count)
        else:
            flows = kept_apart(flows, rng)
            _log.warning("%s given another port, because an earlier flow had the same 5-tuple", count)
    of_flow = of_flow[inside]
    columns = {name: column[of_flow] for name, column in flows.items()}
    records.decode(made.records[inside], columns, is_ipv4(columns["source"]))
    return PacketTrace.of(time_ns=grid.start_ns + after_ns[inside], **columns).sorted_by_time()
