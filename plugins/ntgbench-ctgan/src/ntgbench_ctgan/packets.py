"""Packets as rows of a table, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import UDP, PacketTrace, is_ipv4, shortest_headers
from ntgbench_ctgan.columns import Mixtures, discrete, mixed
from ntgbench_ctgan.endpoints import Known, of_words, words
from ntgbench_ctgan.table import Rows, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ntgbench_ctgan.columns import Reals
    from ntgbench_ctgan.parameters import HeaderParameters

KINDS = ("protocol", "tos", "ip_flags", "tcp_flags")
"""Fields that are discrete columns."""

FIELDS = ("ip_length", "ttl", "ip_id", "fragment_offset")
"""Fields that are numbers."""

PORTS = ("source_port", "destination_port")
SIDES = ("source", "destination")

LARGEST = {
    "ip_length": 2**31 - 1,
    "ttl": 255,
    "ip_id": 65_535,
    "fragment_offset": 8_191,
    "source_port": 65_535,
    "destination_port": 65_535,
}
"""The largest number that each field can hold."""


@dataclass(frozen=True, eq=False)
class Packets:
    """What the columns of a table of packets are.

    Attributes:
        start_ns: time of the first packet.
        ipv6: whether a packet is IPv6, so that the table has a column for this.
        known: the addresses, where they are columns of ranks; None where they are numbers.
    """

    start_ns: int
    ipv6: bool
    known: Known | None

    @staticmethod
    def of(trace: PacketTrace, parameters: HeaderParameters) -> Packets:
        """The columns for a trace of at least one packet in the order of time."""
        known = Known.of(trace.source, trace.destination) if parameters.endpoints == "mixed" else None
        return Packets(int(trace.time_ns[0]), not bool(trace.is_ipv4().all()), known)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in their order."""
        parts = 4 if self.ipv6 and self.known is None else 1
        ends = [f"{side}.{part}" for side in SIDES for part in range(parts)]
        return ("time", *KINDS, *(("ipv6",) if self.ipv6 else ()), *FIELDS, *PORTS, *ends)

    def numbers(self, trace: PacketTrace) -> dict[str, Reals]:
        """The numbers of each column, float64 (N,); time is the place in the trace, 0..1."""
        made: dict[str, Reals] = {"time": (trace.time_ns - self.start_ns) / max(trace.span_ns, 1)}
        for name in (*KINDS, *FIELDS, *PORTS):
            made[name] = getattr(trace, name).astype(np.float64)
        if self.ipv6:
            made["ipv6"] = (~trace.is_ipv4()).astype(np.float64)
        for side in SIDES:
            address = getattr(trace, side)
            parts = words(address, self.ipv6) if self.known is None else [self.known.ranks(address)]
            made.update({f"{side}.{part}": numbers for part, numbers in enumerate(parts)})
        return {name: made[name] for name in self.names}

    def trace(self, numbers: Mapping[str, Reals], span_ns: int) -> PacketTrace:
        """Packets that can exist, in the order of time, of the numbers of each column, (N,)."""
        count = len(numbers["time"])
        ipv6 = numbers["ipv6"] > 0 if self.ipv6 else np.zeros(count, bool)
        place = np.clip(numbers["time"], 0.0, 1.0)
        columns: dict[str, npt.NDArray[Any]] = {
            # A rounded product can be above a long span.
            "time_ns": self.start_ns + np.minimum((place * span_ns).astype(np.int64), span_ns)
        }
        for name in KINDS:
            columns[name] = numbers[name].astype(np.uint8)
        for name, most in LARGEST.items():
            columns[name] = np.clip(np.rint(numbers[name]), 0, most).astype(np.int64)
        for side in SIDES:
            if self.known is None:
                parts = [numbers[name] for name in self.names if name.startswith(f"{side}.")]
                columns[side] = of_words(parts, ipv6)
            else:
                columns[side] = self.known.at(numbers[f"{side}.0"], ipv6)
        columns["ip_length"] = np.maximum(
            columns["ip_length"], shortest_headers(columns["protocol"], columns["source"])
        )
        columns["tcp_flags"] = np.where(columns["protocol"] == UDP, 0, columns["tcp_flags"])
        short = is_ipv4(columns["source"])
        for name in ("ip_id", "ip_flags", "fragment_offset"):
            columns[name] = np.where(short, columns[name], 0)
        return PacketTrace.of(**columns).sorted_by_time()


def table_of(
    numbers: Mapping[str, Reals], parameters: HeaderParameters, rng: np.random.Generator
) -> tuple[Table, Rows]:
    """The table of packets, and its rows; every column with categories is a condition."""
    p, mixtures = parameters, Mixtures(parameters.modes, parameters.mixture_rows)
    columns, rows = [], []
    for name, column in numbers.items():
        if name in (*KINDS, "ipv6"):
            made, choice, place = discrete(column)
        else:
            form = "modes" if name == "time" else p.fields if name in FIELDS else p.endpoints
            made, choice, place = mixed(column, mixtures, p.frequent if form == "mixed" else 0, rng)
        columns.append(made)
        rows.append((choice, place))
    conditional = tuple(i for i, column in enumerate(columns) if len(column.values))
    return Table(tuple(columns), conditional), Rows.of(rows)
