"""The machine: its hardware in one line (rows of different lines are never compared), its state, its processors."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
from typing import Any

from ntgbench.machine import cpu_model

_log = logging.getLogger(__name__)


def hardware(device: str, threads: int) -> str:
    """Processor, threads, and, where there are any, accelerator with its driver and torch."""
    parts = [f"{cpu_model()}, {threads} of {os.cpu_count()} threads"]
    if device != "cpu":
        parts.append(_accelerator(device))
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        parts.append(f"torch {importlib.metadata.version('torch')}")
    return ", ".join(parts)


def pin(threads: int) -> list[int]:
    """Keep this process and its children on `threads` processors; their numbers, none where the system cannot do it.

    A thread that moves to another processor finds cold caches. The last processors are taken, because the first ones
    serve more interrupts.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []
    chosen = sorted(os.sched_getaffinity(0))[-threads:]
    os.sched_setaffinity(0, chosen)
    return chosen


def state() -> dict[str, Any]:
    """Load average of the last minute, and the processor's MHz where the system tells them."""
    import psutil

    found: dict[str, Any] = {"load": round(os.getloadavg()[0], 2)}
    with contextlib.suppress(AttributeError, NotImplementedError, OSError):
        frequency = psutil.cpu_freq()
        if frequency is not None:
            found["mhz"] = round(frequency.current)
    return found


def nvml(device: str) -> tuple[Any, Any] | None:
    """The NVML library and its handle of a CUDA device; None, with a warning, without NVML or such a device.

    https://docs.nvidia.com/deploy/nvml-api
    """
    try:
        import pynvml

        pynvml.nvmlInit()
        wanted = visible(device, os.environ.get("CUDA_VISIBLE_DEVICES"))
        if isinstance(wanted, int):
            return pynvml, pynvml.nvmlDeviceGetHandleByIndex(wanted)
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(wanted)
    # NVML's errors are a class of a library that may not be there.
    except Exception as error:
        _log.warning("NVML does not know %s, so its energy and use stay empty: %s", device, error)
        return None


def visible(device: str, restriction: str | None) -> int | str:
    """The number or UUID that NVML uses for what CUDA calls `device`, such as "cuda" or "cuda:1".

    `restriction` is CUDA_VISIBLE_DEVICES: the devices that CUDA numbers, in that order. Raises IndexError when `device`
    is not one of them.
    """
    number = int(device.partition(":")[2] or 0)
    if not restriction:
        return number
    name = restriction.split(",")[number].strip()
    return int(name) if name.isdigit() else name


def _accelerator(device: str) -> str:
    found = nvml(device)
    if found is None:
        return device
    library, handle = found
    return f"{library.nvmlDeviceGetName(handle)}, driver {library.nvmlSystemGetDriverVersion()}"
