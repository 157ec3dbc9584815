"""A training trace as attributes and sequences, chunk by chunk."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.mapping.ranges import ranges_of
from ntgbench.mapping.tuples import Tuples
from ntgbench.words import pluralised
from ntgbench_netshare.layout import Chunk, Layout, Slices

if TYPE_CHECKING:
    from ntgbench.mapping.tuples import Bits
    from ntgbench.mapping.words import Vectors, Words
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_netshare.layout import Numbers
    from ntgbench_netshare.parameters import NetShareParameters

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Part:
    """The F flows of one chunk and their N packets, flow by flow in the order of time."""

    bits: Bits  # uint8 (F, bits). See `Layout`
    vectors: Vectors  # float32 (F, 30). Of ports and protocol
    start: Vectors  # float32 (F,). When a flow begins, 0..1
    fields: Vectors  # float32 (N, fields)
    first: Numbers  # int64 (F,). Its first packet
    count: Numbers  # int64 (F,). Its packets, at least 1 and at most as many as a sequence has

    def __len__(self) -> int:
        return len(self.first)


def encoded(train: PacketTrace, words: Words, p: NetShareParameters) -> tuple[Layout, dict[int, Part]]:
    """The layout of a trace in the order of time, and its chunks by number, without the empty ones.

    Logs a warning, which becomes a note on the row, when flows have more packets in a chunk than are learnt.
    """
    start_ns = int(train.time_ns[0])
    slices = Slices(start_ns, train.span_ns, p.chunks)
    chunk = slices.of(train.time_ns - start_ns)
    has = np.zeros((len(train.flows), p.chunks), bool)
    has[train.flows.number, chunk] = True
    rows = {int(k): np.flatnonzero(chunk == k) for k in np.unique(chunk)}
    cuts = [_Cut(train.select(chosen), start_ns) for chosen in rows.values()]
    _tell_what_is_left_out(np.concatenate([cut.trace.flows.count for cut in cuts]), p.longest)
    chunks = dict(zip(rows, (cut.chunk() for cut in cuts), strict=True))
    layout = Layout(
        slices=slices,
        chunks=tuple(chunks.get(k, Chunk(0, 0, 0, 1)) for k in range(p.chunks)),
        tuples=Tuples(not bool(train.is_ipv4().all()), words),
        ranges=ranges_of(train, p.fields),
        flags=tuple(np.unique(train.ip_flags).tolist()),
        longest=min(p.longest, max(int(cut.trace.flows.count.max()) for cut in cuts)),
        gaps=p.gaps,
    )
    table = words.table()
    parts = {}
    for (k, chosen), cut in zip(rows.items(), cuts, strict=True):
        heads = cut.trace.flows.heads()
        present = has[train.flows.number[chosen[heads]]]
        starts = present.argmax(1) == k
        head = cut.trace.select(heads)
        parts[k] = Part(
            bits=np.concatenate([layout.tuples.encode(head), starts[:, None], present], axis=1, dtype=np.uint8),
            vectors=table[words.index(head)].reshape(len(head), -1),
            start=cut.start(chunks[k]),
            fields=layout.encode(cut.trace.select(cut.trace.flows.order), cut.gap_ns, chunks[k].gap_ns),
            first=cut.trace.flows.first,
            count=np.minimum(cut.trace.flows.count, layout.longest),
        )
    return layout, parts


class _Cut:
    """The packets of one chunk, and the gap before each one in its flow, in the order of `trace.flows.order`."""

    def __init__(self, trace: PacketTrace, start_ns: int) -> None:
        self.trace, self.after_ns = trace, trace.time_ns - start_ns
        in_order = self.after_ns[trace.flows.order]
        self.gap_ns = np.diff(in_order, prepend=0)
        self.gap_ns[trace.flows.first] = 0
        self.begin_ns = in_order[trace.flows.first]

    def chunk(self) -> Chunk:
        longest_gap = max(int(self.gap_ns.max()), 1)
        return Chunk(len(self.begin_ns), int(self.begin_ns.min()), int(self.begin_ns.max()), longest_gap)

    def start(self, chunk: Chunk) -> npt.NDArray[np.float32]:
        """When each flow begins, 0..1 of the times in which flows begin (min-max)."""
        unit = (self.begin_ns - chunk.earliest) / max(chunk.latest - chunk.earliest, 1)
        return unit.astype(np.float32)


def _tell_what_is_left_out(count: Numbers, longest: int) -> None:
    cut = count > longest
    if cut.any():
        packets = int((count - longest)[cut].sum())
        _log.warning(
            "%s cut to %d packets in a chunk by the parameter longest; %s of %s not learnt from",
            f"{pluralised(int(cut.sum()), 'flow')} {'was' if cut.sum() == 1 else 'were'}",
            longest,
            pluralised(packets, "packet"),
            f"{int(count.sum()):,} {'was' if packets == 1 else 'were'}",
        )
