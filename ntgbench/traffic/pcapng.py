"""The pcapng format (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import CaptureError
from ntgbench.traffic.records import LONGEST_RECORD, Bytes, Offsets, Records, first_damage, gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ntgbench.traffic.capture_files import Blocks

PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_LONGEST_BLOCK = 1 << 26  # bytes; a longer block is damage


@dataclass
class _Walk:
    """A walk through the file, block after block.

    Attributes:
        order: byte order of the section, as `struct` writes it; empty before the first section.
        first: how many interfaces come before the section.
        interfaces: link type, snap length, resolution and offset of the time of each interface so far.
        packets: where packet blocks begin in the bytes in memory.
        changes: from which of these packets on the interfaces `first` up to a number are known, and whether the section
            is big-endian.
        damaged: whether the walk has ended because of damage.
    """

    order: str = ""
    first: int = 0
    interfaces: list[tuple[int, int, int, int]] = field(default_factory=list)
    packets: array[int] = field(default_factory=lambda: array("q"))
    changes: list[tuple[int, int, int, bool]] = field(default_factory=list)
    damaged: bool = False

    def begin(self) -> None:
        """Forget the packets of the bytes before."""
        self.packets = array("q")
        self.changes = []
        self.change()

    def change(self) -> None:
        """Note which interfaces the packets from here on may name."""
        self.changes.append((len(self.packets), self.first, len(self.interfaces), self.order == ">"))


def pcapng_records(blocks: Blocks) -> Iterator[Records]:
    """The records of a pcapng file, block by block; CaptureError when its first section is unusable."""
    walk = _Walk()
    total = 0
    while True:
        walk.begin()
        stop = _walk(blocks, walk)
        if walk.damaged and blocks.begin + stop == 0:
            raise CaptureError(f"{blocks.path}: the pcapng section header is damaged")
        at = np.array(walk.packets, np.int64)
        intact, columns = _columns(blocks.data, at, walk)
        count = first_damage(intact)
        total += count
        if count < len(at):
            stop, walk.damaged = int(at[count]), True
        start, captured, wire, time_ns, link = (column[:count] for column in columns)
        ended = walk.damaged or blocks.ended
        warnings = blocks.warnings(total, stop) if ended else ()
        yield Records(blocks.data, start, captured, wire, time_ns, link, warnings)
        if ended:
            return
        blocks.advance(stop)


def _walk(blocks: Blocks, walk: _Walk) -> int:
    """Collect the packets in memory; returns where the damage is, or the first block of pcapng that is not whole."""
    view, size, position = blocks.data.data, len(blocks.data), 0
    head_at, length_at = _structs(walk.order)
    while position + 12 <= size and not walk.damaged:
        kind, length = head_at(view, position)
        if kind == _SECTION:  # which reads the same in both byte orders
            order = _ORDERS.get(bytes(view[position + 8 : position + 12]), "")
            walk.damaged = not order
            walk.order, walk.first = order, len(walk.interfaces)
            walk.change()
            head_at, length_at = _structs(order)
            kind, length = head_at(view, position)
        after = position + length
        if walk.damaged or length < 12 or length % 4 or length > _LONGEST_BLOCK:
            walk.damaged = True
        elif after > size:
            break
        elif length_at(view, after - 4)[0] != length or (kind == _INTERFACE and length < 20):
            walk.damaged = True
        else:
            if kind in (_PACKET, _SIMPLE_PACKET, _OLD_PACKET):
                walk.packets.append(position)
            elif kind == _INTERFACE:
                walk.interfaces.append(_interface(view[position + 8 : after - 4], walk.order))
                walk.change()
            position = after
    walk.damaged |= blocks.ended and position != size
    return position


def _structs(order: str) -> tuple[Callable[..., tuple[int, ...]], Callable[..., tuple[int, ...]]]:
    return struct.Struct(f"{order}II").unpack_from, struct.Struct(f"{order}I").unpack_from


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


def _columns(data: Bytes, at: Offsets, walk: _Walk) -> tuple[npt.NDArray[Any], list[npt.NDArray[Any]]]:
    """Which of the records that begin `at` are intact, and their columns in the order of `Records`."""
    kinds: tuple[type[np.generic], ...] = (np.bool_, np.int64, np.uint32, np.uint32, np.int64, np.uint32)
    before, first, after, big = (np.array(column) for column in zip(*walk.changes, strict=True))
    interfaces = np.array(walk.interfaces or [(0, 0, 0, 0)], np.int64)
    row = np.searchsorted(before, np.arange(len(at)), "right") - 1
    read = _chunk(gather(data, at, 28), at, big[row], first[row], after[row], interfaces)
    intact, *columns = (values.astype(kind) for kind, values in zip(kinds, read, strict=True))
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
