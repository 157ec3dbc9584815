"""Finds plugins that end or block the process that imports them, in a child process."""

from __future__ import annotations

import contextlib
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
    """The entry points that end or block a process that loads them, each with what it does."""
    fatal: dict[importlib.metadata.EntryPoint, str] = {}
    rest = list(entry_points)
    while rest:
        begun, how = _load_all(rest, longest)
        if how is None or begun == 0:
            return fatal
        fatal[rest[begun - 1]] = f"{how} while it was imported"
        rest = rest[begun:]
    return fatal


def _load_all(entry_points: Sequence[importlib.metadata.EntryPoint], longest: float) -> tuple[int, str | None]:
    """How many of them a new process began to load, and what the last one did to it, None when all is well."""
    asked = {"path": sys.path, "entry_points": [(one.name, one.value, one.group) for one in entry_points]}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        report.touch()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ntgbench.probe_imports", str(report)],
            stdin=subprocess.PIPE,
            # What a plugin prints is printed when it is loaded here.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, PROBED: "1"},
            start_new_session=True,
        )
        how = None
        try:
            process.communicate(json.dumps(asked).encode(), longest)
        except subprocess.TimeoutExpired:
            how = f"it did not finish within {pluralised(longest, 'second')}"
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        begun = len(report.read_bytes().splitlines())
    if begun > len(entry_points):
        return begun, None
    return begun, how or f"it ended the process {ended_how(process.returncode)}"


def ended_how(code: int) -> str:
    """The end of a process in words: with its status, or by its signal when `code` is negative."""
    if code >= 0:
        return f"with status {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
