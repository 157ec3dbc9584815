"""From numbers to packets: times, 5-tuples, header fields."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.collisions import kept_apart, later_ones
from ntgbench.traffic.trace import PacketTrace
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from ntgbench.mapping.words import Vectors
    from ntgbench.traffic.collisions import Columns
    from ntgbench_cascadenet.grid import Grid, Numbers
    from ntgbench_cascadenet.records import Records
    from ntgbench_cascadenet.series import Reals

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
    gap_ns: Reals  # float64 (N,). Time since the packet before in the same cell; that of its first does not count


def in_flow(made: Made, timestamps: Timestamps) -> Reals:
    """Time of each packet in steps since the flow's first step began, float64 (N,) (CascadeNet, section 3.4).

    eq: n packets divide the step into n + 1 equal parts. sp: they are evenly spread from middle - span to
    middle + span, as far as that is inside the step; a single one is in the middle of it, where the code of the paper
    has it at the beginning. ml: each is at its own place. gaps, which is ours: as sp, but with gaps in
    proportion to those of the packets.
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
        after = np.cumsum(np.where(rank == 0, 0.0, made.gap_ns))
        after -= after[first][cell]
        total = after[first + made.packets - 1][cell]
        share = np.where(total > 0, after / np.where(total > 0, total, 1.0), share)
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
    """The trace of the flows, in the order of time, on the clock of the grid; it lasts `span_ns` at most.

    The true numbers of a trace give its times back to the nanosecond, up to 2^49 ns, six days.

    Each flow is centred on its middle. With repeats "repair", a flow that would reach out of the time is squeezed
    towards its middle, and one with the 5-tuple of an earlier flow gets another port: all packets are kept. With "ref",
    as in the code of CascadeNet, the packets outside and the later flow are left out; there may be no packet then.

    Logs a warning for each of these. What is lost is counted; what is changed is told as a share, so that the notes of
    several samples say the same.
    """
    of_flow = np.repeat(made.flow, made.packets)
    first = np.searchsorted(of_flow, np.arange(len(made.middle_ns)))
    steps = in_flow(made, timestamps)
    earliest, latest = np.minimum.reduceat(steps, first), np.maximum.reduceat(steps, first)
    from_middle = (steps - ((earliest + latest) / 2)[of_flow]) * grid.step_ns
    repeated = later_ones(made.flows)
    flows = made.flows
    if repeats == "repair":
        shrunk = _shrunk((latest - earliest) / 2 * grid.step_ns, made.middle_ns, span_ns)
        from_middle *= shrunk[of_flow]
        _tell_share(shrunk < 1, "reached out of the time asked for and were squeezed into it")
        if repeated.any():
            flows = kept_apart(flows, rng)
            _tell_share(repeated, "had the 5-tuple of an earlier flow and were given another port")
    after_ns = np.rint(from_middle + made.middle_ns[of_flow]).astype(np.int64)
    if repeats == "repair":
        # What was squeezed may be off by a rounding error.
        after_ns = np.clip(after_ns, 0, span_ns)
    kept = (after_ns >= 0) & (after_ns <= span_ns)
    if not kept.all():
        _log.warning("left out: %s outside the time asked for", pluralised(int(np.sum(~kept)), "packet"))
    if repeats == "ref" and repeated.any():
        kept &= ~repeated[of_flow]
        _log.warning("left out: %s with the 5-tuple of an earlier flow", pluralised(int(np.sum(repeated)), "flow"))
    columns = {name: column[of_flow[kept]] for name, column in flows.items()}
    fields = records.decode(made.records[kept], columns["protocol"], columns["source"])
    return PacketTrace.of(time_ns=grid.start_ns + after_ns[kept], **columns, **fields).sorted_by_time()


def _shrunk(half_ns: Reals, middle_ns: Reals, span_ns: int) -> Reals:
    """The share of its duration that fits for each flow, 0..1, float64 (F,)."""
    room = np.maximum(np.minimum(middle_ns, span_ns - middle_ns), 0.0)
    # Half a nanosecond is rounded away.
    return np.where(half_ns > room + 0.5, room / np.maximum(half_ns, 0.5), 1.0)


def _tell_share(flows: npt.NDArray[np.bool_], what: str) -> None:
    if flows.any():
        share = flows.mean()
        _log.warning("%s of flows %s", "less than 1%" if share < 0.01 else f"{share:.0%}", what)
