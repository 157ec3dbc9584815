"""Capture files: pcap, pcapng and their relatives, plain or gzip, opened and read into records."""

from __future__ import annotations

import gzip
import mmap
import tempfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from ntgbench import limits
from ntgbench.errors import CaptureError
from ntgbench.traffic.pcap import PCAP_MAGICS, pcap_records
from ntgbench.traffic.pcapng import PCAPNG_MAGIC, pcapng_records

if TYPE_CHECKING:
    import os

    from ntgbench.traffic.records import Bytes, Records

_PIECE = 1 << 20


def read_records(path: str | os.PathLike[str], *, size_limit: int | None = None) -> Records:
    """All packet records of a capture file, up to its end or to the first damage, which becomes a warning.

    A compressed file is expanded into a temporary file, which is gone when the records are.

    Args:
        path: pcap or pcapng file, plain or gzip.
        size_limit: most bytes that a compressed file may expand to; None takes `ntgbench.limits.size_limit()`.

    Raises:
        CaptureError: the file cannot be opened, is empty, is not a capture, or expands beyond `size_limit`.
    """
    data, damage = _load(Path(path), limits.size_limit() if size_limit is None else size_limit)
    if len(data) == 0:
        raise CaptureError(f"{path}: the file is empty")
    magic = data[:4].tobytes()
    if magic == PCAPNG_MAGIC:
        return pcapng_records(path, data, damage)
    if magic in PCAP_MAGICS:
        return pcap_records(path, data, damage)
    raise CaptureError(f"{path}: not a capture file: neither pcap nor pcapng begins with the bytes {magic.hex(' ')}")


def _load(path: Path, size_limit: int) -> tuple[Bytes, tuple[str, ...]]:
    """Contents of the file, mapped into memory, and warnings."""
    try:
        with path.open("rb") as file:
            if file.read(2) != b"\x1f\x8b":
                return _mapped(file), ()
            with tempfile.TemporaryFile() as expanded:
                return _expand(path, expanded, size_limit)
    except (OSError, ValueError) as error:
        raise CaptureError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _mapped(file: IO[bytes]) -> Bytes:
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.seek(0, 2) else b"", np.uint8)


def _expand(path: Path, expanded: IO[bytes], size_limit: int) -> tuple[Bytes, tuple[str, ...]]:
    size = 0
    warnings: tuple[str, ...] = ()
    with gzip.open(path) as file:
        try:
            while piece := file.read1(_PIECE):
                size += len(piece)
                if size > size_limit:
                    raise CaptureError(
                        f"{path}: expands to more than the size limit of {size_limit:,} bytes; "
                        "raise it with --size-limit, or decompress the file first"
                    )
                expanded.write(piece)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            warnings = (f"damaged gzip data after {size:,} decompressed bytes ({error})",)
    if not size and warnings:
        raise CaptureError(f"{path}: {warnings[0]}")
    expanded.flush()
    return _mapped(expanded), warnings
