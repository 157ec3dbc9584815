"""Header fields of packets as numbers in 0..1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import is_ipv4, shortest_headers

if TYPE_CHECKING:
    from ntgbench.mapping.words import Vectors
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.grid import Numbers
    from ntgbench_cascadenet.series import Reals

NUMERIC = ("ip_length", "tos", "ip_id", "fragment_offset", "ttl")
"""Fields that are one number each."""

TYPE_RANGES = {"tos": (0, 255), "ip_id": (0, 65_535), "fragment_offset": (0, 8_191), "ttl": (0, 255)}
"""What the fields can hold; lengths have the range of the training trace always."""


@dataclass(frozen=True)
class Records:
    """How header fields become numbers and back.

    Order of the numbers: length, TOS, id, one for each combination of IP flags, fragment offset, TTL, place in the
    step, and, when packets have gaps, the gap: log(1 + ns since the packet before). The code of CascadeNet divides
    fragment offsets by 65,535, "type" by what the field can hold.

    Attributes:
        ranges: lowest and highest value of each of `NUMERIC`, which become 0 and 1.
        flags: combinations of IP flags, ascending.
        longest_gap: log(1 + ns) of the longest gap inside a step, which becomes 1; None when packets have no gaps.
    """

    ranges: tuple[tuple[int, int], ...]
    flags: tuple[int, ...]
    longest_gap: float | None = None

    @staticmethod
    def of(trace: PacketTrace, fields: Literal["type", "observed"], longest_gap: float | None = None) -> Records:
        """The ranges of a trace; see the parameter `fields`."""
        ranges = []
        for name in NUMERIC:
            column = getattr(trace, name)
            observed = int(column.min()), int(column.max())
            ranges.append(TYPE_RANGES.get(name, observed) if fields == "type" else observed)
        return Records(tuple(ranges), tuple(np.unique(trace.ip_flags).tolist()), longest_gap)

    @property
    def width(self) -> int:
        """Numbers of a packet."""
        return self._place + 1 + (self.longest_gap is not None)

    def encode(self, trace: PacketTrace, place: Reals, gap_ns: Numbers) -> Vectors:
        """Numbers of each packet, float32 (N, width), in 0..1.

        `place`, float64 (N,), is where it is in its step, and `gap_ns`, int64 (N,), how long after the packet before.
        """
        made = np.empty((len(trace), self.width), np.float32)
        for name, column, (low, high) in zip(NUMERIC, self._columns, self.ranges, strict=True):
            made[:, column] = (getattr(trace, name) - float(low)) / max(high - low, 1)
        made[:, self._flags] = trace.ip_flags[:, None] == np.array(self.flags)
        made[:, self._place] = place
        if self.longest_gap is not None:
            made[:, -1] = np.log1p(gap_ns) / self.longest_gap
        return made

    def decode(
        self, numbers: Vectors, protocol: npt.NDArray[np.uint8], source: npt.NDArray[np.uint64]
    ) -> dict[str, npt.NDArray[Any]]:
        """The header fields, (N,) each, of packets with these numbers, float32 (N, width), protocol and source address.

        Fields are whole numbers in their range. A packet is at least as long as its headers, and IPv6 has no IP id,
        flags and fragment offset.
        """
        fields: dict[str, npt.NDArray[Any]] = {}
        for name, column, (low, high) in zip(NUMERIC, self._columns, self.ranges, strict=True):
            unit = np.clip(numbers[:, column], 0.0, 1.0).astype(np.float64)
            fields[name] = np.rint(low + unit * (high - low)).astype(np.int64)
        fields["ip_flags"] = np.array(self.flags)[np.argmax(numbers[:, self._flags], axis=1)]
        fields["ip_length"] = np.maximum(fields["ip_length"], shortest_headers(protocol, source))
        for name in ("ip_id", "ip_flags", "fragment_offset"):
            fields[name][~is_ipv4(source)] = 0
        return fields

    def place(self, numbers: Vectors) -> Reals:
        """Where each packet is in its step, float64 (N,) in 0..1."""
        return numbers[:, self._place].astype(np.float64)

    def gap_ns(self, numbers: Vectors) -> Reals:
        """Time since the packet before in the same step in ns, float64 (N,); 0 when packets have no gaps."""
        if self.longest_gap is None:
            return np.zeros(len(numbers))
        return np.expm1(numbers[:, -1].astype(np.float64) * self.longest_gap)

    @property
    def _place(self) -> int:
        """Column of the place in the step."""
        return len(NUMERIC) + len(self.flags)

    @property
    def _flags(self) -> slice:
        """Columns of the flags."""
        return slice(3, 3 + len(self.flags))

    @property
    def _columns(self) -> tuple[int, ...]:
        """Columns of the fields of `NUMERIC`."""
        return 0, 1, 2, 3 + len(self.flags), 4 + len(self.flags)
