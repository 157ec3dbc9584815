"""A fitted system in a process that knows nothing yet: `python -m ntgbench.costs.first FOLDER MOMENT`.

Prints, as JSON, seconds from MOMENT, when the process was asked for on the clock that `time.monotonic` reads in every
process, to the first biflow; what of them the plugin's import took; and the peak of resident memory, in MiB.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from ntgbench import systems
from ntgbench.plugins import registry, resolve
from ntgbench.running.probe import peak_memory_mib


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
