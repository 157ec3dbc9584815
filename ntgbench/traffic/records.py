"""Packet records of a capture: where the bytes of each packet lie, when it was captured, and on what link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ntgbench.words import pluralised

LONGEST_RECORD = 262_144  # bytes; a longer packet record is damage, as it is for libpcap and Wireshark

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Records:
    """N packet records in the order of the file, of all of it or of a part."""

    data: Bytes  # uint8 (bytes,). That part of the file, decompressed
    start: Offsets  # int64 (N,). Offset of the first captured byte in `data`
    captured: npt.NDArray[np.uint32]  # (N,). Bytes in the file
    wire: npt.NDArray[np.uint32]  # (N,). Bytes on the wire
    # int64 (N,). Nanoseconds since the epoch, 0 for pcapng's simple packet blocks, which carry no time
    time_ns: Offsets
    link: npt.NDArray[np.uint32]  # uint32 (N,). Link type as listed at https://www.tcpdump.org/linktypes.html
    # What is wrong with the file, and how far it was read; with the last records only
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.start)


def gather(data: Bytes, at: Offsets, width: int) -> Bytes:
    """The `width` bytes of `data` from each offset of `at` on, uint8 (n, width); 0 beyond the end of `data`."""
    inside = at <= len(data) - width
    if inside.all():
        return _rows(data, at, width)
    rows = np.zeros((len(at), width), np.uint8)
    rows[inside] = _rows(data, at[inside], width)
    # Packets do not overlap, so only a handful begin within the last `width` bytes of a file.
    for row in np.flatnonzero(~inside):
        tail = data[at[row] :]
        rows[row, : len(tail)] = tail
    return rows


def _rows(data: Bytes, at: Offsets, width: int) -> Bytes:
    """`gather` where all rows lie within the data."""
    # One item of `width` bytes begins at each byte: numpy copies an item faster than a row of bytes.
    items = np.ndarray(max(len(data) - width + 1, 0), np.dtype((np.void, width)), data, strides=1)
    rows: Bytes = items[at].view(np.uint8).reshape(len(at), width)
    return rows


def first_damage(intact: npt.NDArray[np.bool_]) -> int:
    """How many records there are before the first that is not intact."""
    return len(intact) if intact.all() else int(intact.argmin())


def cut_at(count: int, stop: int, size: int) -> str:
    """The warning that reading stopped before the end of the file."""
    return f"cut or damaged at byte {stop:,} of {size:,}: stopped there after {pluralised(count, 'packet')}"
