"""PacketTrace: the headers of captured TCP and UDP packets as columns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError, refuse

if TYPE_CHECKING:
    from ntgbench.traffic.trace_flows import TraceFlows

TCP = 6
UDP = 17

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

MORE_FRAGMENTS, DO_NOT_FRAGMENT = 1, 2

_IPV4_MAPPED = np.uint64(0xFFFF_0000_0000)

COLUMN_KINDS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "time_ns": (np.int64, ()),
    "source": (np.uint64, (2,)),
    "destination": (np.uint64, (2,)),
    "source_port": (np.uint16, ()),
    "destination_port": (np.uint16, ()),
    "protocol": (np.uint8, ()),
    "ip_length": (np.int32, ()),
    "payload_length": (np.int32, ()),
    "ttl": (np.uint8, ()),
    "tcp_flags": (np.uint8, ()),
    "tcp_sequence": (np.uint32, ()),
    "tcp_acknowledgement": (np.uint32, ()),
    "tos": (np.uint8, ()),
    "ip_id": (np.uint16, ()),
    "ip_flags": (np.uint8, ()),
    "fragment_offset": (np.uint16, ()),
}
"""Type of each column of a trace, and its shape after the first axis."""

SHORTEST_HEADERS = {TCP: 40, UDP: 28}
"""Bytes of an IPv4 header without options and the shortest transport header, by protocol; IPv6 needs 20 more."""


@dataclass(frozen=True, eq=False)
class PacketTrace:
    """N packets in the order of their capture, immutable and checked at construction.

    Raises:
        TrafficError: naming the first row that breaks a rule, and the rule.
    """

    # int64 (N,). Nanoseconds since the epoch; float64 seconds would lose a capture's last digits
    time_ns: npt.NDArray[np.int64]
    # Addresses, uint64 (N, 2): IPv6 as (high, low) halves, IPv4 as the mapped ::ffff:a.b.c.d
    source: npt.NDArray[np.uint64]
    destination: npt.NDArray[np.uint64]
    source_port: npt.NDArray[np.uint16]
    destination_port: npt.NDArray[np.uint16]
    protocol: npt.NDArray[np.uint8]  # uint8 (N,). 6 = TCP, 17 = UDP
    ip_length: npt.NDArray[np.int32]  # int32 (N,). Bytes of the IP packet, headers included
    payload_length: npt.NDArray[np.int32]  # int32 (N,). Bytes of L4 payload, 0 <= payload_length < ip_length
    ttl: npt.NDArray[np.uint8]  # uint8 (N,). IPv4 time to live or IPv6 hop limit
    tcp_flags: npt.NDArray[np.uint8]  # uint8 (N,). Low eight TCP flags, 0 for UDP
    # uint32 (N,). The numbers in the TCP header, 0 for UDP
    tcp_sequence: npt.NDArray[np.uint32]
    tcp_acknowledgement: npt.NDArray[np.uint32]
    tos: npt.NDArray[np.uint8]  # uint8 (N,). IPv4 type of service or IPv6 traffic class
    ip_id: npt.NDArray[np.uint16]  # uint16 (N,). IPv4 identification, 0 for IPv6
    ip_flags: npt.NDArray[np.uint8]  # uint8 (N,). IPv4 flags: 1 = more fragments, 2 = do not fragment, 4 = reserved
    fragment_offset: npt.NDArray[np.uint16]  # uint16 (N,). IPv4 fragment offset in units of 8 bytes, 0..8191

    def __post_init__(self) -> None:
        count = len(self.time_ns)
        for name, (kind, tail) in COLUMN_KINDS.items():
            column = np.asarray(getattr(self, name))
            if column.dtype != kind or column.shape != (count, *tail):
                raise TrafficError(
                    f"{name} must be {np.dtype(kind).name} with shape {(count, *tail)}, "
                    f"not {column.dtype} with shape {column.shape}"
                )
            column = np.array(column) if column.flags.writeable else column
            column.flags.writeable = False
            # Of a view, unlike of an array that owns its memory, nobody can make that undone.
            object.__setattr__(self, name, column.view())
        refuse((self.protocol != TCP) & (self.protocol != UDP), "protocol is 6 (TCP) or 17 (UDP)")
        for name in ("tcp_flags", "tcp_sequence", "tcp_acknowledgement"):
            refuse((self.protocol == UDP) & (getattr(self, name) != 0), f"{name} is 0 for UDP")
        refuse(self.payload_length < 0, "payload_length is not negative")
        refuse(self.payload_length >= self.ip_length, "payload_length is less than ip_length")
        refuse(self.ip_flags > 7, "ip_flags has three bits")
        refuse(self.fragment_offset > 8191, "fragment_offset has thirteen bits")

    def __len__(self) -> int:
        return len(self.time_ns)

    def is_ipv4(self) -> npt.NDArray[np.bool_]:
        """Which packets travelled over IPv4, bool (N,)."""
        return is_ipv4(self.source)

    @property
    def span_ns(self) -> int:
        """Nanoseconds from the earliest to the latest packet, 0 for an empty trace."""
        return int(self.time_ns.max() - self.time_ns.min()) if len(self) else 0

    @cached_property
    def flows(self) -> TraceFlows:
        """The packets grouped by 5-tuple, see `TraceFlows`; worked out once."""
        from ntgbench.traffic.trace_flows import TraceFlows

        return TraceFlows.of(self)

    def select(self, rows: npt.ArrayLike) -> PacketTrace:
        """The packets at `rows` (indices or a mask), in that order."""
        index = np.asarray(rows)
        if index.size == 0:
            index = index.astype(np.int64)
        return replace(self, **{field.name: getattr(self, field.name)[index] for field in fields(self)})

    @staticmethod
    def of(**columns: npt.ArrayLike) -> PacketTrace:
        """A trace of the columns given, converted to their types; the others are filled in.

        `time_ns`, `source`, `destination`, `source_port`, `destination_port`, `protocol`, `ip_length` and `ttl` must be
        given; addresses as uint64 (N, 2), or as integers (N,), which are IPv4. `payload_length` is what the shortest
        headers leave of `ip_length`, at least 0, and everything else 0.

        Raises TrafficError for a value that its column cannot hold, as well as for a broken rule.
        """
        count = len(np.asarray(columns["time_ns"]))
        values = {name: np.asarray(value) for name, value in columns.items()}
        for name in ("source", "destination"):
            if values[name].ndim == 1:
                values[name] = ipv4_address(_converted(name, values[name], np.uint32))
        full = {
            name: _converted(name, values[name], kind) if name in values else np.zeros((count, *tail), kind)
            for name, (kind, tail) in COLUMN_KINDS.items()
        }
        if "payload_length" not in values:
            shortest = shortest_headers(full["protocol"], full["source"])
            full["payload_length"] = np.maximum(full["ip_length"] - shortest, 0)
        return PacketTrace(**full)

    @staticmethod
    def concat(parts: Sequence[PacketTrace]) -> PacketTrace:
        """The packets of all parts, one part after the other; times stay as they are. At least one part."""
        return PacketTrace(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMN_KINDS})

    def window(self, begin_ns: int, end_ns: int) -> PacketTrace:
        """The packets with begin_ns <= time_ns < end_ns, in their order."""
        return self.select((self.time_ns >= begin_ns) & (self.time_ns < end_ns))

    def sorted_by_time(self) -> PacketTrace:
        """The packets in the order of their times; those of one time stay in their order."""
        if (self.time_ns[1:] >= self.time_ns[:-1]).all():
            return self
        return self.select(np.argsort(self.time_ns, kind="stable"))

    def digest(self) -> str:
        """BLAKE2b-128 over the columns as little-endian bytes, as 32 hex digits: equal for equal packets in order."""
        state = hashlib.blake2b(digest_size=16)
        for name, (kind, _) in COLUMN_KINDS.items():
            state.update(f"{name} {len(self)} ".encode())
            state.update(np.ascontiguousarray(getattr(self, name), np.dtype(kind).newbyteorder("<")).data)
        return state.hexdigest()


def is_ipv4(address: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which addresses, as uint64 (N, 2), are IPv4 ones, bool (N,)."""
    mapped: npt.NDArray[np.bool_] = (address[:, 0] == 0) & (address[:, 1] >> np.uint64(32) == 0xFFFF)
    return mapped


def shortest_headers(protocol: npt.NDArray[np.uint8], source: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
    """Bytes that the headers of each packet take at least, int32 (N,)."""
    transport = np.where(protocol == TCP, SHORTEST_HEADERS[TCP], SHORTEST_HEADERS[UDP])
    return (transport + np.where(is_ipv4(source), 0, 20)).astype(np.int32)


def _converted(name: str, values: npt.NDArray[Any], kind: type[np.generic]) -> npt.NDArray[Any]:
    """`values` as integers of that type. Raises TrafficError for the first one that it cannot hold."""
    if values.dtype == kind:
        return values
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise TrafficError(f"{name} must hold integers, not {values.dtype}")
    limits = np.iinfo(kind)  # type: ignore[type-var]
    outside = (values < limits.min) | (values > limits.max) if values.size else np.zeros(0, bool)
    if outside.any():
        raise TrafficError(f"{name} must fit {np.dtype(kind).name}", int(np.argwhere(outside)[0][0]))
    return values.astype(kind)


def ipv4_address(address: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """IPv4 addresses, uint32 (N,), as the (high, low) halves that `PacketTrace` holds, uint64 (N, 2)."""
    halves = np.zeros((len(address), 2), np.uint64)
    halves[:, 1] = address.astype(np.uint64) | _IPV4_MAPPED
    return halves
