"""A file by which all who work for a run, on whatever machine, see that the run still goes on."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from ntgbench.errors import NtgbenchError
from ntgbench.files import read_bytes

FOLDER = ".running"

BEAT = 10.0
"""Seconds between two changes of the file."""

SILENCE = 120.0
"""Seconds without a change after which a run counts as dead. A network file system may show changes a minute late."""

STOPPED = b"stopped\n"

_LOOK = 0.5
_OLD = 86_400.0
_OWN: dict[str, threading.Event] = {}
_LEFT = threading.Event()


@contextlib.contextmanager
def beacon(runs: Path) -> Iterator[Path]:
    """The file of a run below the folder of all runs; when the block ends, it says that the run has stopped."""
    path = runs / FOLDER / uuid.uuid4().hex
    stop, ended = threading.Event(), threading.Event()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"running\n")
    _delete_old(path)
    _OWN[str(path)] = stop
    beating = threading.Thread(target=_beat, args=(path, ended), daemon=True)
    beating.start()
    try:
        yield path
    finally:
        ended.set()
        beating.join()
        # Others look at the file from time to time; a later run deletes it.
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(STOPPED)
        stop.set()
        del _OWN[str(path)]


def is_seen(path: Path) -> bool:
    """Whether this process sees the file of a run, or is that run."""
    return str(path) in _OWN or path.is_file()


@contextlib.contextmanager
def stopping(path: Path, silence: float = SILENCE) -> Iterator[threading.Event]:
    """An event that is set when the run of a beacon stops, or when nothing has been heard of it for so many seconds."""
    own = _OWN.get(str(path))
    if own is not None:
        yield own
        return
    stop, ended = threading.Event(), threading.Event()
    watching = threading.Thread(target=_watch, args=(path, silence, stop, ended), daemon=True)
    watching.start()
    try:
        yield stop
    finally:
        ended.set()
        watching.join()


def leave() -> None:
    """Have this process stop what it does for runs on other machines, as when they stop: it is about to be ended."""
    _LEFT.set()


def is_left() -> bool:
    """Whether `leave` was called."""
    return _LEFT.is_set()


def _beat(path: Path, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        # That needs no room on the disk, but for a file or a folder that someone has deleted.
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            path.touch()


def _watch(path: Path, silence: float, stop: threading.Event, ended: threading.Event) -> None:
    # Clocks of machines differ: what counts is that the time of the file changes, not what it is.
    seen, heard = _state(path), time.monotonic()
    while not ended.wait(_LOOK):
        now = _state(path)
        if now is not None and now != seen:
            seen, heard = now, time.monotonic()
        stopped = now is not None and now[1] == len(STOPPED) and _says_stopped(path)
        if stopped or is_left() or time.monotonic() - heard > silence:
            stop.set()
            return


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _says_stopped(path: Path) -> bool:
    try:
        return read_bytes(path, len(STOPPED)) == STOPPED
    except NtgbenchError:
        return False


def _delete_old(path: Path) -> None:
    """Delete the files of runs that have ended long ago, by the clock of the disk."""
    with contextlib.suppress(OSError):
        now = path.stat().st_mtime
        for other in path.parent.iterdir():
            if now - other.stat().st_mtime > _OLD:
                other.unlink(missing_ok=True)
