"""Imports plugins, one after the other, in a child process that they may end or block.

`python -m ntgbench.probe_imports REPORT` reads from standard input, as JSON, an import path and entry points, each as
[name, value, group]. It adds a line to the file REPORT before each and at the end.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import sys
from pathlib import Path

from ntgbench.plugins import call_hooks


def main(report: Path) -> None:
    """Load what standard input asks for."""
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
