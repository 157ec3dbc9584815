"""How hard the lab's data is: `python -m benchmarks.lab.scores lab.parquet [ANOTHER_BUILD.parquet]`.

A random forest on the first ten signed payload lengths: tested on other sessions, on the other day, and on the other
build, which should come within three points of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from ntgbench.suites.scores import score
from tabulate import tabulate

from ntgbench.plugins import registry
from ntgbench.tracks.biflows.splits import split
from ntgbench.traffic.biflows import PACKETS, PL_MAX, Biflows
from ntgbench.traffic.flows import FlowTable

TEST_SHARE = 0.2

LARGE = 1000
"""Biflows of a class that is large enough to be learnt from with little else."""


def days(path: Path) -> dict[int, Biflows]:
    """The biflows of each day."""
    flows = FlowTable.from_parquet(path)[0]
    day = pq.read_table(path, columns=["day"])["day"].to_numpy()
    return {one: flows.select(np.flatnonzero(day == one)).to_biflows(PACKETS, PL_MAX)[0] for one in np.unique(day)}


def whole(path: Path) -> Biflows:
    """The biflows of both days."""
    return FlowTable.from_parquet(path)[0].to_biflows(PACKETS, PL_MAX)[0]


def macro_f1(train: Biflows, test: Biflows, seed: int) -> float:
    """Of the forest of the utility suite."""
    (found,) = score([registry().metrics()["macro_f1"]], test, train, seed).values()
    return found.value or 0.0


def compared(first: Biflows, second: Biflows, seeds: int) -> tuple[list[float], list[float]]:
    """Scores of forests that learn from `first`: on held-out sessions of it, and on as many of `second`."""
    own, other = [], []
    for seed in range(seeds):
        train, test = split(first, TEST_SHARE, seed)
        own.append(macro_f1(train, test, seed))
        other.append(macro_f1(train, split(second, TEST_SHARE, seed)[1], seed))
    return own, other


def main(paths: Sequence[Path], seeds: int) -> None:
    """Print the table."""
    first = whole(paths[0])
    by_day = days(paths[0])
    own, other = compared(by_day[1], by_day[2], seeds)
    table = [
        ("both days, other sessions", compared(first, first, seeds)[0]),
        ("day 1, other sessions", own),
        ("day 1 to day 2", other),
    ]
    if len(paths) > 1:
        second = whole(paths[1])
        if second.classes != first.classes:
            raise SystemExit(f"error: {paths[0]} and {paths[1]} have other classes")
        own, other = compared(second, first, seeds)
        table += [("the second build, other sessions", own), ("the second build to the first", other)]
    counts = first.class_counts()
    large = np.count_nonzero(counts >= LARGE)
    print(f"{len(first):,} biflows of {len(counts)} classes; {large} have {LARGE:,} or more")
    lines = [(what, float(np.mean(found)), *found) for what, found in table]
    print(tabulate(lines, ["tested on", "macro-F1", *(f"seed {seed}" for seed in range(seeds))], floatfmt=".3f"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("builds", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    main(chosen.builds, chosen.seeds)
