"""Header fields of packets as numbers in 0..1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.mapping.ranges import LIMITS, ranges_of, shares, values_of
from ntgbench.traffic.trace import is_ipv4, shortest_headers

if TYPE_CHECKING:
    from ntgbench.mapping.ranges import Fields, Range
    from ntgbench.mapping.words import Vectors
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.grid import Numbers
    from ntgbench_cascadenet.series import Reals


@dataclass(frozen=True)
class Records:
    """How header fields become numbers and back.

    Order of the numbers: length, TOS, id, one for each combination of IP flags, fragment offset, TTL, place in the
    step, and, when packets have gaps, the gap: log(1 + ns since the packet before). The code of CascadeNet divides
    fragment offsets by 65,535, "type" by what the field can hold.

    Attributes:
        ranges: of the fields of `LIMITS`, see `ntgbench.mapping.ranges`.
        flags: combinations of IP flags, ascending.
        longest_gap: log(1 + ns) of the longest gap inside a step, which becomes 1; None when packets have no gaps.
    """

    ranges: tuple[Range, ...]
    flags: tuple[int, ...]
    longest_gap: float | None = None

    @staticmethod
    def of(trace: PacketTrace, fields: Fields, longest_gap: float | None = None) -> Records:
        """The ranges of a trace; see the parameter `fields`."""
        return Records(ranges_of(trace, fields), tuple(np.unique(trace.ip_flags).tolist()), longest_gap)

    @property
    def width(self) -> int:
        """Numbers of a packet."""
        return self._place + 1 + (self.longest_gap is not None)

    def encode(self, trace: PacketTrace, place: Reals, gap_ns: Numbers) -> Vectors:
        """Numbers of each packet, float32 (N, width), in 0..1.

        `place`, float64 (N,), is where it is in its step, and `gap_ns`, int64 (N,), how long after the packet before.
        """
        made = np.empty((len(trace), self.width), np.float32)
        for name, column, within in zip(LIMITS, self._columns, self.ranges, strict=True):
            made[:, column] = shares(getattr(trace, name), within)
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
        for name, column, within in zip(LIMITS, self._columns, self.ranges, strict=True):
            fields[name] = values_of(numbers[:, column], within)
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
        return len(LIMITS) + len(self.flags)

    @property
    def _flags(self) -> slice:
        """Columns of the flags."""
        return slice(3, 3 + len(self.flags))

    @property
    def _columns(self) -> tuple[int, ...]:
        """Columns of the fields of `LIMITS`."""
        return 0, 1, 2, 3 + len(self.flags), 4 + len(self.flags)
