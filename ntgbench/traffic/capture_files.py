"""Capture files: pcap, pcapng and their relatives, plain or gzip, read block by block into records."""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ntgbench import limits
from ntgbench.errors import CaptureError
from ntgbench.traffic.pcap import PCAP_MAGICS, pcap_records
from ntgbench.traffic.pcapng import PCAPNG_MAGIC, pcapng_records
from ntgbench.traffic.records import cut_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader

    from ntgbench.traffic.records import Bytes, Records

BLOCK = 1 << 22
"""Bytes of a capture that are read at a time: a few hundred records of the largest size."""


def record_chunks(
    path: str | os.PathLike[str],
    *,
    size_limit: int | None = None,
    block: int = BLOCK,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Records]:
    """The packet records of a capture file in chunks, up to its end or to the first damage, which becomes a warning.

    There is one chunk at least. Memory is bounded by the block and the longest record.

    Args:
        path: pcap or pcapng file, plain or gzip.
        size_limit: most bytes that a compressed file may expand to; None takes `ntgbench.limits.size_limit()`.
        block: bytes that are read at a time.
        progress: told how many bytes of the file have been read.

    Raises:
        CaptureError: the file cannot be opened, is empty, is not a capture, or expands beyond `size_limit`.
    """
    path = Path(path)
    with contextlib.ExitStack() as stack:
        try:
            raw = stack.enter_context(path.open("rb"))
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
        except OSError as error:
            raise _unreadable(path, error) from error
        limit = None if not packed else limits.size_limit() if size_limit is None else size_limit
        blocks = Blocks(path, raw, limit, block)
        magic = blocks.data[:4].tobytes()
        if not len(blocks.data):
            raise CaptureError(f"{path}: {blocks.damage or 'the file is empty'}")
        if magic == PCAPNG_MAGIC:
            chunks = pcapng_records(blocks)
        elif magic in PCAP_MAGICS:
            chunks = pcap_records(blocks)
        else:
            neither = f"neither pcap nor pcapng begins with the bytes {magic.hex(' ')}"
            raise CaptureError(f"{path}: not a capture file: {neither}")
        for records in chunks:
            yield records
            if progress is not None:
                progress(raw.tell())


def read_records(path: str | os.PathLike[str]) -> Records:
    """All packet records of a capture file at once; see `record_chunks`."""
    (records,) = record_chunks(path, block=1 << 62)
    return records


class Blocks:
    """The bytes of a capture file, decompressed, of which one block is in memory.

    Args:
        path: the file, for messages.
        raw: the same, open for reading at its beginning.
        limit: most bytes that it may expand to; None for a file that is not compressed.
        size: bytes to read at a time.

    Attributes:
        data: the bytes in memory, uint8.
        begin: how many bytes of the file come before them.
        ended: whether no byte comes after them.
        damage: why a compressed file could not be expanded further; empty where it could.
    """

    def __init__(self, path: Path, raw: BufferedReader, limit: int | None, size: int) -> None:
        self.path = path
        self.data: Bytes = np.zeros(0, np.uint8)
        self.begin, self.ended, self.damage = 0, False, ""
        self._raw, self._limit, self._size = raw, limit, size
        self._file: BufferedReader | gzip.GzipFile = raw if limit is None else gzip.GzipFile(fileobj=raw, mode="rb")
        self._read = 0
        self.advance(0)

    def advance(self, used: int) -> None:
        """Forget the first `used` bytes in memory, and read a block more."""
        rest = self.data[used:]
        end, last = len(rest), len(rest) + self._size
        # A new array each time, as records of the block before may still be in use.
        data = np.empty(end + min(self._size, BLOCK), np.uint8)
        data[:end] = rest
        while end < last and not self.ended:
            if end == len(data):
                data = np.concatenate([data, np.empty(min(end, last - end), np.uint8)])
            end += self._fill(data[end:])
        self.data = data[:end]
        self.begin += used

    def size(self) -> int:
        """Bytes of the whole file, decompressed; what is left of a compressed one is read, and forgotten."""
        if self._limit is None:
            return max(os.fstat(self._raw.fileno()).st_size, self._read)
        forgotten = np.empty(BLOCK, np.uint8)
        while not self.ended:
            self._fill(forgotten)
        return self._read

    def warnings(self, count: int, position: int) -> tuple[str, ...]:
        """What is wrong with the file, whose reading stopped at a position in `data` after `count` packets."""
        stop, size = self.begin + position, self.size()
        damage = (self.damage,) if self.damage else ()
        return damage if stop == size else (*damage, cut_at(count, stop, size))

    def _fill(self, room: Bytes) -> int:
        """Read into `room`, until it is full or as much as there is at once; returns how many bytes."""
        try:
            count = self._file.readinto1(room.data)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self.damage = f"damaged gzip data after {self._read:,} decompressed bytes ({error})"
            count = 0
        except OSError as error:
            raise _unreadable(self.path, error) from error
        self._read += count
        self.ended = not count
        if self._limit is not None and self._read > self._limit:
            raise CaptureError(
                f"{self.path}: expands to more than the size limit of {self._limit:,} bytes; "
                "raise it with --size-limit, or decompress the file first"
            )
        return count


def _unreadable(path: Path, error: OSError) -> CaptureError:
    return CaptureError(f"{path}: cannot be read: {error.strerror or error}")
