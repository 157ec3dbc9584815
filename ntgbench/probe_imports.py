"""Imports plugins, one after the other, in a child process that they may end or block.

`python -m ntgbench.probe_imports ASKED REPORT` reads from the file ASKED, as JSON, an import path and entry points,
each as [name, value, group]. It adds a line to the file REPORT before each, one after each that has left a process
running, and one at the end.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import sys
from pathlib import Path

import psutil

from ntgbench.plugins import call_hooks
from ntgbench.running import keeper


def main(asked_for: Path, report: Path) -> None:
    """Load what the file asks for."""
    asked = json.loads(asked_for.read_text(encoding="utf-8"))
    sys.path[:] = asked["path"]
    keeper.adopt_orphans()
    with report.open("a", encoding="utf-8") as file:
        for entry_point in asked["entry_points"]:
            print("begun", file=file, flush=True)
            # What it raises is found when it is loaded where it is used.
            with contextlib.suppress(Exception, SystemExit):
                call_hooks(importlib.metadata.EntryPoint(*entry_point))
            if _end_children():
                print("left", file=file, flush=True)
        print("end", file=file, flush=True)
    # Not the end of the interpreter: a plugin may have left a thread that does not end.
    os._exit(0)


def _end_children() -> bool:
    """Kill all that runs below this process; whether anything did."""
    running = [one for one in psutil.Process().children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]
    for one in running:
        with contextlib.suppress(psutil.Error):
            one.kill()
    return bool(running)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
