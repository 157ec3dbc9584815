"""Files that are there as a whole or not at all, and folders that one process works in at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; when the block ends well, what was written takes the place of `path` in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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
    """Errors of the system in this block name `path`, if they name no file, as writing to a full disk does, or `alias`.

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


@contextlib.contextmanager
def locked(folder: Path, stop: threading.Event | None = None, shared: bool = False) -> Iterator[int]:
    """Wait until nobody else holds `folder`, then hold it; a child process shares the hold by the descriptor yielded.

    Those who hold it `shared` hold it beside each other.

    The system lets go of the folder when every process with the descriptor has ended, however it ended.

    Raises:
        InterruptedError: when `stop` is set while this waits.
    """
    stop = stop or threading.Event()
    handle = os.open(folder, os.O_RDONLY)
    try:
        while True:
            try:
                fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if stop.wait(0.1):
                    raise InterruptedError(f"stopped while waiting for {folder}") from None
        yield handle
    finally:
        os.close(handle)
