"""Header fields of packets as numbers in 0..1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import is_ipv4, shortest_headers

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.series import Reals
    from ntgbench_cascadenet.words import Vectors

NUMERIC = ("ip_length", "tos", "ip_id", "fragment_offset", "ttl")
"""Fields that are one number each."""

TYPE_RANGES = {"tos": (0, 255), "ip_id": (0, 65_535), "fragment_offset": (0, 8_191), "ttl": (0, 255)}
"""What the fields can hold; lengths have the range of the training trace always."""


@dataclass(frozen=True)
class Records:
    """How header fields become numbers and back.

    Order of the numbers: length, TOS, id, one for each combination of IP flags, fragment offset, TTL, and place in the
    step. Where the code of CascadeNet divides fragment offsets by 65,535, "type" divides by what the field can hold.

    Attributes:
        ranges: lowest and highest value of each of `NUMERIC`, which become 0 and 1.
        flags: combinations of IP flags, ascending.
    """

    ranges: tuple[tuple[int, int], ...]
    flags: tuple[int, ...]

    @staticmethod
    def of(trace: PacketTrace, fields: Literal["type", "observed"]) -> Records:
        """The ranges of a trace; see the parameter `fields`."""
        ranges = []
        for name in NUMERIC:
            column = getattr(trace, name)
            observed = int(column.min()), int(column.max())
            ranges.append(TYPE_RANGES.get(name, observed) if fields == "type" else observed)
        return Records(tuple(ranges), tuple(np.unique(trace.ip_flags).tolist()))

    @property
    def width(self) -> int:
        """Numbers of a packet."""
        return len(NUMERIC) + len(self.flags) + 1

    def encode(self, trace: PacketTrace, place: Reals) -> Vectors:
        """Numbers of each packet, float32 (N, width), in 0..1; `place`, float64 (N,), is where it is in its step."""
        made = np.empty((len(trace), self.width), np.float32)
        for name, column, (low, high) in zip(NUMERIC, self._columns, self.ranges, strict=True):
            made[:, column] = (getattr(trace, name) - float(low)) / max(high - low, 1)
        made[:, self._flags] = trace.ip_flags[:, None] == np.array(self.flags)
        made[:, -1] = place
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

    @property
    def _flags(self) -> slice:
        """Columns of the flags."""
        return slice(3, 3 + len(self.flags))

    @property
    def _columns(self) -> tuple[int, ...]:
        """Columns of the fields of `NUMERIC`."""
        return 0, 1, 2, 3 + len(self.flags), 4 + len(self.flags)
