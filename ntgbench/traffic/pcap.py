"""The pcap format (draft-ietf-opsawg-pcap) and its relatives: other clocks, other record headers."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import CaptureError
from ntgbench.traffic.records import LONGEST_RECORD, Bytes, Offsets, Records, cut_at, first_damage, gather

if TYPE_CHECKING:
    import os

_CHUNK = 1 << 16
_VERSIONS = (2, 543)  # major versions; DG/UX wrote 543


@dataclass(frozen=True)
class _Layout:
    """How a file is laid out, by its first four bytes."""

    order: str  # of the bytes, as `struct` writes it
    unit_ns: int  # nanoseconds in one unit of the second time field
    first: int = 24  # bytes before the first record
    # bytes of a record header, the usual one first; which it is shows by whether the records fit the file
    headers: tuple[int, ...] = (16,)


_KINDS = {
    0xA1B2_C3D4: (1000, 24, (16, 20)),  # the usual one; Nokia put four bytes more into its record headers
    0xA1B2_3C4D: (1, 24, (16,)),  # nanoseconds
    0xA1B2_CD34: (1000, 24, (24, 28, 16)),  # modified by Kuznetsov: interface, protocol and type of each packet
    0x1C00_01AC: (1, 28, (16,)),  # IXIA, clock of the hardware; the size of all records follows the file header
    0x1C00_01AB: (1, 28, (16,)),  # IXIA, clock of the software
}
PCAP_MAGICS = {
    struct.pack(f"{order}I", magic): _Layout(order, *kind) for magic, kind in _KINDS.items() for order in "<>"
}


def pcap_records(path: str | os.PathLike[str], data: Bytes, warnings: tuple[str, ...]) -> Records:
    """The records of a file that begins with one of `PCAP_MAGICS`; CaptureError when its header is unusable."""
    if len(data) < 24:
        raise CaptureError(f"{path}: the file ends within its pcap header ({len(data)} of 24 bytes)")
    layout = PCAP_MAGICS[data[:4].tobytes()]
    major, minor, link = struct.unpack_from(f"{layout.order}HH12xI", data.data, 4)
    if major not in _VERSIONS:
        raise CaptureError(f"{path}: pcap version {major} is not supported, only version 2")
    # Until version 2.3, some systems wrote the two lengths the other way round.
    swapped = major != 2 or minor < 4
    # The upper bits of the link type hold the length of the frame check sequence.
    records, stop = _read(data, layout, layout.headers[0], swapped, link & 0x03FF_FFFF)
    for header in layout.headers[1:]:
        if stop == len(data):
            break
        other, end = _read(data, layout, header, swapped, link & 0x03FF_FFFF)
        if end == len(data) and len(other) > len(records) and other.captured.all():
            records, stop = other, end
    if stop != len(data):
        warnings = (*warnings, cut_at(len(records), stop, len(data)))
    return replace(records, warnings=warnings)


def _read(data: Bytes, layout: _Layout, header: int, swapped: bool, link: int) -> tuple[Records, int]:
    """The records until the first damage, and where that is, or the end of the file."""
    start, position = _walk(data, layout, header, swapped)
    count = len(start)
    captured, wire = np.empty(count, np.uint32), np.empty(count, np.uint32)
    time_ns = np.empty(count, np.int64)
    intact = np.empty(count, np.bool_)
    # In chunks, because a file can hold many million records.
    for begin in range(0, count, _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        seconds, fraction, *lengths = gather(data, start[rows], 16).view(f"{layout.order}u4").T
        captured[rows], wire[rows] = (np.minimum(*lengths), np.maximum(*lengths)) if swapped else lengths
        time_ns[rows] = seconds.astype(np.int64) * 1_000_000_000 + fraction.astype(np.int64) * layout.unit_ns
        start[rows] += header
        intact[rows] = (captured[rows] <= LONGEST_RECORD) & (start[rows] + captured[rows] <= len(data))
    if (whole := first_damage(intact)) < count:
        count, position = whole, int(start[whole]) - header
    links = np.broadcast_to(np.uint32(link), count)
    return Records(data, start[:count], captured[:count], wire[:count], time_ns[:count], links), position


def _walk(data: Bytes, layout: _Layout, header: int, swapped: bool) -> tuple[Offsets, int]:
    """Where records begin, by the lengths that they state, and where the last one ends."""
    lengths_at = struct.Struct(f"{layout.order}I").unpack_from
    both_at = struct.Struct(f"{layout.order}II").unpack_from
    view = data.data
    found = array("q")
    position = layout.first
    last = len(data) - header
    while position <= last:
        found.append(position)
        position += header + (min(both_at(view, position + 8)) if swapped else lengths_at(view, position + 8)[0])
    return np.frombuffer(found, np.int64) if found else np.zeros(0, np.int64), position
