"""From numbers to packets: times, 5-tuples, header fields."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ntgbench.mapping.words import WIDTH
from ntgbench.traffic.collisions import kept_apart, later_ones
from ntgbench.traffic.trace import PacketTrace

if TYPE_CHECKING:
    from ntgbench.mapping.words import Vectors
    from ntgbench_netshare.layout import Layout, Numbers

_log = logging.getLogger(__name__)


LONGEST_NS = 2**62
"""Sum of the gaps of a flow at most."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The attributes of P flows in one chunk each, in the order of chunks."""

    attributes: Vectors  # float32 (P, attributes). Pairs are decided
    flow: Numbers  # int64 (P,). A flow has the same number in each of its chunks; the numbers are 0, 1, …
    chunk: Numbers  # int64 (P,)


@dataclass(frozen=True, eq=False)
class Made:
    """F flows with N packets, flow by flow in the order of time."""

    attributes: Vectors  # float32 (F, attributes). Those in the first chunk of each
    flow: Numbers  # int64 (N,). Ascending; every flow has at least one packet
    chunk: Numbers  # int64 (N,). The chunk that a packet was made for
    after_ns: Numbers  # int64 (N,). Time since the start of the trace
    fields: Vectors  # float32 (N, fields)
    outside: int  # packets that came after the end of their chunk
    all: int  # packets before any was left out


def timed(
    parts: Parts,
    fields: Vectors,
    number: Numbers,
    layout: Layout,
    outside: Literal["squeeze", "drop"],
    span_ns: int,
) -> Made:
    """Packets at the start of their chunk, and the start of their flow in it, and the gaps up to them.

    Args:
        parts: flows in chunks.
        fields: of the packets of one after the other, float32 (N, fields).
        number: packets of each, at least 1, int64 (P,).
        layout: what numbers mean.
        outside: what happens to packets after the end of their chunk; a first packet never is one.
        span_ns: what the trace is stretched to; gaps stay as they are.
    """
    stretch = span_ns / max(layout.slices.span_ns, 1)
    table = np.array([(one.earliest, one.latest, one.gap_ns) for one in layout.chunks], np.float64)
    low, high, longest_gap = table[parts.chunk].T
    unit = np.clip(parts.attributes[:, -1].astype(np.float64), 0.0, 1.0)
    begin = (low + unit * (high - low)) * stretch
    end = np.minimum((layout.slices.begins[parts.chunk + 1] - 1) * stretch, span_ns)
    room = np.maximum(end - begin, 0.0)

    part = np.repeat(np.arange(len(number)), number)
    first = np.cumsum(number) - number
    # Whole ns: sums over all flows would lose digits as floats. No flow may last longer than 64 bits can say.
    gaps = np.minimum(np.rint(layout.gap_ns(fields, longest_gap[part])), (LONGEST_NS // number)[part]).astype(np.int64)
    gaps[first] = 0
    since = np.cumsum(gaps)
    since -= since[first][part]
    # Half a nanosecond is rounded away.
    late = since > room[part] + 0.5
    keep = np.ones(len(part), bool)
    if outside == "drop":
        keep = ~late
    else:
        whole = since[first + number - 1]
        since = since * np.minimum(room / np.maximum(whole, 1), 1.0)[part]
    after_ns = np.clip(np.rint(begin[part] + since), 0, span_ns).astype(np.int64)
    part, after_ns, fields = part[keep], after_ns[keep], fields[keep]
    order = np.argsort(parts.flow[part], kind="stable")
    part = part[order]
    heads = np.unique(parts.flow, return_index=True)[1]
    return Made(
        attributes=parts.attributes[heads],
        flow=parts.flow[part],
        chunk=parts.chunk[part],
        after_ns=after_ns[order],
        fields=fields[order],
        outside=int(late.sum()),
        all=len(late),
    )


def joined(parts: list[Made]) -> Made:
    """All flows, one part after the other."""
    sizes = [len(part.attributes) for part in parts]
    shift = np.cumsum(sizes) - sizes
    return Made(
        attributes=np.concatenate([part.attributes for part in parts]),
        flow=np.concatenate([part.flow + by for part, by in zip(parts, shift, strict=True)]),
        chunk=np.concatenate([part.chunk for part in parts]),
        after_ns=np.concatenate([part.after_ns for part in parts]),
        fields=np.concatenate([part.fields for part in parts]),
        outside=sum(part.outside for part in parts),
        all=sum(part.all for part in parts),
    )


def kept_whole(made: Made, packets: int, rng: np.random.Generator) -> Made:
    """Flows in random order until there are so many packets, the last one cut; there must be enough."""
    count = np.bincount(made.flow)
    order = rng.permutation(len(count))
    kept = order[: int(np.searchsorted(np.cumsum(count[order]), packets)) + 1]
    first = np.cumsum(count) - count
    taken = count[kept]
    taken[-1] -= taken.sum() - packets
    flow = np.repeat(np.arange(len(kept)), taken)
    rows = first[kept][flow] + np.arange(packets) - (np.cumsum(taken) - taken)[flow]
    return Made(
        made.attributes[kept], flow, made.chunk[rows], made.after_ns[rows], made.fields[rows], made.outside, made.all
    )


def decode(made: Made, layout: Layout, repeats: Literal["repair", "drop"], rng: np.random.Generator) -> PacketTrace:
    """The trace of the flows, in the order of time.

    A flow with the 5-tuple of an earlier one gets another port with "repair". With "drop" its packets are left out in
    the chunks that the earlier one has packets in.

    Logs warnings, which become notes on the row: packets that fell outside their chunk, and flows with a 5-tuple that
    another one has, as shares, so that the notes of several samples say the same.
    """
    if made.outside:
        _log.warning("%s of packets fell outside their chunk", _share(made.outside, made.all))
    bits = 2 * layout.tuples.bits
    chosen = made.attributes[:, :bits:2] > 0.5
    vectors = made.attributes[:, 2 * layout.bits : -1]
    assert vectors.shape[1] == WIDTH * layout.tuples.vectors
    flows = layout.tuples.decode(chosen.astype(np.uint8), vectors)
    repeated = later_ones(flows)
    keep = np.ones(len(made.flow), bool)
    if repeated.any():
        what = "were given another port" if repeats == "repair" else "were left out where both are in a chunk"
        share = _share(int(repeated.sum()), len(repeated))
        _log.warning("%s of flows had the 5-tuple of an earlier flow and %s", share, what)
        if repeats == "repair":
            flows = kept_apart(flows, rng)
        else:
            keep = ~_repeated_in_chunk(made, flows)
    flow = made.flow[keep]
    columns = {name: column[flow] for name, column in flows.items()}
    fields = layout.decode(made.fields[keep], columns["protocol"], columns["source"])
    time_ns = layout.slices.start_ns + made.after_ns[keep]
    return PacketTrace.of(time_ns=time_ns, **columns, **fields).sorted_by_time()


def _repeated_in_chunk(made: Made, flows: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Which packets are of a flow whose 5-tuple an earlier flow of the same chunk has, bool (N,)."""
    found = np.zeros(len(made.flow), bool)
    for k in np.unique(made.chunk):
        inside = made.chunk == k
        there = np.unique(made.flow[inside])
        later = there[later_ones({name: column[there] for name, column in flows.items()})]
        found |= inside & np.isin(made.flow, later)
    return found


def _share(part: int, whole: int) -> str:
    share = part / whole
    return "less than 1%" if share < 0.01 else f"{share:.0%}"
