"""Packet records of a capture file: where the bytes of each packet lie, when it was captured, and on what link.

Formats: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), each also compressed with gzip.
"""

from __future__ import annotations

import gzip
import mmap
import struct
import zlib
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import CaptureError
from ntgbench.words import counted

if TYPE_CHECKING:
    import os

GZIP_LIMIT = 2 << 30
"""Most bytes that a compressed capture may expand to in memory."""

LONGEST_RECORD = 262_144
"""A longer packet record is damage, as it is for libpcap and Wireshark."""

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
# First four bytes of a pcap file: byte order and nanoseconds in one unit of its second time field.
_PCAP_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}


@dataclass(frozen=True, eq=False)
class Records:
    """N packet records in the order of the file.

    Attributes:
        data: uint8 (bytes,). The whole file, decompressed.
        start: int64 (N,). Offset of the first captured byte in `data`.
        captured, wire: int64 (N,). Bytes in the file and bytes on the wire.
        time_ns: int64 (N,). Nanoseconds since the epoch, 0 for pcapng's simple packet blocks, which carry no time.
        link: int64 (N,). Link type as listed at https://www.tcpdump.org/linktypes.html.
        warnings: what is wrong with the file, and how far it was read.
    """

    data: Bytes
    start: Offsets
    captured: Offsets
    wire: Offsets
    time_ns: Offsets
    link: Offsets
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.start)


def read_records(path: str | os.PathLike[str]) -> Records:
    """All packet records of a pcap or pcapng file, up to its end or to the first damage, which becomes a warning.

    Raises:
        CaptureError: the file cannot be opened, is empty, is no capture, or expands beyond `GZIP_LIMIT`.
    """
    data, damage = _load(Path(path))
    if len(data) == 0:
        raise CaptureError(f"{path}: the file is empty")
    magic = data[:4].tobytes()
    if magic == _PCAPNG_MAGIC:
        return _pcapng(path, data, damage)
    if magic in _PCAP_MAGIC:
        return _pcap(path, data, damage)
    raise CaptureError(f"{path}: not a capture file: neither pcap nor pcapng begins with the bytes {magic.hex(' ')}")


def gather(data: Bytes, at: Offsets, width: int) -> Bytes:
    """The `width` bytes of `data` from each offset of `at` on, uint8 (n, width); 0 beyond the end of `data`."""
    last = len(data) - width
    inside = at <= last
    if last >= 0 and inside.all():
        windows: Bytes = np.lib.stride_tricks.sliding_window_view(data, width)[at]
        return windows
    rows = np.zeros((len(at), width), np.uint8)
    if last >= 0:
        rows[inside] = np.lib.stride_tricks.sliding_window_view(data, width)[at[inside]]
    # Packets do not overlap, so only a handful begin within the last `width` bytes of a file.
    for row in np.flatnonzero(~inside):
        tail = data[at[row] :]
        rows[row, : len(tail)] = tail
    return rows


def _load(path: Path) -> tuple[Bytes, tuple[str, ...]]:
    """Contents of the file, mapped into memory or decompressed, and warnings."""
    try:
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                return _decompress(path)
            size = file.seek(0, 2)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    except (OSError, ValueError) as error:
        raise CaptureError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return np.frombuffer(mapped, np.uint8), ()


def _decompress(path: Path) -> tuple[Bytes, tuple[str, ...]]:
    pieces: list[bytes] = []
    size = 0
    warnings: tuple[str, ...] = ()
    with gzip.open(path) as file:
        try:
            while piece := file.read1(1 << 20):
                pieces.append(piece)
                size += len(piece)
                if size > GZIP_LIMIT:
                    raise CaptureError(f"{path}: expands to more than {GZIP_LIMIT:,} bytes; decompress it first")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            warnings = (f"damaged gzip data after {size:,} decompressed bytes ({error})",)
    if not pieces and warnings:
        raise CaptureError(f"{path}: {warnings[0]}")
    return np.frombuffer(b"".join(pieces), np.uint8), warnings


def _pcap(path: str | os.PathLike[str], data: Bytes, warnings: tuple[str, ...]) -> Records:
    if len(data) < 24:
        raise CaptureError(f"{path}: the file ends within its pcap header ({len(data)} of 24 bytes)")
    order, unit_ns = _PCAP_MAGIC[data[:4].tobytes()]
    version, link = struct.unpack_from(f"{order}H14xI", data.data, 4)
    if version != 2:
        raise CaptureError(f"{path}: pcap version {version} is not supported, only version 2")
    length_at = struct.Struct(f"{order}I").unpack_from
    view = data.data
    found = array("q")
    position = 24
    last = len(data) - 16
    while position <= last:
        found.append(position)
        position += 16 + length_at(view, position + 8)[0]
    at = np.array(found, np.int64)
    seconds, fraction, captured, wire = gather(data, at, 16).view(f"{order}u4").astype(np.int64).T
    intact = (captured <= LONGEST_RECORD) & (at + 16 + captured <= len(data))
    count = _until_damage(intact)
    stop = int(at[count]) if count < len(at) else position
    if stop != len(data):
        warnings = (*warnings, _cut(count, stop, len(data)))
    return Records(
        data,
        start=at[:count] + 16,
        captured=captured[:count],
        wire=wire[:count],
        time_ns=(seconds * 1_000_000_000 + fraction * unit_ns)[:count],
        # The upper bits hold the length of the frame check sequence.
        link=np.full(count, link & 0x03FF_FFFF, np.int64),
        warnings=warnings,
    )


@dataclass
class _Section:
    """A section of a pcapng file: byte order, interfaces, and where its packet blocks begin."""

    order: str
    packets: array[int]
    links: list[int]
    snaps: list[int]
    resolutions: list[int]
    offsets: list[int]


def _pcapng(path: str | os.PathLike[str], data: Bytes, warnings: tuple[str, ...]) -> Records:
    view = data.data
    position = 0
    parts: list[Records] = []
    while position + 12 <= len(data):
        order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(data[position + 8 : position + 12].tobytes())
        if order is None:
            break
        section = _Section(order, array("q"), [], [], [], [])
        begin, position = position, _walk(view, position, section)
        part = _section_records(data, section)
        parts.append(part)
        if len(part) < len(section.packets):
            position = section.packets[len(part)]
            break
        if position == begin or view[position : position + 4] != _PCAPNG_MAGIC:
            break
    if position == 0:
        raise CaptureError(f"{path}: the pcapng section header is damaged")
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("start", "captured", "wire", "time_ns", "link")
    }
    if position != len(data):
        warnings = (*warnings, _cut(len(joined["start"]), position, len(data)))
    return Records(data, **joined, warnings=warnings)


def _walk(view: memoryview, position: int, section: _Section) -> int:
    """Collect the section that begins at `position`; returns where the next one, the end or the damage is."""
    head_at = struct.Struct(f"{section.order}II").unpack_from
    length_at = struct.Struct(f"{section.order}I").unpack_from
    packets, first, size = section.packets, position, len(view)
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
            _interface(view[position + 8 : after - 4], section)
        position = after
    return position


def _interface(body: memoryview, section: _Section) -> None:
    """Add the interface that the body of an interface description block describes."""
    link, snap = struct.unpack_from(f"{section.order}H2xI", body)
    resolution, offset, at = 6, 0, 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(f"{section.order}HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if code == 9 and len(value) == 1:
            resolution = value[0]
        elif code == 14 and len(value) == 8:
            (offset,) = struct.unpack(f"{section.order}q", value)
        elif code == 0:
            break
        at += 4 + (length + 3) // 4 * 4
    section.links.append(link)
    section.snaps.append(snap or LONGEST_RECORD)
    section.resolutions.append(resolution)
    section.offsets.append(offset)


def _section_records(data: Bytes, section: _Section) -> Records:
    """The packet blocks of a section as records, up to the first damaged one."""
    at = np.array(section.packets, np.int64)
    rows = gather(data, at, 28)
    kind, length, first, high, low, captured, wire = rows.view(f"{section.order}u4").astype(np.int64).T
    simple = kind == _SIMPLE_PACKET
    old = kind == _OLD_PACKET
    interface = np.where(old, rows[:, 8:10].copy().view(f"{section.order}u2")[:, 0], np.where(simple, 0, first))
    known = interface < len(section.links)
    interface = np.where(known, interface, 0)
    links, snaps, resolutions, offsets = (
        np.array(values or [0], np.int64)[interface]
        for values in (section.links, section.snaps, section.resolutions, section.offsets)
    )
    header = np.where(simple, 12, 28)
    wire = np.where(simple, first, wire)
    captured = np.where(simple, np.minimum(np.minimum(wire, snaps), length - 16), captured)
    intact = known & (captured >= 0) & (captured <= LONGEST_RECORD) & (header + captured + 4 <= length)
    time_ns = offsets * 1_000_000_000
    ticks = (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)
    for resolution in np.unique(resolutions):
        mine = resolutions == resolution
        time_ns[mine] += _nanoseconds(ticks[mine], int(resolution))
    time_ns[simple] = 0
    count = _until_damage(intact)
    return Records(data, (at + header)[:count], captured[:count], wire[:count], time_ns[:count], links[:count])


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


def _until_damage(intact: npt.NDArray[np.bool_]) -> int:
    return len(intact) if intact.all() else int(intact.argmin())


def _cut(count: int, stop: int, size: int) -> str:
    return f"cut or damaged at byte {stop:,} of {size:,}: stopped there after {counted(count, 'packet')}"
