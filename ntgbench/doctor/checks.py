"""All checks of `ntgbench doctor`, in the order of its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.doctor import devices, folders, machine, software

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.doctor import Check


def every_check(runs: Path, out: Path) -> dict[str, Check]:
    """All checks by name, for these folders of runs and of leaderboards."""
    return {
        "python": software.python,
        "ntgbench": software.own_version,
        "dependencies": software.dependencies,
        "tested versions": software.constraints,
        "extras": software.extras,
        "plugins": software.plugins,
        "environment": software.environment,
        "text": software.text,
        "tools": software.tools,
        "engines": software.engines,
        "processor": machine.processor,
        "cores": machine.cores,
        "memory": machine.memory,
        "threads": machine.threads,
        "limits": machine.limits,
        "orphans": machine.orphans,
        "clock": machine.clock,
        "torch": devices.torch,
        "energy": devices.energy,
        "folders": lambda: folders.folders(runs, out),
    }
