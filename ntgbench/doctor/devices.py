"""Checks of torch, accelerators, and counters of energy."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ntgbench.doctor import Finding
from ntgbench.needs import is_installed
from ntgbench.words import pluralised

LONGEST = 60.0
"""Seconds that torch may take to be imported and to look for devices."""

# In a process of its own: what is wrong with a driver may end it.
_LOOK = """
import json, torch
cuda = torch.cuda.is_available()
devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else []
made = [float(torch.ones(2, device=f"cuda:{i}").sum()) for i in range(len(devices))]
capability = torch.backends.cpu.get_cpu_capability()
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "hip": torch.version.hip,
                  "devices": devices, "capability": capability}))
"""


def torch() -> Iterator[Finding]:
    """Whether torch can be imported, its build, and the devices that it can compute on."""
    if not is_installed("torch"):
        yield Finding("torch", "ok", "not installed, it is optional; pip install 'ntgbench[models]'")
        return
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _LOOK], capture_output=True, text=True, errors="replace", timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        what = f"torch does not start within {pluralised(LONGEST, 'second')}"
        yield Finding("torch", "problem", what, "look at the driver; CUDA_VISIBLE_DEVICES= leaves out all GPUs")
        return
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
        yield Finding("torch", "problem", f"torch cannot be used: {last}", "pip install --force-reinstall torch")
        return
    found = json.loads(done.stdout.splitlines()[-1])
    build = f"CUDA {found['cuda']}" if found["cuda"] else f"HIP {found['hip']}" if found["hip"] else "CPU only"
    what = f"{found['version']}, a build for {build}, {found['capability']} on the CPU"
    restriction = os.environ.get("CUDA_VISIBLE_DEVICES")
    if restriction is not None:
        what += f", CUDA_VISIBLE_DEVICES={restriction!r}"
    there, driver = _accelerators()
    if found["devices"]:
        yield Finding("torch", "ok", f"{what}; --device cuda: {', '.join(found['devices'])}")
    elif there and not found["cuda"]:
        advice = "https://pytorch.org/get-started/locally has the build for CUDA"
        yield Finding("torch", "warning", f"{what}, but here is {', '.join(there)}", advice)
    elif there and restriction is None:
        what = f"{what}, which does not see {', '.join(there)}"
        yield Finding("torch", "warning", what, "the driver may be too old for this build")
    else:
        yield Finding("torch", "ok", f"{what}; no GPU")
    if there:
        yield Finding("driver", "ok", f"NVIDIA {driver}: {', '.join(there)}")


def energy(powercap: Path | None = None) -> Iterator[Finding]:
    """Whether the energy of processors and accelerators is counted."""
    from ntgbench.efficiency.monitor import POWERCAP, processors_energy

    powercap = powercap or POWERCAP
    if processors_energy(powercap) is not None:
        yield Finding("energy", "ok", "of the processors it is counted (RAPL)")
    elif any(powercap.glob("intel-rapl:*/energy_uj")):
        what = "of the processors it is counted, but may not be read (RAPL)"
        yield Finding("energy", "warning", what, f"sudo chmod a+r {powercap}/intel-rapl:*/energy_uj")
    else:
        yield Finding("energy", "ok", "of the processors it is not counted here, so that column stays empty")


def _accelerators() -> tuple[list[str], str]:
    """Names of the NVIDIA GPUs and the version of their driver, by NVML; nothing without a driver."""
    with contextlib.suppress(Exception):  # NVML's errors are a class of a library that may not be there
        import pynvml

        pynvml.nvmlInit()
        names: list[Any] = [
            pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(i)) for i in range(pynvml.nvmlDeviceGetCount())
        ]
        return [str(name) for name in names], str(pynvml.nvmlSystemGetDriverVersion())
    return [], ""
