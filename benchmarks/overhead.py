"""CPU time that a cell costs beyond the work of its plugins: `python -m benchmarks.overhead [--seeds N]`.

A run of N + 1 cells minus a run of one cell, divided by N, is what a cell costs in all. Of that, the CPU time of the
phases in which plugins work is taken off: fit, sample, and the suites. They are measured in the same cells again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from tabulate import tabulate

MOST = 3.0
"""CPU seconds of a cell that the host may take."""

TRIVIAL = {
    "copy": ("simulated", "fidelity"),
    "real": ("simulated", "fidelity"),
    "markov": ("lab", "fidelity"),
    "marginals": ("simulated", "utility"),
    "flow-bootstrap": ("lab-trace", "statistics"),
    "shifted": ("lab-trace", "temporal"),
}
"""Systems that do little, each with a data set and a suite."""


class Cost(NamedTuple):
    """CPU seconds of a cell: in all, and of them those in which plugins work; and what its process imports."""

    whole: float
    plugins: float
    imported: list[str]


def cost(system: str, dataset: str, suite: str, seeds: int) -> Cost:
    """What a cell of a system costs, as a mean over `seeds` cells."""
    with tempfile.TemporaryDirectory() as name:
        one = run(Path(name) / "one", system, dataset, suite, 1)
        more = run(Path(name) / "more", system, dataset, suite, 1 + seeds)
        cells = sorted(path.parent for path in (Path(name) / "more" / "runs").glob("*/*/*/*/cell.json"))
        looks = [look(cell) for cell in cells]
    own = [sum(one["phases"].get(phase, 0.0) for phase in ("fit", "sample", suite)) for one in looks]
    return Cost((more - one) / seeds, sum(own) / len(own), looks[0]["imported"])


def run(folder: Path, system: str, dataset: str, suite: str, seeds: int) -> float:
    """CPU seconds of a run and of all processes that it starts."""
    track = {"biflows": "quick", "headers": "headers"}["headers" if dataset == "lab-trace" else "biflows"]
    command = [sys.executable, "-m", "ntgbench", "run", track, "-d", dataset, "-s", system, "--suite", suite]
    command += ["--seeds", str(seeds), "-j", "1", "--runs", str(folder / "runs"), "--out", str(folder / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    return used.ru_utime + used.ru_stime


def look(cell: Path) -> dict:
    """CPU seconds of the phases of a cell, which runs again, and what its process imports."""
    for file in ("result.json", "state.json"):
        (cell / file).unlink()
    command = [sys.executable, "-m", __spec__.name, "--cell", str(cell)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"}
    phases, imported = {}, {}
    # One process fits, another one measures.
    for more in ([], ["--measure"]):
        done = subprocess.run([*command, *more], check=True, stdout=subprocess.PIPE, env=environment, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        phases |= found["phases"]
        imported |= dict.fromkeys(found["imported"])
    return {"phases": phases, "imported": list(imported)}


class Fitted(BaseException):
    """The process would now be replaced by the one that measures."""


def end(*_: object) -> NoReturn:
    """In place of `os.execve`."""
    raise Fitted


def run_cell(cell: Path) -> None:
    """Run a cell in this process and print what `look` returns."""
    from ntgbench.running import state, worker
    from ntgbench.running.cells import read_cell
    from ntgbench.testing import HEAVY

    phases: dict[str, float] = {}
    timed = state.State.timed

    @contextlib.contextmanager
    def counted(self, phase: str) -> Iterator[None]:
        begun = time.process_time()
        with timed(self, phase):
            yield
        phases[phase] = phases.get(phase, 0.0) + time.process_time() - begun

    state.State.timed = counted
    os.execve = end
    with contextlib.suppress(Fitted):
        worker.run(read_cell(cell))
    print(json.dumps({"phases": phases, "imported": [name for name in HEAVY if name in sys.modules]}))


def main(seeds: int) -> int:
    """Print the costs; 1 when one is over the limit."""
    table = []
    for system, (dataset, suite) in TRIVIAL.items():
        found = cost(system, dataset, suite, seeds)
        host = found.whole - found.plugins
        table.append([f"{system} / {dataset} / {suite}", found.whole, found.plugins, host, " ".join(found.imported)])
    print(tabulate(table, ["cell", "CPU s in all", "plugins", "host", "imports"], floatfmt=".2f"))
    print(f"the host may take {MOST:g} s")
    return int(any(line[3] > MOST for line in table))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="cells of each kind that are measured")
    parser.add_argument("--measure", action="store_true", help="which the worker itself looks for")
    parser.add_argument("--cell", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.cell is not None:
        run_cell(chosen.cell)
    else:
        sys.exit(main(chosen.seeds))
