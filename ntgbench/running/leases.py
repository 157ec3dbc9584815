"""Leases of GPUs: one cell at a time has a GPU, whoever runs it on this machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_LOOK_EVERY = 0.5


def visible_gpus() -> dict[str, str]:
    """The GPUs that CUDA may use: from what `CUDA_VISIBLE_DEVICES` calls them to what all processes know them by.

    Empty without NVIDIA's driver. SLURM and dask set the variable for what they start.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())]
        uuids = [str(pynvml.nvmlDeviceGetUUID(handle)) for handle in handles]
    except pynvml.NVMLError:
        return {}
    return visible(os.environ.get("CUDA_VISIBLE_DEVICES"), uuids)


def visible(restriction: str | None, uuids: Sequence[str]) -> dict[str, str]:
    """The GPUs of these UUIDs, by number, that a value of `CUDA_VISIBLE_DEVICES` leaves: from its names to UUIDs.

    A name is a number, the beginning of a UUID, or a part of a GPU ("MIG-…"). As for CUDA, the first name of no GPU
    hides all that come after it. https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables
    """
    numbered = {str(number): uuid for number, uuid in enumerate(uuids)}
    if restriction is None:
        return numbered
    found: dict[str, str] = {}
    for name in map(str.strip, restriction.split(",")):
        named = numbered.get(name) or next((uuid for uuid in uuids if name and uuid.startswith(name)), None)
        if named is None and not (uuids and name.startswith("MIG-")):
            break
        found[name] = named or name
    return found


@contextlib.contextmanager
def leased(
    device: str, stop: threading.Event, gpus: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """Wait for the GPU of a device, and keep it from others until the last process with the descriptor has ended.

    Args:
        device: "cpu", which needs no lease; "cuda": any GPU; "cuda:1": the second that is visible.
        stop: ends the waiting.
        gpus: those to choose from, as `visible_gpus` gives them, which None takes. Without any, nothing is leased.
        folder: of the lock files, which all users of the machine share; None takes that of temporary files.

    Yields:
        what the environment of the cell must hold, and the open descriptors of the lease.

    Raises:
        InterruptedError: `stop` was set.
    """
    known = {} if device == "cpu" else visible_gpus() if gpus is None else gpus
    _, _, number = device.partition(":")
    wanted = list(known)[int(number) : int(number) + 1] if number else list(known)
    if not wanted:
        yield {}, ()
        return
    home = folder or Path(tempfile.gettempdir())
    # The number of a GPU differs between jobs of SLURM. Names of parts may have slashes.
    locks = [home / f"ntgbench-{known[name].replace('/', '-')}.lock" for name in wanted]
    while (found := _first_free(locks)) is None:
        if stop.wait(_LOOK_EVERY):
            raise InterruptedError("stopped while waiting for a GPU")
    place, handle = found
    try:
        # A device with a number keeps it: the cell sees as many GPUs as before.
        yield {} if number else {"CUDA_VISIBLE_DEVICES": wanted[place]}, (handle,)
    finally:
        os.close(handle)


def _first_free(paths: list[Path]) -> tuple[int, int] | None:
    for place, path in enumerate(paths):
        handle = _opened(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        return place, handle
    return None


def _opened(path: Path) -> int:
    # Another user may have made it, and then it cannot be opened to be made.
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, os.O_RDONLY)
    handle = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    # Whatever this user's umask: others must be able to wait for it.
    os.fchmod(handle, 0o644)
    return handle
