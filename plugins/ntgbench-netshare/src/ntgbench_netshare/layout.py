"""Which numbers flows and packets have, in which order, and what they mean; part of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ntgbench.mapping.ranges import LIMITS, shares, values_of
from ntgbench.mapping.words import WIDTH
from ntgbench.traffic.trace import is_ipv4, shortest_headers

if TYPE_CHECKING:
    from ntgbench.mapping.ranges import Range
    from ntgbench.mapping.tuples import Tuples
    from ntgbench.mapping.words import Vectors
    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Chunk:
    """What the numbers of one chunk mean. Times are in ns since the start of the trace.

    Attributes:
        flows: flows of the training trace with packets in it; 0 in an empty chunk, which has no model.
        earliest, latest: when its first and its last flow begin, which become 0 and 1.
        gap_ns: the longest time between packets of a flow in it, which becomes 1.
    """

    flows: int
    earliest: int
    latest: int
    gap_ns: int


@dataclass(frozen=True)
class Slices:
    """A trace cut into K slices of equal time, to the nanosecond. A slice may have no nanosecond in a short trace."""

    start_ns: int
    span_ns: int
    count: int

    @property
    def begins(self) -> Numbers:
        """First nanosecond of each slice since the start of the trace, and the end of the last one, int64 (K + 1,)."""
        return np.array([-(-k * (self.span_ns + 1) // self.count) for k in range(self.count + 1)])

    def of(self, after_ns: Numbers) -> Numbers:
        """The slice of each time since the start of the trace, int64 (N,)."""
        return np.searchsorted(self.begins[1:], after_ns, side="right")


@dataclass(frozen=True, eq=False)
class Layout:
    """Everything that turns a trace into the numbers that networks see.

    Attributes, in order: two numbers for each bit of the 5-tuple, for whether the flow starts in this chunk, and for
    whether it has packets in chunk k, for each k; ten for each vector of the 5-tuple; when it begins in the chunk.

    Features of a packet, in order: time since the packet before it in the flow and chunk, 0 for the first one; length;
    TOS; IP id; one for each combination of IP flags; fragment offset; TTL; two that say whether the flow goes on in the
    chunk. All are 0 after the last packet.

    NetShare (Yin et al. 2022, doi 10.1145/3544216.3544251).
    """

    slices: Slices
    chunks: tuple[Chunk, ...]
    tuples: Tuples
    ranges: tuple[Range, ...]  # of the fields of `LIMITS`, see `ntgbench.mapping.ranges`
    flags: tuple[int, ...]  # combinations of IP flags, ascending
    longest: int  # packets of a sequence
    gaps: Scale

    @property
    def bits(self) -> int:
        """Bits of the attributes, which take two numbers each."""
        return self.tuples.bits + 1 + self.slices.count

    @property
    def starts(self) -> int:
        """Which bit says that the flow starts in this chunk; those of the chunks follow."""
        return self.tuples.bits

    @property
    def attributes(self) -> int:
        """Numbers of a flow."""
        return 2 * self.bits + WIDTH * self.tuples.vectors + 1

    @property
    def fields(self) -> int:
        """Numbers of a packet without those that say whether the flow goes on."""
        return 6 + len(self.flags)

    @property
    def features(self) -> int:
        """Numbers of a packet."""
        return self.fields + 2

    @property
    def used(self) -> list[int]:
        """The chunks with flows."""
        return [k for k, chunk in enumerate(self.chunks) if chunk.flows]

    @property
    def first(self) -> int:
        """The chunk that is learnt first: the one with the most flows, the first of these."""
        return int(np.argmax([chunk.flows for chunk in self.chunks]))

    def encode(self, trace: PacketTrace, gap_ns: Numbers, longest_gap: int) -> Vectors:
        """The fields of packets, float32 (N, fields), in 0..1, for the gap before each one, int64 (N,)."""
        made = np.empty((len(trace), self.fields), np.float32)
        made[:, 0] = np.log1p(gap_ns) / np.log1p(longest_gap) if self.gaps == "log" else gap_ns / longest_gap
        for name, column, within in zip(LIMITS, self._columns, self.ranges, strict=True):
            made[:, column] = shares(getattr(trace, name), within)
        made[:, self._flags] = trace.ip_flags[:, None] == np.array(self.flags)
        return made

    def gap_ns(self, numbers: Vectors, longest_gap: Reals) -> Reals:
        """The gap before each packet, float64 (N,), for its fields and the longest gap of its chunk."""
        unit = np.clip(numbers[:, 0].astype(np.float64), 0.0, 1.0)
        return np.expm1(unit * np.log1p(longest_gap)) if self.gaps == "log" else unit * longest_gap

    def decode(
        self, numbers: Vectors, protocol: npt.NDArray[np.uint8], source: npt.NDArray[np.uint64]
    ) -> dict[str, npt.NDArray[Any]]:
        """The header fields, (N,) each, of packets with these numbers, protocol and source address.

        Fields are whole numbers in their range. A packet is at least as long as its headers, and IPv6 has no IP id,
        flags and fragment offset.
        """
        found: dict[str, npt.NDArray[Any]] = {}
        for name, column, within in zip(LIMITS, self._columns, self.ranges, strict=True):
            found[name] = values_of(numbers[:, column], within)
        found["ip_length"] = np.maximum(found["ip_length"], shortest_headers(protocol, source))
        found["ip_flags"] = np.array(self.flags)[np.argmax(numbers[:, self._flags], axis=1)]
        for name in ("ip_id", "ip_flags", "fragment_offset"):
            found[name][~is_ipv4(source)] = 0
        return found

    @property
    def _flags(self) -> slice:
        return slice(4, 4 + len(self.flags))

    @property
    def _columns(self) -> tuple[int, ...]:
        """Columns of the fields of `LIMITS`."""
        return 1, 2, 3, 4 + len(self.flags), 5 + len(self.flags)
