"""What the first biflow costs, in a process that knows nothing yet: `python -m ntgbench.costs.first FOLDER MOMENT`.

That prints, as JSON, seconds from MOMENT, when the process was asked for on the clock that `time.monotonic` reads in
every process, to the first biflow; what of them the plugin's import took; and the peak of resident memory, in MiB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from ntgbench import systems
from ntgbench.errors import NtgbenchError
from ntgbench.plugins import registry, resolve
from ntgbench.running.probe import peak_memory_mib


def first_biflow(folder: Path) -> dict[str, float]:
    """Seconds of importing the plugin and of all up to the first biflow, and peak MiB, of a fresh process.

    Raises:
        NtgbenchError: when it makes none.
    """
    command = [sys.executable, "-P", "-m", "ntgbench.costs.first", str(folder), str(time.monotonic())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NtgbenchError(f"the saved system makes no biflow in a fresh process: {done.stderr.strip()[-500:]}")
    # A plugin may have something to say as well.
    found: dict[str, float] = json.loads(
        next(line for line in done.stdout.splitlines() if line.startswith('{"import"'))
    )
    return found


def main(folder: Path, asked: float) -> dict[str, float]:
    """Import the plugin, load the model and make one biflow."""
    spec = registry().system(json.loads((folder / systems.SYSTEM_FILE).read_text())["system"])
    begun = time.monotonic()
    resolve(spec.target, spec.needs)
    imported = time.monotonic() - begun
    fitted = systems.load(folder)
    seen = [label for label, name in enumerate(fitted.train.classes) if name in fitted.classes]
    fitted.sample(np.array(seen[:1], np.int32), seed=0)
    return {"import": imported, "first": time.monotonic() - asked, "memory": peak_memory_mib()}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), float(sys.argv[2]))))
