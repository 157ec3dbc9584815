"""Documents out of a folder or an archive, one at a time. Nothing is ever unpacked to disk."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ntgbench.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MEMBER_LIMIT = 1 << 30
"""Largest document in bytes: more is taken for a decompression bomb."""

_SYMLINK = 0o120000
_FILE_TYPE = 0o170000


@dataclass(frozen=True)
class Document:
    """A file's content.

    Attributes:
        name: its path in the folder or archive.
        content: its bytes.
        done: share of the whole that has been read up to it, 0..1.
    """

    name: str
    content: bytes
    done: float


def documents(paths: Sequence[Path]) -> Iterator[Document]:
    """The content of files."""
    for number, path in enumerate(paths, start=1):
        yield Document(str(path), path.read_bytes(), number / len(paths))


def members(archive: Path, ending: str) -> Iterator[Document]:
    """The content of the files in a tar or zip archive whose name ends with `ending`.

    Raises DatasetError for a damaged archive, and for one that holds what no dataset needs: a path that leads out of
    it, a link, a device, or a document over a gibibyte.
    """
    try:
        yield from (_zip if zipfile.is_zipfile(archive) else _tar)(archive, ending)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, RuntimeError) as error:
        raise DatasetError(f"{archive} is damaged or no archive: {error}") from error


def _tar(archive: Path, ending: str) -> Iterator[Document]:
    total = max(archive.stat().st_size, 1)
    with archive.open("rb") as file, tarfile.open(fileobj=file, mode="r|*") as tar:
        for member in tar:
            _refuse(archive, member.name, member.size, special=not (member.isreg() or member.isdir()))
            content = tar.extractfile(member) if member.name.lower().endswith(ending) else None
            if content is not None:
                yield Document(member.name, content.read(), file.tell() / total)


def _zip(archive: Path, ending: str) -> Iterator[Document]:
    with zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
        for number, entry in enumerate(entries, start=1):
            link = (entry.external_attr >> 16) & _FILE_TYPE == _SYMLINK
            _refuse(archive, entry.filename, entry.file_size, special=link)
            if entry.filename.lower().endswith(ending):
                yield Document(entry.filename, opened.read(entry), number / len(entries))


def _refuse(archive: Path, name: str, size: int, special: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise DatasetError(f"{archive} holds a path that leads out of it: {name!r}")
    if special:
        raise DatasetError(f"{archive} holds a link or a device: {name!r}")
    if size > MEMBER_LIMIT:
        raise DatasetError(f"{archive} holds a file of {size:,} bytes, over the limit of {MEMBER_LIMIT:,}: {name!r}")
