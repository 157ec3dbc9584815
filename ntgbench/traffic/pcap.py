"""The pcap format (draft-ietf-opsawg-pcap) and its relatives: other clocks, other record headers."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ntgbench.errors import CaptureError
from ntgbench.traffic.records import LONGEST_RECORD, Bytes, Offsets, Records, first_damage, gather

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ntgbench.traffic.capture_files import Blocks

_VERSIONS = (2, 543)  # major versions; DG/UX wrote 543


@dataclass(frozen=True)
class _Layout:
    """How a file is laid out, by its first four bytes."""

    order: str  # of the bytes, as `struct` writes it
    unit_ns: int  # nanoseconds in one unit of the second time field
    first: int = 24  # bytes before the first record
    # bytes of a record header, the usual one first; which it is shows by whether the records fit the file
    headers: tuple[int, ...] = (16,)
    link: int = 0  # link type
    swapped: bool = False  # whether the length on the wire may come before the captured one


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


def pcap_records(blocks: Blocks) -> Iterator[Records]:
    """The records of a file that begins with one of `PCAP_MAGICS`, block by block.

    Which record header a file has, where its first bytes leave a choice, is decided by its first block.

    Raises:
        CaptureError: when its header is unusable.
    """
    data, path = blocks.data, blocks.path
    if len(data) < 24:
        raise CaptureError(f"{path}: the file ends within its pcap header ({len(data)} of 24 bytes)")
    layout = PCAP_MAGICS[data[:4].tobytes()]
    major, minor, link = struct.unpack_from(f"{layout.order}HH12xI", data.data, 4)
    if major not in _VERSIONS:
        raise CaptureError(f"{path}: pcap version {major} is not supported, only version 2")
    # Until version 2.3, some systems wrote the two lengths the other way round.
    swapped = major != 2 or minor < 4
    # The upper bits of the link type hold the length of the frame check sequence.
    layout = replace(layout, link=link & 0x03FF_FFFF, swapped=swapped)
    found = _read(blocks, layout, layout.headers[0], layout.first)
    header = layout.headers[0]
    for other in layout.headers[1:]:
        if not found.damaged:
            break
        another = _read(blocks, layout, other, layout.first)
        if not another.damaged and len(another.records) > len(found.records) and another.records.captured.all():
            found, header = another, other
    count = 0
    while True:
        count += len(found.records)
        if found.damaged or blocks.ended:
            yield replace(found.records, warnings=blocks.warnings(count, found.stop))
            return
        yield found.records
        blocks.advance(found.stop)
        found = _read(blocks, layout, header, 0)


class _Found(NamedTuple):
    records: Records
    stop: int  # where in the block the records end that are whole
    damaged: bool  # whether they end there because of damage, not because the block does


def _read(blocks: Blocks, layout: _Layout, header: int, position: int) -> _Found:
    """The records of a block from `position` on, until the first damage or the end of the block."""
    data = blocks.data
    start, stop = _walk(data, layout, header, position)
    count = len(start)
    # The last one may not be whole. The header before it tells the lengths, whatever its own length is.
    seconds, fraction, *lengths = gather(data, start, 16).view(f"{layout.order}u4").T
    pair = (np.minimum(*lengths), np.maximum(*lengths)) if layout.swapped else lengths
    captured, wire = (length.astype(np.uint32) for length in pair)
    time_ns = seconds.astype(np.int64) * 1_000_000_000 + fraction.astype(np.int64) * layout.unit_ns
    start += header
    intact = (captured <= LONGEST_RECORD) & (start + captured <= len(data))
    damaged = False
    if (whole := first_damage(intact)) < count:
        count, stop = whole, int(start[whole]) - header
        damaged = bool(captured[whole] > LONGEST_RECORD)
    damaged |= blocks.ended and stop != len(data)
    links = np.broadcast_to(np.uint32(layout.link), count)
    return _Found(Records(data, start[:count], captured[:count], wire[:count], time_ns[:count], links), stop, damaged)


def _walk(data: Bytes, layout: _Layout, header: int, position: int) -> tuple[Offsets, int]:
    """Where records begin, by the lengths that they state, and where the last one ends."""
    lengths_at = struct.Struct(f"{layout.order}I").unpack_from
    both_at = struct.Struct(f"{layout.order}II").unpack_from
    view, swapped = data.data, layout.swapped
    found = array("q")
    note, last = found.append, len(data) - header
    while position <= last:
        note(position)
        position += header + (min(both_at(view, position + 8)) if swapped else lengths_at(view, position + 8)[0])
    return np.frombuffer(found, np.int64) if found else np.zeros(0, np.int64), position
