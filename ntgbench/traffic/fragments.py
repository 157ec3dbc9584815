"""Fragments of IP datagrams: the payload of the whole, and headers that are split over several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.headers import KEPT, LATER_FRAGMENT, OTHER_PROTOCOL, SPLIT_HEADER, Packets
from ntgbench.traffic.records import Offsets, Records
from ntgbench.traffic.trace import UDP

if TYPE_CHECKING:
    from collections.abc import Iterable

Columns = dict[str, npt.NDArray[Any]]

_LONGEST_WAIT_NS = 60 * 10**9  # fragments further apart are of two datagrams with one identification (RFC 8200, 4.5)
_MOST_HEADER_BYTES = 1024  # of a datagram that are put together to read its headers
_RAW = 101  # link type


def fragments_of(packets: Packets, begin: int, time_ns: Offsets) -> Columns:
    """The fragments among the packets, of which the first is number `begin` of the capture, as columns.

    They hold what tells datagrams apart, which bytes of it a fragment is, and those bytes that may be headers.
    """
    # The protocol of later fragments may be an extension header that the first one holds.
    reasons = (KEPT, LATER_FRAGMENT, OTHER_PROTOCOL, SPLIT_HEADER)
    rows = np.flatnonzero(packets.fragment & np.isin(packets.reason, reasons))
    key = [packets.source[rows].T, packets.destination[rows].T]
    key += [packets.fragment_id[rows].astype(np.uint64), packets.fragment_protocol[rows].astype(np.uint64)]
    at, end, start = packets.fragment_at[rows], packets.ip_end[rows], packets.fragment_from[rows]
    captured = np.clip(np.minimum(packets.end[rows], end) - at, 0, None)
    reason = packets.reason[rows]
    header, body = np.full(len(rows), b"", object), np.full(len(rows), b"", object)
    for row in np.flatnonzero(reason == SPLIT_HEADER).tolist():
        header[row] = packets.data[packets.ip_at[rows[row]] : at[row]].tobytes()
    for row in np.flatnonzero((reason != KEPT) & (start < _MOST_HEADER_BYTES)).tolist():
        body[row] = packets.data[at[row] : at[row] + min(captured[row], _MOST_HEADER_BYTES - start[row])].tobytes()
    return {
        "frame": begin + rows,
        "time_ns": time_ns[rows],
        "key": np.vstack(key).T,
        "reason": reason,
        "last": ~packets.more[rows],
        "from": start,
        "end": start + end - at,
        "payload": packets.payload[rows],
        "udp": packets.protocol[rows] == UDP,
        "header": packets.payload_at[rows] - at,
        "ip_header": header,
        "body": body,
    }


def number_datagrams(fragments: Columns) -> Columns:
    """The fragments, in the order of the file, with a column for the number of their datagram."""
    _, key = np.unique(fragments["key"], axis=0, return_inverse=True)
    key = key.reshape(-1)
    order = np.argsort(key, kind="stable")
    again = np.bincount(key[fragments["last"]], minlength=len(key))[key[order[1:]]] > 1
    late = np.diff(fragments["time_ns"][order]) > _LONGEST_WAIT_NS
    another = (np.diff(key[order]) != 0) | again & late
    datagram = np.empty_like(key)
    datagram[order] = np.concatenate([[0], np.cumsum(another)])[: len(key)]
    return {**fragments, "datagram": datagram}


def whole_payloads(fragments: Columns) -> tuple[Offsets, npt.NDArray[np.int32]]:
    """Frames of the first fragments whose last fragment was captured too, and the payload of their datagrams."""
    datagram = fragments["datagram"]
    end = np.zeros(datagram.max(initial=-1) + 1, np.int64)
    np.maximum.at(end, datagram, fragments["end"])
    complete = np.zeros(len(end), np.bool_)
    complete[datagram[fragments["last"]]] = True
    payload = end[datagram] - fragments["header"]
    # A datagram may be padded beyond its UDP length.
    payload = np.where(fragments["udp"], np.minimum(payload, fragments["payload"]), payload)
    known = (fragments["reason"] == KEPT) & complete[datagram] & (payload >= 0)
    return fragments["frame"][known], payload[known].astype(np.int32)


def rejoin(fragments: Columns, split: Offsets) -> tuple[Offsets, Records]:
    """Datagrams whose headers are split over fragments, put together as far as headers may go.

    Args:
        fragments: see `number_datagrams`.
        split: rows of first fragments that hold part of the headers only.

    Returns:
        those of `split` whose datagrams are complete, and the datagrams as records of raw IP.
    """
    concerned = np.flatnonzero(np.isin(fragments["datagram"], fragments["datagram"][split]))
    members = concerned[np.lexsort((concerned, fragments["datagram"][concerned]))]
    numbers = fragments["datagram"][members]
    rows, packets, wires = [], [], []
    for row in split.tolist():
        number = fragments["datagram"][row]
        first, after = np.searchsorted(numbers, number, "left"), np.searchsorted(numbers, number, "right")
        total, body = _joined(fragments, members[first:after].tolist())
        if total:
            header = _of_a_whole(fragments["ip_header"][row], total)
            rows.append(row)
            packets.append(header + body)
            wires.append(len(header) + total)
    lengths = np.array([len(packet) for packet in packets], np.uint32)
    records = Records(
        data=np.frombuffer(b"".join(packets), np.uint8),
        start=np.cumsum(lengths, dtype=np.int64) - lengths,
        captured=lengths,
        wire=np.array(wires, np.uint32),
        time_ns=np.zeros(len(packets), np.int64),
        link=np.full(len(packets), _RAW, np.uint32),
    )
    return np.array(rows, np.int64), records


def _joined(fragments: Columns, rows: Iterable[int]) -> tuple[int, bytes]:
    """Bytes of the whole datagram, and the first of them; 0 where a fragment is missing."""
    pieces = sorted((int(fragments["from"][row]), row) for row in rows)
    body = bytearray()
    reached = total = 0
    for start, row in pieces:
        if start > reached:
            return 0, b""
        if start <= len(body):
            body += fragments["body"][row][len(body) - start :]
        reached = max(reached, int(fragments["end"][row]))
        total = reached if fragments["last"][row] else total
    return (total, bytes(body)) if total == reached else (0, b"")


def _of_a_whole(header: bytes, total: int) -> bytes:
    """The IP header of a first fragment, as that of a datagram with `total` bytes after it."""
    length = len(header) + total - (0 if header[0] >> 4 == 4 else 40)
    stated = (length if length < 0x10000 else 0).to_bytes(2, "big")
    if header[0] >> 4 == 4:
        return header[:2] + stated + header[4:6] + bytes([header[6] & 0xC0, 0]) + header[8:]
    # The fragment header is the last of its headers: its offset becomes 0, and no fragment follows.
    return header[:4] + stated + header[6:-6] + bytes(2) + header[-4:]
