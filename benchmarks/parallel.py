"""How much faster two cells at a time are: `python -m benchmarks.parallel [--dask] [--jobs 2] [--rounds 2]`.

Eight equal cells are run by -j 1 and by -j JOBS, or by one dask worker and by so many, in turn, so that both meet the
same state of the machine. Each cell trains a small model for some seconds on one thread. On a quiet machine with enough
cores, two at a time must be at least `LEAST` times as fast.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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


@contextlib.contextmanager
def engine(dask: bool, jobs: int) -> Iterator[list[str]]:
    """Options of a run that does so many cells at a time."""
    if not dask:
        yield ["-j", str(jobs)]
        return
    from distributed import LocalCluster

    with LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None) as cluster:
        yield ["--engine", "dask", "--address", cluster.scheduler_address]


def run(folder: Path, protocol: Path, options: list[str]) -> tuple[float, list[dict]]:
    """Wall-clock seconds of a run, and its rows."""
    command = [sys.executable, "-m", "ntgbench", "run", str(protocol), *options]
    command += ["--runs", str(folder / "runs"), "--out", str(folder / "out")]
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = time.perf_counter() - begun
    return took, [json.loads(line) for line in (folder / "out" / "rows.jsonl").read_text().splitlines()]


def main(dask: bool, jobs: int, rounds: int, steps: int) -> int:
    """Print the times; 1 when more cells at a time are not fast enough, or give other numbers."""
    table, ratios, numbers = [], [], []
    with tempfile.TemporaryDirectory() as name:
        protocol = Path(name) / "equal.toml"
        protocol.write_text(PROTOCOL.format(cells=CELLS, steps=steps))
        for number in range(rounds):
            seconds = []
            for at_once in (1, jobs) if number % 2 == 0 else (jobs, 1):
                with engine(dask, at_once) as options:
                    took, rows = run(Path(name) / f"{number}-{at_once}", protocol, options)
                fit = [row["phases"]["fit"] for row in rows]
                table.append([number, at_once, took, np.median(fit), len(rows)])
                numbers.append([(row["seed"], row["metrics"]) for row in rows])
                seconds.append((at_once, took))
            ratios.append(dict(seconds)[1] / dict(seconds)[jobs])
    equal = all(one == numbers[0] for one in numbers)
    print(tabulate(table, ["round", "at once", "s in all", "s of a fit", "cells"], floatfmt=".1f"))
    what = "dask workers are" if dask else "cells at a time are"
    print(f"{usable_cores()} cores; {jobs} {what} {np.median(ratios):.2f} times as fast as one (at least {LEAST:g})")
    print(f"rows are {'equal' if equal else 'NOT equal'}")
    return int(np.median(ratios) < LEAST or not equal)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dask", action="store_true", help="workers of dask in place of jobs")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2_000, help="of the training of a cell")
    chosen = parser.parse_args()
    sys.exit(main(chosen.dask, chosen.jobs, chosen.rounds, chosen.steps))
