"""Captures: pcap and pcapng files read into a PacketTrace, with an account of what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.capture_files import read_records
from ntgbench.traffic.fragments import Columns, fragments_of, number_datagrams, rejoin, whole_payloads
from ntgbench.traffic.headers import KEPT, REASONS, UNSUPPORTED_LINK, Packets, decode
from ntgbench.traffic.notes import filled
from ntgbench.traffic.trace import MORE_FRAGMENTS, PacketTrace
from ntgbench.traffic.unread import missing_packets, unread_frames

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from ntgbench.traffic.records import Offsets

_CHUNK = 1 << 14  # packets decoded at a time: few enough for their columns to stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Capture:
    """What `read_capture` made of a file."""

    trace: PacketTrace  # the packets that are TCP or UDP over IP, in the order of their times
    frame: npt.NDArray[np.int64]  # int64 (len(trace),). Position of each of them among the packets of the file, from 0
    packets: int  # packets read from the file
    left_out: Mapping[str, int]  # how many packets are not in `trace`, by reason
    was_sorted: bool  # whether the packets of the file were in another order than their times
    # Packets that could not be read although others between the same hosts are kept, by a sentence with {} in it.
    unread: Mapping[str, int]
    warnings: tuple[str, ...]  # damage, and how far the file was read

    def notes(self) -> tuple[str, ...]:
        """The warnings, and a line for each reason why packets were left out, or were sorted."""
        return (*self.warnings, *filled(self.changes()))

    def changes(self) -> dict[str, int]:
        """What was left out or changed: how often, by the sentence that says so with {} for the number."""
        changes = dict(self.unread)
        changes |= {f"left out {{}} [packet|packets]: {reason}": count for reason, count in self.left_out.items()}
        if not self.packets:
            changes["{} [capture has|captures have] no packet"] = 1
        if self.was_sorted:
            changes["sorted {} [capture whose|captures whose] packets were not in the order of their times"] = 1
        return changes


def read_capture(path: str | os.PathLike[str], *, inner: bool = False, size_limit: int | None = None) -> Capture:
    """The TCP and UDP packets of a pcap or pcapng file, plain or gzip, sorted by time.

    Payload lengths come from the lengths in the headers, so a capture cut by a snap length gives the same answer as a
    full one. The payload of UDP is what its own length states, but no more than the IP packet has room for.

    The first fragment of a datagram stands for all of it; later ones are left out. Its payload is that of the whole
    datagram when the last fragment was captured too (up to the largest end over the fragments of the same source,
    destination, protocol and identification), otherwise what the UDP length states or, for TCP, what the first fragment
    itself carries. Headers that are split over fragments are put together when all fragments were captured. The flag
    for more fragments is 0, as the packet stands for the whole datagram.

    Packets of one time stay in the order of the file. A packet without a time takes that of the packet before it.

    Args:
        path: the file.
        inner: read the packets inside GRE, ERSPAN, IPv4-in-IP and IPv6-in-IP, which are left out otherwise. Tunnels
            over UDP are UDP biflows either way.
        size_limit: most bytes that a compressed file may expand to; None takes `ntgbench.limits.size_limit()`.

    Raises:
        CaptureError: the file cannot be read at all. Damage further on ends the reading there and is a warning.
    """
    records = read_records(path, size_limit=size_limit)
    reasons, kept, pieces, unread = [], [], [], []
    # One chunk at least, so that a capture without packets has its columns too.
    for begin in range(0, max(len(records), 1), _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        packets = Packets(records, rows)
        decode(packets, inner)
        reasons.append(packets.reason)
        kept.append(_columns(packets))
        pieces.append(fragments_of(packets, begin, records.time_ns[rows]))
        unread.append(unread_frames(packets, begin))
    reason = np.concatenate(reasons)
    frame = np.flatnonzero(reason == KEPT)
    columns = _concatenate(kept)
    fragments = number_datagrams(_concatenate(pieces))
    first, payload = whole_payloads(fragments)
    rows_of_first = np.searchsorted(frame, first)
    columns["ip_length"][rows_of_first] += payload - columns["payload_length"][rows_of_first]
    columns["payload_length"][rows_of_first] = payload
    split, datagrams = rejoin(records.data, fragments)
    if len(split):
        packets = Packets(datagrams, slice(None))
        decode(packets, inner)
        reason[split] = packets.reason
        frame = np.concatenate([frame, split[packets.reason == KEPT]])
        columns = _concatenate([columns, _columns(packets)])
        frame, columns = _reordered(frame, columns, np.argsort(frame))
    # A packet without a time takes that of the last packet with one.
    timed = np.maximum.accumulate(np.where(records.time_ns != 0, np.arange(len(records)), 0))
    columns["time_ns"] = records.time_ns[timed[frame]]
    was_sorted = bool((np.diff(columns["time_ns"]) < 0).any())
    if was_sorted:
        frame, columns = _reordered(frame, columns, np.argsort(columns["time_ns"], kind="stable"))
    for column in columns.values():
        column.flags.writeable = False
    trace = PacketTrace(**columns)
    missing = missing_packets(records, trace, frame, _concatenate(unread))
    left_out = _left_out(reason, records.link)
    return Capture(trace, frame, len(records), left_out, was_sorted, missing, records.warnings)


def _reordered(frame: Offsets, columns: Columns, order: Offsets) -> tuple[Offsets, Columns]:
    return frame[order], {name: column[order] for name, column in columns.items()}


def _concatenate(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _columns(packets: Packets) -> Columns:
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
        "tos": packets.tos[kept],
        "ip_id": packets.ip_id[kept],
        # A first fragment stands for the whole datagram, after which no fragment follows; later ones are left out.
        "ip_flags": packets.ip_flags[kept] & np.uint8(7 - MORE_FRAGMENTS),
        "fragment_offset": np.zeros(int(kept.sum()), np.uint16),
    }


def _left_out(reason: npt.NDArray[np.int8], link: npt.NDArray[np.uint32]) -> dict[str, int]:
    counts = {text: int(np.count_nonzero(reason == code)) for code, text in REASONS.items() if code != UNSUPPORTED_LINK}
    for number, count in zip(*np.unique(link[reason == UNSUPPORTED_LINK], return_counts=True), strict=True):
        counts[f"{REASONS[UNSUPPORTED_LINK]} {number}"] = int(count)
    return {text: count for text, count in counts.items() if count}
