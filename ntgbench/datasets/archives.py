"""Documents out of a folder or an archive, one at a time. Nothing is ever unpacked to disk."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from ntgbench.errors import DatasetError
from ntgbench.limits import GIB, Allowance, memory_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

JSON_FACTOR = 32
"""Bytes of memory that a byte of a JSON document takes while it is read: `[],` is an object of 56 and a pointer."""

_EXPANSION = 1_000  # times its own size that an archive may expand to; JSON takes a tenth or a twentieth of its size
_EXPANDED = GIB  # bytes that any archive may expand to

_HEADER_LIMIT = 2**20  # bytes of the header of a member of a tar archive: names and attributes need no more

# How a compressed file is opened, by its first bytes.
_COMPRESSION: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}

# What the libraries raise for archives that are cut or damaged; headers may nest too deeply, and hold any number.
_DAMAGED: tuple[type[Exception], ...] = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(RuntimeError, ValueError, OverflowError, MemoryError, OSError),
)


class Document(NamedTuple):
    """A file's content: its path in the folder or archive, its bytes, and the share of the whole read so far, 0..1."""

    name: str
    content: bytes
    done: float


def documents(paths: Sequence[Path], allowance: Allowance | None = None) -> Iterator[Document]:
    """The content of files. Raises DatasetError for one that is larger than the allowance."""
    for number, path in enumerate(paths, start=1):
        _refuse_size(path.name, path.stat().st_size, Allowance(path, None if allowance is None else allowance.limit))
        yield Document(str(path), path.read_bytes(), number / len(paths))


def members(archive: Path, ending: str, allowance: Allowance | None = None) -> Iterator[Document]:
    """The content of the files in a tar or zip archive whose name ends with `ending`, at least one.

    Raises DatasetError for a damaged archive, and for one that holds what no dataset needs: a path that leads out of
    it, a link, a device, a document that is larger than the allowance, or far more than its own size.
    """
    allowance = allowance or Allowance(archive)
    found = False
    try:
        for document in (_zip if zipfile.is_zipfile(archive) else _tar)(archive, ending, allowance):
            found = True
            yield document
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DatasetError(f"{archive} is damaged or not an archive: {error}") from error
    if not found:
        raise DatasetError(
            f"{archive} holds no {ending} file; captures and tables in an archive must be unpacked first"
        )


class _Member(tarfile.TarInfo):
    """A member whose headers are small: tarfile reads them whole before it gives the member away."""

    _HEADERS = (
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    )

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        """Tarfile's entry for subclasses, called with every header."""
        if self.size < 0 or (self.type in self._HEADERS and self.size > _HEADER_LIMIT):
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        return cast("tarfile.TarInfo", super()._proc_member(tar))  # type: ignore[misc]


def _tar(archive: Path, ending: str, allowance: Allowance) -> Iterator[Document]:
    total = max(archive.stat().st_size, 1)
    with archive.open("rb") as file:
        start = file.read(6)
        file.seek(0)
        # Expanded no faster than it is read.
        openers = (opener for magic, opener in _COMPRESSION.items() if start.startswith(magic))
        opener = next(openers, contextlib.nullcontext)
        with opener(file) as content, tarfile.open(fileobj=content, mode="r|", tarinfo=_Member) as tar:
            for member in tar:
                tar.members.clear()  # type: ignore[attr-defined]  # where tarfile keeps all of them
                _refuse_expansion(archive, member.offset_data + member.size)
                _refuse(archive, member.name, special=not (member.isreg() or member.isdir()))
                if member.isreg() and member.name.lower().endswith(ending):
                    _refuse_size(member.name, member.size, allowance)
                    document = tar.extractfile(member)
                    assert document is not None  # of a file there is one
                    yield Document(member.name, document.read(), file.tell() / total)


def _zip(archive: Path, ending: str, allowance: Allowance) -> Iterator[Document]:
    with memory_limit(allowance.limit):
        opened = zipfile.ZipFile(archive)
    with opened:
        entries = opened.infolist()
        # Several entries can be of the same compressed bytes.
        _refuse_expansion(archive, sum(entry.file_size for entry in entries))
        for number, entry in enumerate(entries, start=1):
            _refuse(archive, entry.filename, special=stat.S_ISLNK(entry.external_attr >> 16))
            if entry.filename.lower().endswith(ending):
                _refuse_size(entry.filename, entry.file_size, allowance)
                # The other methods expand without a limit.
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise DatasetError(f"{archive}: {entry.filename!r} is compressed by another method than deflate")
                yield Document(entry.filename, opened.read(entry), number / len(entries))


def _refuse(archive: Path, name: str, special: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise DatasetError(f"{archive} holds a path that leads out of it: {name!r}")
    if special:
        raise DatasetError(f"{archive} holds a link or a device: {name!r}")


def _refuse_expansion(archive: Path, size: int) -> None:
    """Refuse an archive that would take hours to expand, however little of it is kept."""
    if size > max(_EXPANDED, _EXPANSION * archive.stat().st_size):
        raise DatasetError(
            f"{archive} expands to {size / GIB:,.2f} GiB or more, over {_EXPANSION:,} times its size; if you trust it, "
            "unpack it first"
        )


def _refuse_size(name: str, size: int, allowance: Allowance) -> None:
    """Refuse a document whose content would need more memory than there may be."""
    if JSON_FACTOR * size > allowance.limit:
        raise DatasetError(
            f"{allowance.path}: {name!r} has {size:,} bytes and may need {JSON_FACTOR * size / GIB:,.2f} GiB "
            f"of memory, {allowance.advice()}"
        )
