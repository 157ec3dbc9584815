"""How much faster two cells at a time are: `python -m benchmarks.parallel [--jobs 2] [--rounds 2]`.

Eight equal cells are run by -j 1 and by -j JOBS in turn, so that both meet the same state of the machine. Each cell
trains a small model for some seconds on one thread. On a quiet machine with enough cores, two at a time must be at
least `LEAST` times as fast.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tabulate import tabulate

from ntgbench.machine import usable_cores

LEAST = 1.7
"""Times as fast as one cell at a time that two at a time must be."""

CELLS = 8

PROTOCOL = """version = 1
summary = "equal cells"
datasets = ["simulated"]
systems = ["cvae[outer=64,inner=64]"]
suites = ["fidelity"]
seeds = {cells}

[budget]
steps = {steps}
"""


def run(folder: Path, protocol: Path, jobs: int) -> tuple[float, list[dict]]:
    """Wall-clock seconds of a run, and its rows."""
    command = [sys.executable, "-m", "ntgbench", "run", str(protocol), "-j", str(jobs)]
    command += ["--runs", str(folder / "runs"), "--out", str(folder / "out")]
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = time.perf_counter() - begun
    return took, [json.loads(line) for line in (folder / "out" / "rows.jsonl").read_text().splitlines()]


def main(jobs: int, rounds: int, steps: int) -> int:
    """Print the times; 1 when more cells at a time are not fast enough, or give other numbers."""
    table, ratios, numbers = [], [], []
    with tempfile.TemporaryDirectory() as name:
        protocol = Path(name) / "equal.toml"
        protocol.write_text(PROTOCOL.format(cells=CELLS, steps=steps))
        for number in range(rounds):
            seconds = []
            for at_once in (1, jobs) if number % 2 == 0 else (jobs, 1):
                took, rows = run(Path(name) / f"{number}-{at_once}", protocol, at_once)
                fit = [row["phases"]["fit"] for row in rows]
                table.append([number, at_once, took, np.median(fit), len(rows)])
                numbers.append([(row["seed"], row["metrics"]) for row in rows])
                seconds.append((at_once, took))
            ratios.append(dict(seconds)[1] / dict(seconds)[jobs])
    equal = all(one == numbers[0] for one in numbers)
    print(tabulate(table, ["round", "-j", "s in all", "s of a fit", "cells"], floatfmt=".1f"))
    print(f"{usable_cores()} cores; -j {jobs} is {np.median(ratios):.2f} times as fast as -j 1 (at least {LEAST:g})")
    print(f"rows are {'equal' if equal else 'NOT equal'}")
    return int(np.median(ratios) < LEAST or not equal)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2_000, help="of the training of a cell")
    chosen = parser.parse_args()
    sys.exit(main(chosen.jobs, chosen.rounds, chosen.steps))
