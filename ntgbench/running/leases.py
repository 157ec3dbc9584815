"""Leases of GPUs: one cell at a time has a GPU, whoever runs it on this machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

_LOOK_EVERY = 0.5


def visible_gpus() -> list[str]:
    """The GPUs that CUDA may use, as `CUDA_VISIBLE_DEVICES` names them; empty without NVIDIA's driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
        known = [str(number) for number in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return []
    restriction = os.environ.get("CUDA_VISIBLE_DEVICES")
    return known if restriction is None else [name.strip() for name in restriction.split(",") if name.strip()]


@contextlib.contextmanager
def leased(
    device: str, stop: threading.Event, gpus: Sequence[str] | None = None, folder: Path | None = None
) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """Wait for the GPU of a device, and keep it from others until the last process with the descriptor has ended.

    Args:
        device: "cpu", which needs no lease; "cuda": any GPU; "cuda:1": the second that is visible.
        stop: ends the waiting.
        gpus: names of the GPUs; None takes `visible_gpus()`. Where there are none, nothing is leased.
        folder: of the lock files, which all users of the machine share; None takes that of temporary files.

    Yields:
        what the environment of the cell must hold, and the open descriptors of the lease.

    Raises:
        InterruptedError: `stop` was set.
    """
    names = [] if device == "cpu" else visible_gpus() if gpus is None else list(gpus)
    _, _, number = device.partition(":")
    wanted = names[int(number) : int(number) + 1] if number else names
    if not wanted:
        yield {}, ()
        return
    home = folder or Path(tempfile.gettempdir())
    while (found := _first_free([home / f"ntgbench-gpu-{name}.lock" for name in wanted])) is None:
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
    return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
