"""What happens while something is timed: use of the device, other processes' share of the machine, and energy."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntgbench.efficiency.hardware import nvml

LOOK_EVERY = 0.1
"""Seconds between two readings of a CUDA device's use."""

POWERCAP = Path("/sys/class/powercap")
"""Where Linux counts the energy of processors (RAPL)."""

Counter = Callable[[], float]
"""Joules since some moment."""


@dataclass
class Use:
    """What was used while a block ran.

    Attributes:
        others: share of the machine's CPU time that other processes took, percent.
        device: share of the time that the device was busy, percent. Of a CUDA device by NVML, None without it; of the
            CPU, this process's CPU time by threads and seconds.
        joules: energy of the whole accelerator or of all processors, for all processes; None if not counted.
    """

    others: float = 0.0
    device: float | None = None
    joules: float | None = None


@contextlib.contextmanager
def monitored(device: str, threads: int) -> Iterator[Use]:
    """Measure what is used while the block runs; what is yielded is filled in when the block has ended."""
    accelerator = None if device == "cpu" else nvml(device)
    energy = processors_energy(POWERCAP) if device == "cpu" else _accelerator_energy(accelerator)
    readings: list[float] = []
    done = threading.Event()
    reader = threading.Thread(target=_read_use, args=(accelerator, readings, done), daemon=True)
    use = Use()
    begun, own_before, all_before = time.perf_counter(), _own_seconds(), _machine_seconds()
    joules_before = energy() if energy else 0.0
    reader.start()
    try:
        yield use
    finally:
        done.set()
        reader.join()
    took, own = time.perf_counter() - begun, _own_seconds() - own_before
    use.others = 100.0 * max(0.0, _machine_seconds() - all_before - own) / (took * (os.cpu_count() or 1))
    if device == "cpu":
        use.device = 100.0 * own / (took * threads)
    elif readings:
        use.device = sum(readings) / len(readings)
    if energy:
        use.joules = energy() - joules_before


def processors_energy(powercap: Path) -> Counter | None:
    """Joules of all processors together, None where they are not counted or may not be read.

    A counter that overflows between two readings is followed if it does so once: a counter lasts for many minutes.
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


def _accelerator_energy(accelerator: tuple[Any, Any] | None) -> Counter | None:
    if accelerator is None:
        return None
    library, handle = accelerator
    try:
        library.nvmlDeviceGetTotalEnergyConsumption(handle)
    except library.NVMLError:
        return None
    return lambda: float(library.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3


def _read_use(accelerator: tuple[Any, Any] | None, readings: list[float], done: threading.Event) -> None:
    """Note the accelerator's use in percent until `done`."""
    if accelerator is None:
        return
    library, handle = accelerator
    # NVML does not report the use of a device that is partitioned (MIG).
    with contextlib.suppress(library.NVMLError):
        while not done.wait(LOOK_EVERY):
            readings.append(float(library.nvmlDeviceGetUtilizationRates(handle).gpu))


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
