"""Plugins that end or block the process which imports them, found in a process that may be lost.

`python -m ntgbench.probing REPORT` reads from standard input, as JSON, an import path and entry points, each as [name,
value, group]. It loads one after the other, and adds a line to the file REPORT before each and at the end.
"""

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

from ntgbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    from ntgbench.plugins import PROBED

    asked = {"path": sys.path, "entry_points": [(one.name, one.value, one.group) for one in entry_points]}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        report.touch()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ntgbench.probing", str(report)],
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
            how = f"it did not come to its end within {counted(longest, 'second')}"
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


def main(report: Path) -> None:
    """Load what standard input asks for."""
    from ntgbench.plugins import call_hooks

    asked = json.load(sys.stdin)
    sys.path[:] = asked["path"]
    with report.open("a", encoding="utf-8") as file:
        for entry_point in asked["entry_points"]:
            print("begun", file=file, flush=True)
            # What it raises is found when it is loaded where it is used.
            with contextlib.suppress(Exception, SystemExit):
                call_hooks(importlib.metadata.EntryPoint(*entry_point))
        print("end", file=file, flush=True)
    # Not the end of the interpreter: a plugin may have left a thread that does not end.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
