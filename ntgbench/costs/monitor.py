"""What happens while something is timed: how busy device and machine are, and the energy that flows."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from ntgbench.costs.hardware import nvml

DEVICE_EVERY = 0.1
"""Seconds between two looks at how busy a CUDA device is."""

POWERCAP = Path("/sys/class/powercap")
"""Where Linux counts the energy of processors (RAPL)."""

Counter = Callable[[], float]
"""Joules since some moment."""


class Monitor:
    """Watches the blocks that it is the context of, one after another; its numbers are of all of them.

    Attributes:
        seconds: how long they took.
        others: part of the machine's CPU time that other processes took, 0..1, in the block where it was most.
        joules: energy, None where nothing counts it. That of the whole accelerator or of all processors, whoever uses
            them.
    """

    seconds: float = 0.0
    others: float = 0.0
    joules: float | None

    def __init__(self, device: str, threads: int) -> None:
        self._device, self._threads = device, threads
        self._nvml = None if device == "cpu" else nvml(device)
        self._energy = self._counter()
        self.joules = 0.0 if self._energy else None
        self._own = 0.0
        self._looks: list[float] = []

    @property
    def device_use(self) -> float | None:
        """Part of the time that the device was busy, 0..1, None before any.

        Of a CUDA device the mean of NVML's looks, None without NVML; of the CPU, this process's CPU time by threads and
        seconds.
        """
        if self._device != "cpu":
            return sum(self._looks) / len(self._looks) if self._looks else None
        return self._own / (self.seconds * self._threads) if self.seconds else None

    def __enter__(self) -> Self:
        self._done = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True) if self._nvml else None
        if self._looker:
            self._looker.start()
        self._before = self._energy() if self._energy else 0.0
        self._begin = (time.perf_counter(), _own_seconds(), _machine_seconds())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        begun, own_before, all_before = self._begin
        took = time.perf_counter() - begun
        own = _own_seconds() - own_before
        others = max(0.0, _machine_seconds() - all_before - own) / (took * (os.cpu_count() or 1))
        if self._energy and self.joules is not None:
            self.joules += self._energy() - self._before
        self.seconds, self._own, self.others = self.seconds + took, self._own + own, max(self.others, others)
        self._done.set()
        if self._looker:
            self._looker.join()

    def _look(self) -> None:
        assert self._nvml is not None
        library, handle = self._nvml
        # A device that is cut into parts does not say how busy it is.
        with contextlib.suppress(library.NVMLError):
            while not self._done.wait(DEVICE_EVERY):
                self._looks.append(library.nvmlDeviceGetUtilizationRates(handle).gpu / 100.0)

    def _counter(self) -> Counter | None:
        if self._device == "cpu":
            return processors_energy(POWERCAP)
        if self._nvml is None:
            return None
        library, handle = self._nvml
        try:
            library.nvmlDeviceGetTotalEnergyConsumption(handle)
        except library.NVMLError:
            return None
        return lambda: float(library.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3


def processors_energy(powercap: Path) -> Counter | None:
    """Joules of all processors together, None where they are not counted or may not be read.

    A counter that has run over and begun again is followed, if it is read once a round at least: every few minutes.
    https://docs.kernel.org/power/powercap/powercap.html
    """
    # Domains with two colons are parts of others, and "psys" is the whole machine, processors included.
    domains = [path for path in sorted(powercap.glob("intel-rapl:*")) if path.name.count(":") == 1]
    try:
        domains = [path for path in domains if (path / "name").read_text().startswith("package")]
        ranges = {path / "energy_uj": int((path / "max_energy_range_uj").read_text()) for path in domains}
        last = {path: int(path.read_text()) for path in ranges}
    except (OSError, ValueError):
        return None
    if not ranges:
        return None
    total = 0

    def joules() -> float:
        nonlocal total
        for path, full in ranges.items():
            count = int(path.read_text())
            total += (count - last[path]) % full
            last[path] = count
        return total / 1e6

    return joules


def _own_seconds() -> float:
    """CPU time of this process and of the children it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _machine_seconds() -> float:
    """CPU time that all processes of the machine have taken."""
    import psutil

    times = psutil.cpu_times()
    # What a hypervisor gave to other machines is lost to this one as well.
    return float(times.user + times.system + getattr(times, "nice", 0.0) + getattr(times, "steal", 0.0))
