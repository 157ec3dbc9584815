"""The first item in a fresh process: `python -m ntgbench.efficiency.start FOLDER REQUEST`.

It imports the plugin, loads the system in FOLDER, and makes one item of the request that REQUEST, a
"module:function", returns for that system. It prints a line of JSON, see `Start`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from ntgbench.errors import NtgbenchError


class Start(NamedTuple):
    """Seconds of the plugin's import, seconds to the first item, and the process's peak of resident memory in MiB."""

    imported: float
    first: float
    memory: float


def start(folder: Path, request: str) -> Start:
    """Start a process that makes an item with the system in `folder`. Raises NtgbenchError when it makes none."""
    # All processes read the same monotonic clock.
    command = [sys.executable, "-P", "-m", __name__, str(folder), request, str(time.monotonic())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NtgbenchError(f"the saved system makes nothing in a fresh process: {done.stderr.strip()[-500:]}")
    # A plugin may print something as well.
    return Start(**json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"imported"'))))


def main(folder: Path, request: str, started: float) -> Start:
    """Import the plugin, load the system and make one item."""
    from ntgbench import needs, systems
    from ntgbench.machine import peak_memory_mib
    from ntgbench.plugins import registry, resolve

    head = json.loads((folder / systems.SYSTEM_FILE).read_text())
    spec = registry().system(head["system"], head.get("track"))
    begun = time.monotonic()
    needs.imported(spec)
    imported = time.monotonic() - begun
    fitted = systems.load(folder)
    fitted.sample(*resolve(request)(fitted), seed=0)
    return Start(imported, time.monotonic() - started, peak_memory_mib())


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))._asdict()))
