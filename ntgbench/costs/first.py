"""What the first biflow costs, in a process that knows nothing yet: `python -m ntgbench.costs.first FOLDER`.

That prints, as JSON, moments on the clock that `time.monotonic` reads in every process: its begin, each time that a
module is looked for, and the first biflow; which of these the plugin's import lies between; and the peak of resident
memory, in MiB.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ntgbench.costs.timing import Visit, visit
from ntgbench.errors import NtgbenchError


@dataclass(frozen=True)
class First:
    """What a fresh process took.

    Attributes:
        parts: what came one after the other, from when it was asked for to the first biflow; the same parts in every
            process of a system: hundreds of imports, for the most part.
        importing: those of them that are the plugin's import.
        memory: peak of its resident memory, MiB.
    """

    parts: Visit
    importing: Visit
    memory: float


def first_biflow(folder: Path) -> First:
    """What a fresh process takes to load the system in `folder` and to make a biflow.

    Raises:
        NtgbenchError: when it makes none.
    """
    # Some libraries import what stands in a set, in an order that would be another one in every process.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-P", "-m", "ntgbench.costs.first", str(folder)]
    asked = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise NtgbenchError(f"the saved system makes no biflow in a fresh process: {done.stderr.strip()[-500:]}")
    # A plugin may have something to say as well.
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"moments"')))
    parts = [end - begin for begin, end in itertools.pairwise([asked, *found["moments"]])]
    return First(visit([parts]), visit([parts[slice(*found["import"])]]), found["memory"])


class Moments:
    """Notes when a module is looked for, and knows none itself: a finder for `sys.meta_path`."""

    def __init__(self) -> None:
        self.taken = [time.monotonic()]

    def find_spec(self, *_: object) -> None:
        """Note this moment. Its arguments and its answer are those of `importlib.abc.MetaPathFinder`."""
        self.take()

    def take(self) -> int:
        """Note this moment; how many there are by now."""
        self.taken.append(time.monotonic())
        return len(self.taken)


def main(folder: Path, moments: Moments) -> dict[str, object]:
    """Import the plugin, load the model and make one biflow."""
    import numpy as np

    from ntgbench import systems
    from ntgbench.plugins import registry, resolve
    from ntgbench.running.probe import peak_memory_mib

    spec = registry().system(json.loads((folder / systems.SYSTEM_FILE).read_text())["system"])
    begun = moments.take()
    resolve(spec.target, spec.needs)
    imported = moments.take()
    fitted = systems.load(folder)
    seen = [label for label, name in enumerate(fitted.train.classes) if name in fitted.known]
    fitted.sample(np.array(seen[:1], np.int32), seed=0)
    moments.take()
    return {"moments": moments.taken, "import": [begun, imported], "memory": peak_memory_mib()}


if __name__ == "__main__":
    noted = Moments()
    sys.meta_path.insert(0, noted)
    print(json.dumps(main(Path(sys.argv[1]), noted)))
