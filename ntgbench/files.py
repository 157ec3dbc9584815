"""Files that are there as a whole or not at all, and folders that one process works in at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ntgbench.errors import NtgbenchError

MOST_JSON = 16 * 2**20
"""Bytes of a JSON or TOML file that are read: what ntgbench writes into one is far less."""


LOCK_FILE = ".lock"
"""The file in a folder by which it is locked."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; when the block ends well, what was written takes the place of `path` in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with naming(path, temporary):
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path, alias: Path | None = None) -> Iterator[None]:
    """Errors of the system in this block name `path` in place of `alias`, or where they name no file (on a full disk).

    Raises:
        OSError: of the same class and number, with a file name.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or (alias is not None and os.fspath(error.filename) == str(alias)):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as a whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write every text to its path, or none when one cannot be written, which raises NtgbenchError.

    All are on the disk before the first takes its place; from there on, in the order given, only renames are left.
    Callers hold the lock of the folder, and what a killed one has left half-written is replaced by the next one.
    """
    temporaries = {path: path.with_name(f".{path.name}.tmp") for path in texts}
    try:
        for path, text in texts.items():
            try:
                if path.is_dir():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                with temporaries[path].open("w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise NtgbenchError(f"cannot write {path}: {error.strerror}; nothing was changed") from error
        for path, temporary in temporaries.items():
            temporary.replace(path)
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


def delete(path: Path) -> None:
    """Delete the file at `path`, or the folder with all that is in it; nothing when there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def refuse_file(folder: Path) -> None:
    """Raise NtgbenchError when there is a file where a folder is wanted; it need not be there yet."""
    if folder.exists() and not folder.is_dir():
        raise NtgbenchError(f"{folder} is a file and no folder")


def require_file(path: Path, most: int) -> None:
    """Raise NtgbenchError unless `path` is a regular file of at most `most` bytes; it is not opened.

    Reading a FIFO or a device could block for ever or never end.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise NtgbenchError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        folder = "a folder and " if stat.S_ISDIR(found.st_mode) else ""
        raise NtgbenchError(f"cannot read {path}: it is {folder}not a regular file")
    if found.st_size > most:
        raise NtgbenchError(f"cannot read {path}: it has {found.st_size:,} bytes, and at most {most:,} are expected")


def read_bytes(path: Path, most: int) -> bytes:
    """The contents of a regular file of at most `most` bytes. Raises NtgbenchError."""
    require_file(path, most)
    try:
        return path.read_bytes()
    except OSError as error:
        raise NtgbenchError(f"cannot read {path}: {error.strerror}") from error


def content_digest(path: Path) -> str:
    """BLAKE2b-128 of a file as `b2sum -l 128` prints it; for a folder, of the names and digests of the files in it.

    Raises NtgbenchError when there is no such file or folder, or it cannot be read.
    """
    try:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file())
            names = {one.relative_to(path).as_posix(): content_digest(one) for one in inside}
            return hashlib.blake2b(json.dumps(names).encode(), digest_size=16).hexdigest()
        if path.exists() and not path.is_file():
            raise NtgbenchError(f"cannot read {path}: it is not a regular file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise NtgbenchError(f"cannot read {path}: {error.strerror}") from error


def read_json(path: Path, most: int = MOST_JSON) -> Any:
    """The value in a JSON file of at most `most` bytes. Raises NtgbenchError, also for values nested too deeply."""
    try:
        return json.loads(read_bytes(path, most))
    except (ValueError, RecursionError) as error:
        raise NtgbenchError(f"cannot read {path}: {error}") from error


@contextlib.contextmanager
def locked(folder: Path, stop: threading.Event | None = None, shared: bool = False) -> Iterator[int]:
    """Wait until `folder` is free, then lock it, by a file in it.

    Child processes with the descriptor that is yielded share the lock. Several processes can hold it at a time when all
    hold it `shared`. The system releases it when every process with the descriptor has ended, also after a kill.

    Raises:
        InterruptedError: when `stop` is set while this waits.
    """
    stop = stop or threading.Event()
    while (handle := _lock(folder / LOCK_FILE, shared)) is None:
        if stop.wait(0.1):
            raise InterruptedError(f"stopped while waiting for {folder}")
    try:
        yield handle
    finally:
        os.close(handle)


def _lock(path: Path, shared: bool) -> int | None:
    """A descriptor of the file at `path`, which is made if need be, with its lock; None when that is held elsewhere."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):  # a system has replaced it
            delete(path)
    with contextlib.ExitStack() as undo:
        # Network file systems lock files that are open for writing, and no folders.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        undo.callback(os.close, handle)
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            found = path.lstat()
        except (BlockingIOError, FileNotFoundError):
            return None
        # The lock of a file that was replaced since it was opened keeps nobody out.
        if not os.path.samestat(found, os.fstat(handle)):
            return None
        undo.pop_all()
        return handle
