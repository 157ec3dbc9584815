"""PacketTrace: the headers of captured TCP and UDP packets as columns."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError, refuse

TCP = 6
UDP = 17

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_IPV4_MAPPED = np.uint64(0xFFFF_0000_0000)

_COLUMNS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
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
}


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

    def __post_init__(self) -> None:
        count = len(self.time_ns)
        for name, (kind, tail) in _COLUMNS.items():
            column = np.asarray(getattr(self, name))
            if column.dtype != kind or column.shape != (count, *tail):
                raise TrafficError(
                    f"{name} must be {np.dtype(kind).name} with shape {(count, *tail)}, "
                    f"not {column.dtype} with shape {column.shape}"
                )
            column = np.array(column) if column.flags.writeable else column
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        refuse((self.protocol != TCP) & (self.protocol != UDP), "protocol is 6 (TCP) or 17 (UDP)")
        for name in ("tcp_flags", "tcp_sequence", "tcp_acknowledgement"):
            refuse((self.protocol == UDP) & (getattr(self, name) != 0), f"{name} is 0 for UDP")
        refuse(self.payload_length < 0, "payload_length is not negative")
        refuse(self.payload_length >= self.ip_length, "payload_length is less than ip_length")

    def __len__(self) -> int:
        return len(self.time_ns)

    def is_ipv4(self) -> npt.NDArray[np.bool_]:
        """Which packets travelled over IPv4, bool (N,)."""
        mapped: npt.NDArray[np.bool_] = (self.source[:, 0] == 0) & (self.source[:, 1] >> np.uint64(32) == 0xFFFF)
        return mapped

    def select(self, rows: npt.ArrayLike) -> PacketTrace:
        """The packets at `rows` (indices or a mask), in that order."""
        index = np.asarray(rows)
        if index.size == 0:
            index = index.astype(np.int64)
        return replace(self, **{field.name: getattr(self, field.name)[index] for field in fields(self)})


def ipv4_address(address: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """IPv4 addresses, uint32 (N,), as the (high, low) halves that `PacketTrace` holds, uint64 (N, 2)."""
    halves = np.zeros((len(address), 2), np.uint64)
    halves[:, 1] = address.astype(np.uint64) | _IPV4_MAPPED
    return halves
