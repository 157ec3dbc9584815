"""Finds plugins that end or block the process that imports them, in a child process."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Sequence

PROBED = "NTGBENCH_PROBED"
"""Environment variable, set in processes that ntgbench starts: the plugins have been probed, see `discover`."""

LONGEST = 60.0
"""Seconds that the imports of all plugins may take. By their contract they import nothing heavy."""


def find_fatal(
    entry_points: Sequence[importlib.metadata.EntryPoint], longest: float = LONGEST
) -> dict[importlib.metadata.EntryPoint, str]:
    """The entry points that end or block a process that loads them, or leave others running, with what each does."""
    fatal: dict[importlib.metadata.EntryPoint, str] = {}
    rest = list(entry_points)
    while rest:
        lines, how = _load_all(rest, longest)
        begun = lines.count("begun")
        for place, line in enumerate(lines):
            if line == "left":
                fatal[rest[lines[:place].count("begun") - 1]] = "it left a process running when it was imported"
        if how is None or begun == 0:
            return fatal
        fatal[rest[begun - 1]] = f"{how} while it was imported"
        rest = rest[begun:]
    return fatal


def _load_all(entry_points: Sequence[importlib.metadata.EntryPoint], longest: float) -> tuple[list[str], str | None]:
    """What a new process that loads them reports, and what the last one did to it, None when all is well."""
    from ntgbench.running.processes import kept

    asked = {"path": sys.path, "entry_points": [(one.name, one.value, one.group) for one in entry_points]}
    with tempfile.TemporaryDirectory() as folder:
        asked_for, report = Path(folder) / "asked", Path(folder) / "report"
        asked_for.write_text(json.dumps(asked), encoding="utf-8")
        report.touch()
        command = [sys.executable, "-P", "-m", "ntgbench.probe_imports", str(asked_for), str(report)]
        how = None
        # What a plugin prints is printed when it is loaded here.
        with (
            open(os.devnull, "r+b") as nowhere,
            kept(command, nowhere, Path(), {**os.environ, PROBED: "1"}) as process,
        ):
            try:
                process.wait(longest)
            except subprocess.TimeoutExpired:
                how = f"it did not finish within {pluralised(longest, 'second')}"
        lines = report.read_text(encoding="utf-8").splitlines()
    if lines[-1:] == ["end"]:
        return lines, None
    return lines, how or f"it ended the process {ended_how(process.returncode)}"


def ended_how(code: int) -> str:
    """The end of a process in words: with its status, or by its signal when `code` is negative."""
    if code >= 0:
        return f"with status {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
