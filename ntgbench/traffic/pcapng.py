"""The pcapng format (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import CaptureError
from ntgbench.traffic.records import LONGEST_RECORD, Bytes, Offsets, Records, cut_at, first_damage, gather

if TYPE_CHECKING:
    import os

PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_CHUNK = 1 << 16


@dataclass(frozen=True)
class _Blocks:
    """What a walk through the file finds."""

    packets: array[int] = field(default_factory=lambda: array("q"))  # where packet blocks begin
    # of each section, how many packets and interfaces come before it, and whether it is big-endian
    sections: list[tuple[int, int, bool]] = field(default_factory=list)
    # link type, snap length, resolution and offset of the time of each interface
    interfaces: list[tuple[int, int, int, int]] = field(default_factory=list)


def pcapng_records(path: str | os.PathLike[str], data: Bytes, warnings: tuple[str, ...]) -> Records:
    """The records of a pcapng file; CaptureError when its first section is unusable."""
    view = data.data
    blocks = _Blocks()
    position = 0
    while position + 12 <= len(data):
        order = _ORDERS.get(bytes(view[position + 8 : position + 12]))
        if order is None:
            break
        blocks.sections.append((len(blocks.packets), len(blocks.interfaces), order == ">"))
        begin, position = position, _walk(view, position, order, blocks)
        if position == begin or view[position : position + 4] != PCAPNG_MAGIC:
            break
    if position == 0:
        raise CaptureError(f"{path}: the pcapng section header is damaged")
    at = np.array(blocks.packets, np.int64)
    intact, columns = _columns(data, at, blocks)
    count = first_damage(intact)
    if count < len(at):
        position = int(at[count])
    if position != len(data):
        warnings = (*warnings, cut_at(count, position, len(data)))
    start, captured, wire, time_ns, link = (column[:count] for column in columns)
    return Records(data, start, captured, wire, time_ns, link, warnings)


def _walk(view: memoryview, position: int, order: str, blocks: _Blocks) -> int:
    """Collect the section that begins at `position`; returns where the next one, the end or the damage is."""
    head_at, length_at = struct.Struct(f"{order}II").unpack_from, struct.Struct(f"{order}I").unpack_from
    packets, first, size = blocks.packets, position, len(view)
    while position + 12 <= size:
        kind, length = head_at(view, position)
        after = position + length
        if kind == _SECTION and position != first:
            return position
        if length < 12 or length % 4 or after > size or length_at(view, after - 4)[0] != length:
            return position
        if kind in (_PACKET, _SIMPLE_PACKET, _OLD_PACKET):
            packets.append(position)
        elif kind == _INTERFACE:
            if length < 20:
                return position
            blocks.interfaces.append(_interface(view[position + 8 : after - 4], order))
        position = after
    return position


def _interface(body: memoryview, order: str) -> tuple[int, int, int, int]:
    """The interface that the body of an interface description block describes."""
    link, snap = struct.unpack_from(f"{order}H2xI", body)
    resolution, offset, at = 6, 0, 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if code == 9 and len(value) == 1:
            resolution = value[0]
        elif code == 14 and len(value) == 8:
            (offset,) = struct.unpack(f"{order}q", value)
        elif code == 0:
            break
        at += 4 + (length + 3) // 4 * 4
    return link, snap or LONGEST_RECORD, resolution, offset


def _columns(data: Bytes, at: Offsets, blocks: _Blocks) -> tuple[npt.NDArray[Any], list[npt.NDArray[Any]]]:
    """Which of the records that begin `at` are intact, and their columns in the order of `Records`."""
    count = len(at)
    kinds: tuple[type[np.generic], ...] = (np.bool_, np.int64, np.uint32, np.uint32, np.int64, np.uint32)
    intact, *columns = (np.empty(count, kind) for kind in kinds)
    before, first, big = (np.array(column) for column in zip(*blocks.sections, strict=True))
    after = np.append(first[1:], len(blocks.interfaces))
    interfaces = np.array(blocks.interfaces or [(0, 0, 0, 0)], np.int64)
    for begin in range(0, count, _CHUNK):
        rows = slice(begin, min(begin + _CHUNK, count))
        section = np.searchsorted(before, np.arange(rows.start, rows.stop), "right") - 1
        block = gather(data, at[rows], 28)
        read = _chunk(block, at[rows], big[section], first[section], after[section], interfaces)
        for column, values in zip((intact, *columns), read, strict=True):
            column[rows] = values
    return intact, columns


def _chunk(
    block: Bytes, at: Offsets, big: npt.NDArray[np.bool_], first: Offsets, after: Offsets, interfaces: Offsets
) -> tuple[npt.NDArray[Any], ...]:
    """What `_columns` tells, by the first 28 bytes of some blocks; `first` and `after` bound their interfaces."""
    numbers = np.where(big[:, None], block.view(">u4"), block.view("<u4")).astype(np.int64)
    kind, length, field_2, high, low, captured, wire = numbers.T
    simple, old = kind == _SIMPLE_PACKET, kind == _OLD_PACKET
    short = block[:, 8:10].copy()
    number_of_old = np.where(big, short.view(">u2")[:, 0], short.view("<u2")[:, 0])
    number = np.where(old, number_of_old, np.where(simple, 0, field_2))
    known = first + number < after
    link, snap, resolutions, offset = interfaces[np.where(known, first + number, 0)].T
    header = np.where(simple, 12, 28)
    wire = np.where(simple, field_2, wire)
    captured = np.where(simple, np.minimum(np.minimum(wire, snap), length - 16), captured)
    intact = known & (captured >= 0) & (captured <= LONGEST_RECORD) & (header + captured + 4 <= length)
    time_ns = offset * 1_000_000_000
    ticks = (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
    for resolution in np.unique(resolutions):
        mine = resolutions == resolution
        time_ns[mine] += _nanoseconds(ticks[mine], int(resolution))
    time_ns[simple] = 0
    return intact, at + header, captured, wire, time_ns, link


def _nanoseconds(ticks: npt.NDArray[np.uint64], resolution: int) -> Offsets:
    """Ticks of 10**-resolution s, or of 2**-(resolution - 128) s from 128 on, in nanoseconds.

    Wraps for times that int64 nanoseconds cannot hold (after the year 2262), which only damage brings about.
    """
    billion = np.uint64(1_000_000_000)
    if resolution >= 128:
        power = resolution - 128
        whole = ticks >> np.uint64(power) if power < 64 else np.zeros_like(ticks)
        part = ticks & np.uint64((1 << min(power, 64)) - 1)
        # 32 bits of the fraction are finer than a nanosecond and leave room for the multiplication.
        part = part << np.uint64(32 - power) if power <= 32 else part >> np.uint64(min(power - 32, 63))
        time = whole * billion + ((part * billion) >> np.uint64(32))
    elif resolution <= 9:
        time = ticks * np.uint64(10 ** (9 - resolution))
    else:
        time = ticks // np.uint64(min(10 ** (resolution - 9), 2**64 - 1))
    return time.view(np.int64)
