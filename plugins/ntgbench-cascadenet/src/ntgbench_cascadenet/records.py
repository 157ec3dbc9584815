"""Header fields of packets as numbers in 0..1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import shortest_headers

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.words import Vectors

NUMERIC = ("ip_length", "tos", "ip_id", "fragment_offset", "ttl")
"""Fields that are one number each. The flags are one number a combination that occurs, and the place of the packet in
its step is the last number."""

TYPE_RANGES = {"tos": (0, 255), "ip_id": (0, 65_535), "fragment_offset": (0, 8_191), "ttl": (0, 255)}
"""What the fields can hold; lengths have the range of the training trace always."""


@dataclass(frozen=True)
class Records:
    """How header fields become numbers and back.

    Order of the numbers: length, TOS, id, one for each combination of IP flags, fragment offset, TTL, place in the step.

    Attributes:
        ranges: lowest and highest value of each of `NUMERIC`, which become 0 and 1.
        flags: combinations of IP flags, ascending.
        longest_gap: log(1 + ns) of the longest gap inside a step, which becomes 1; None when gaps are no numbers.
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
        return len(NUMERIC) + len(self.flags) + 1 + (self.longest_gap is not None)

    def encode(
        self, trace: PacketTrace, place: npt.NDArray[np.float64], gap_ns: npt.NDArray[np.int64]
    ) -> Vectors:
        """The numbers of each packet, float32 (N, width), in 0..1; `place` is where it is in its step."""
        numbers = {
            name: (getattr(trace, name) - float(low)) / max(high - low, 1)
            for name, (low, high) in zip(NUMERIC, self.ranges, strict=True)
        }
        flags = trace.ip_flags[:, None] == np.array(self.flags)
        columns = [numbers["ip_length"], numbers["tos"], numbers["ip_id"], *flags.T]
        columns += [numbers["fragment_offset"], numbers["ttl"], place]
        if self.longest_gap is not None:
            columns.append(np.log1p(gap_ns) / self.longest_gap)
        return np.column_stack(columns).astype(np.float32)

    def decode(self, numbers: Vectors, known: dict[str, npt.NDArray[Any]], ipv4: npt.NDArray[np.bool_]) -> None:
        """Add the header fields of the packets, from float32 (N, width), to the columns known of them.

        Fields are whole numbers in the range of their types. A packet is at least as long as its headers, and IPv6 has
        no IP id, flags and fragment offset.
        """
        kinds = len(self.flags)
        places = (0, 1, 2, 3 + kinds, 4 + kinds)
        for name, place, (low, high) in zip(NUMERIC, places, self.ranges, strict=True):
            values = np.rint(low + np.clip(numbers[:, place].astype(np.float64), 0.0, 1.0) * (high - low))
            known[name] = values.astype(np.int64)
        known["ip_flags"] = np.array(self.flags)[np.argmax(numbers[:, 3 : 3 + kinds], axis=1)]
        known["ip_length"] = np.maximum(known["ip_length"], shortest_headers(known["protocol"], known["source"]))
        for name in ("ip_id", "ip_flags", "fragment_offset"):
            known[name] = np.where(ipv4, known[name], 0)

    def place(self, numbers: Vectors) -> npt.NDArray[np.float64]:
        """Where each packet is in its step, float64 (N,) in 0..1."""
        return numbers[:, len(NUMERIC) + len(self.flags)].astype(np.float64)

    def gap(self, numbers: Vectors) -> npt.NDArray[np.float64]:
        """Nanoseconds since the packet before in the same step, float64 (N,); 0 when gaps are no numbers."""
        if self.longest_gap is None:
            return np.zeros(len(numbers))
        return np.expm1(numbers[:, -1].astype(np.float64) * self.longest_gap)
