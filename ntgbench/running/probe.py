"""What a row says about the machine, the libraries, the time and the memory."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ntgbench.errors import NtgbenchError
from ntgbench.files import read_json, write_text

LIBRARIES = (
    "numpy",
    "scikit-learn",
    "imbalanced-learn",
    "scipy",
    "pyarrow",
    "torch",
    "transformers",
    "torchao",
    "onnxruntime",
)
"""Distributions whose version may change a number."""


class Phases:
    """Wall-clock seconds of named phases; a phase that runs again adds up.

    Args:
        path: file that says so meanwhile, for the case that the process does not come to its end; see `phases_so_far`.
    """

    def __init__(self, path: Path) -> None:
        self.seconds: dict[str, float] = {}
        self._path = path

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time the block as phase `name` with the monotonic clock."""
        self._note(name)
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 4)
            self._note(None)

    def _note(self, now: str | None) -> None:
        with contextlib.suppress(OSError):
            write_text(self._path, json.dumps({"seconds": self.seconds, "now": now, "since": time.monotonic()}))


def phases_so_far(path: Path, begun: float) -> dict[str, float]:
    """Seconds of the phases of a process that has ended just now, the last one included.

    Args:
        path: that of its `Phases`.
        begun: when it was started, on the monotonic clock, which all processes share: when it has noted no phase, all
            its time is that of a phase "start".
    """
    now = time.monotonic()
    try:
        noted = read_json(path)
        seconds = {str(name): float(taken) for name, taken in noted["seconds"].items()}
        last, since = noted["now"], float(noted["since"])
    except (NtgbenchError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        seconds, last, since = {}, "start", begun
    if last is not None:
        seconds[str(last)] = round(seconds.get(str(last), 0.0) + now - since, 4)
    return seconds


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    # What getrusage says begins, on Linux, with the peak of the process that started this one.
    # https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 2**10, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def machine(threads: int) -> dict[str, Any]:
    """Hardware and system, without anything that names the host or its user."""
    import psutil

    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "threads": threads,
    }


def cpu_model() -> str:
    """The processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Versions of ntgbench and of the installed `LIBRARIES`."""
    found = {}
    for name in ("ntgbench", *LIBRARIES):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
