"""Captures: pcap and pcapng files read into a PacketTrace, with an account of what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.capture_files import SIZE_LIMIT, read_records
from ntgbench.traffic.headers import KEPT, LATER_FRAGMENT, REASONS, UNSUPPORTED_LINK, Packets, decode
from ntgbench.traffic.notes import counted
from ntgbench.traffic.trace import UDP, PacketTrace

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

_CHUNK = 1 << 14
"""Packets decoded at a time: few enough for their columns to stay in the processor's cache."""

_Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Capture:
    """What `read_capture` made of a file.

    Attributes:
        trace: the packets that are TCP or UDP over IP, in the order of the file.
        frame: int64 (len(trace),). Position of each of them among the packets of the file, from 0.
        packets: packets read from the file.
        left_out: how many packets are not in `trace`, by reason.
        warnings: damage, and how far the file was read.
    """

    trace: PacketTrace
    frame: npt.NDArray[np.int64]
    packets: int
    left_out: Mapping[str, int]
    warnings: tuple[str, ...]

    def notes(self) -> tuple[str, ...]:
        """The warnings, and a line for each reason why packets were left out."""
        return (*self.warnings, *counted(self.changes()))

    def changes(self) -> dict[str, int]:
        """How many packets were left out, by the sentence that says why with {} for their number."""
        return {f"left out {{}} packets: {reason}": count for reason, count in self.left_out.items()}


def read_capture(path: str | os.PathLike[str], *, inner: bool = False, size_limit: int = SIZE_LIMIT) -> Capture:
    """The TCP and UDP packets of a pcap or pcapng file, plain or gzip.

    Payload lengths come from the lengths in the headers, so that a capture cut by a snap length gives the same answer
    as a full one. The payload of UDP is what its own length states, but no more than the IP packet has room for.

    The first fragment of a datagram stands for all of it; later ones are left out. Its payload is that of the whole
    datagram when the last fragment was captured too (up to the largest end over the fragments of the same source,
    destination, protocol and identification), otherwise what the UDP length states or, for TCP, what the first fragment
    itself carries.

    Args:
        path: the file.
        inner: read the packets inside GRE, ERSPAN, IPv4-in-IP and IPv6-in-IP, which are left out otherwise. Tunnels
            over UDP are UDP biflows either way.
        size_limit: most bytes that a compressed file may expand to.

    Raises:
        CaptureError: the file cannot be read at all. Damage further on ends the reading there and is a warning.
    """
    records = read_records(path, size_limit=size_limit)
    reasons, kept, fragments = [], [], []
    # One chunk at least, so that a capture without packets has its columns too.
    for begin in range(0, max(len(records), 1), _CHUNK):
        packets = Packets(records, slice(begin, begin + _CHUNK))
        decode(packets, inner)
        reasons.append(packets.reason)
        kept.append(_columns(packets))
        fragments.append(_fragments(packets, begin))
    reason = np.concatenate(reasons)
    frame = np.flatnonzero(reason == KEPT)
    columns = _concatenate(kept)
    first, payload = _whole_payloads(_concatenate(fragments))
    rows = np.searchsorted(frame, first)
    columns["ip_length"][rows] += payload - columns["payload_length"][rows]
    columns["payload_length"][rows] = payload
    for column in columns.values():
        column.flags.writeable = False
    trace = PacketTrace(time_ns=records.time_ns[frame], **columns)
    return Capture(trace, frame, len(records), _left_out(reason, records.link), records.warnings)


def _concatenate(parts: list[_Columns]) -> _Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _columns(packets: Packets) -> _Columns:
    """The packets that are kept, as columns of a PacketTrace."""
    kept = packets.reason == KEPT
    header, payload = (packets.payload_at - packets.ip_at)[kept], packets.payload[kept]
    ip_length = np.where(packets.fragment[kept], header + payload, (packets.ip_end - packets.ip_at)[kept])
    return {
        "source": packets.source[kept],
        "destination": packets.destination[kept],
        "source_port": packets.ports[kept, 0],
        "destination_port": packets.ports[kept, 1],
        "protocol": packets.protocol[kept].astype(np.uint8),
        "ip_length": ip_length.astype(np.int32),
        "payload_length": payload.astype(np.int32),
        "ttl": packets.ttl[kept],
        "tcp_flags": packets.flags[kept],
        "tcp_sequence": packets.numbers[kept, 0],
        "tcp_acknowledgement": packets.numbers[kept, 1],
    }


def _fragments(packets: Packets, begin: int) -> _Columns:
    """All fragments of the packets: what tells their datagrams apart, and which bytes of them they are."""
    rows = np.flatnonzero(packets.fragment & ((packets.reason == KEPT) | (packets.reason == LATER_FRAGMENT)))
    key = [packets.source[rows].T, packets.destination[rows].T]
    key += [packets.fragment_id[rows].astype(np.uint64), packets.protocol[rows].astype(np.uint64)]
    length = (packets.ip_end - packets.fragment_at)[rows]
    return {
        "frame": begin + rows,
        "key": np.vstack(key).T,
        "first": packets.reason[rows] == KEPT,
        "last": ~packets.more[rows],
        "end": packets.fragment_from[rows] + length,
        "payload": packets.payload[rows],
        "udp": packets.protocol[rows] == UDP,
        "header": (packets.payload_at - packets.fragment_at)[rows],
    }


def _whole_payloads(fragments: _Columns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Frames of the first fragments whose last fragment was captured too, and the payload of their datagrams."""
    datagrams, datagram = np.unique(fragments["key"], axis=0, return_inverse=True)
    datagram = datagram.reshape(-1)
    end = np.zeros(len(datagrams), np.int64)
    np.maximum.at(end, datagram, fragments["end"])
    complete = np.zeros(len(datagrams), np.bool_)
    complete[datagram[fragments["last"]]] = True
    payload = end[datagram] - fragments["header"]
    # A datagram may be padded beyond its UDP length.
    payload = np.where(fragments["udp"], np.minimum(payload, fragments["payload"]), payload)
    known = fragments["first"] & complete[datagram] & (payload >= 0)
    return fragments["frame"][known], payload[known].astype(np.int32)


def _left_out(reason: npt.NDArray[np.int8], link: npt.NDArray[np.uint32]) -> dict[str, int]:
    counts = {text: int(np.count_nonzero(reason == code)) for code, text in REASONS.items()}
    for number, count in zip(*np.unique(link[reason == UNSUPPORTED_LINK], return_counts=True), strict=True):
        counts[f"{REASONS[UNSUPPORTED_LINK]} {number}"] = int(count)
    del counts[REASONS[UNSUPPORTED_LINK]]
    return {text: count for text, count in counts.items() if count}
