"""What a row says about the machine, the libraries, the time and the memory."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

LIBRARIES = (
    *("numpy", "scikit-learn", "imbalanced-learn", "scipy", "pyarrow"),
    *("torch", "transformers", "torchao", "onnxruntime"),
)
"""Distributions whose version may change a number."""


def usable_cores() -> int:
    """Processors that this process may use: its affinity and the quota of its container count."""
    import joblib

    return int(joblib.cpu_count())


def usable_memory() -> int:
    """Bytes of memory that this process may use: those of the machine, or the limit of its control group.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory
    """
    import psutil

    limits = _control_group("memory", "memory.max", "limit_in_bytes")
    return min([int(psutil.virtual_memory().total), *limits.values()])


def processes_left() -> int | None:
    """Processes and threads that the control group of this process may still start, None without a limit."""
    most = _control_group("pids", "pids.max", "max")
    now = _control_group("pids", "pids.current", "current")
    return min((most[folder] - now[folder] for folder in most.keys() & now.keys()), default=None)


def _control_group(controller: str, name: str, older: str) -> dict[Path, int]:
    """The number in a file of this process's control group and those above it, in version 2 or 1 of the interface."""
    found = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            number, controllers, group = line.split(":", 2)
            if number != "0" and controller not in controllers.split(","):
                continue
            root = Path("/sys/fs/cgroup") / ("" if number == "0" else controller)
            own = root / group.lstrip("/")
            # In a container, the group may be named as it is outside: then only the root is there.
            for folder in (own, *own.parents):
                if folder.is_relative_to(root):
                    with contextlib.suppress(OSError, ValueError):
                        path = folder / (name if number == "0" else f"{controller}.{older}")
                        found[folder] = int(path.read_text(encoding="utf-8"))
    return found


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
