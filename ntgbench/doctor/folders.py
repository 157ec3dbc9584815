"""Checks of the folders that ntgbench writes into."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ntgbench.doctor import Finding, State
from ntgbench.files import write_text

LITTLE = 2 * 2**30
"""Free bytes below which a run may fill the disk."""

LEAST = 100 * 2**20
"""Free bytes below which it will."""

NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p"}
"""File systems of other machines, by the name that the kernel gives them."""


def folders(runs: Path, out: Path) -> Iterator[Finding]:
    """Whether files can be written, locked and renamed where ntgbench does so, and how much room there is."""
    from ntgbench.datasets.cache import data_folder

    yield _folder("folder of runs", runs.absolute(), locks=True)
    yield _folder("leaderboards", out.absolute(), locks=True)
    try:
        yield _folder("temporary files", Path(tempfile.gettempdir()))
    except FileNotFoundError as error:
        yield Finding("temporary files", "problem", str(error.strerror or error), "set TMPDIR to a folder with room")
    yield _folder("datasets", data_folder().absolute(), needed=False)


def _folder(name: str, path: Path, locks: bool = False, needed: bool = True) -> Finding:
    bad: State = "problem" if needed else "warning"
    # It need not exist yet: then it is made below the next folder that does.
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    where = str(path) if there == path else f"{path}, to be made"
    try:
        with tempfile.TemporaryDirectory(prefix=".ntgbench-doctor-", dir=there) as made:
            _write(Path(made))
            unlocked = locks and not _locks(Path(made))
    except OSError as error:
        what = f"{where}: cannot be written: {error.strerror or error}"
        return Finding(name, bad, what, "choose another one, or mend its permissions")
    usage, free_files = shutil.disk_usage(there), os.statvfs(there)
    kind = _file_system(there)
    what = f"{where}: {usage.free / 2**30:,.1f} GiB free"
    if kind in NETWORK or kind.startswith("fuse."):
        what += f", on the network ({kind})"
    if unlocked:
        advice = "choose a folder of a local disk, or mount this one with locks"
        return Finding(name, bad, f"{what}; locks do not hold there, so two runs disturb each other", advice)
    if usage.free < LEAST or (free_files.f_files and free_files.f_favail < 1000):
        few = "" if usage.free < LEAST else ", and no room for more files"
        return Finding(name, bad, what + few, "make room: runs fail on a full disk")
    if usage.free < LITTLE:
        return Finding(name, "warning", what, "make room: a run of models may need some GiB")
    return Finding(name, "ok", what)


def _write(folder: Path) -> None:
    """Write a file and put another one in its place. Raises OSError when that does not work."""
    path = folder / "file"
    write_text(path, "old")
    write_text(path, "new")
    if path.read_text(encoding="utf-8") != "new" or [one.name for one in folder.iterdir()] != ["file"]:
        raise OSError("a file that was renamed is not what it was")


def _locks(folder: Path) -> bool:
    """Whether a lock on the folder keeps others out."""
    first, second = os.open(folder, os.O_RDONLY), os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
    except OSError:
        return False
    finally:
        os.close(first)
        os.close(second)


def _file_system(path: Path) -> str:
    """The kind of file system that `path` is on, empty when it cannot be told."""
    import psutil

    whole = path.resolve()
    mounts = {Path(one.mountpoint): str(one.fstype) for one in psutil.disk_partitions(all=True)}
    return next((mounts[folder] for folder in (whole, *whole.parents) if folder in mounts), "")
