"""How well two runs of the efficiency suite agree: `python -m benchmarks.repeatability ROWS ROWS [--base SYSTEM]`.

ROWS are two rows.jsonl. Absolute times of two days differ with the state of the machine. So this compares relative
times: of each system to the reference workload of its row, or to SYSTEM in the same run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from ntgbench.results import Row, read_rows

NAMES = ("sample_shortest_ms", "train_shortest_s_epoch", "sample_rate", "train_rate", "first_s")
MEDIANS = ("sample_ms", "train_s_epoch")


def ratios(rows: Sequence[Row], base: str | None) -> dict[tuple[str, str], float]:
    """Each cost of each system as a multiple of that of `base`, or of its row's reference, by cost and system.

    Of a rate, it is the other way round: biflows a reference workload.
    """
    costs: dict[str, dict[str, float]] = {}
    for row in rows:
        for key, metric in row["metrics"].items():
            if key.startswith("efficiency/") and metric["value"]:
                costs.setdefault(row["system"], {})[key.removeprefix("efficiency/")] = metric["value"]
    found = {}
    for system, own in costs.items():
        for name in {*NAMES, *MEDIANS} & own.keys():
            if base:
                found[name, system] = own[name] / costs[base][name]
            elif name.endswith("rate"):
                found[name, system] = own[name] * own["reference_ms"] / 1e3
            else:
                found[name, system] = own[name] / own["reference_ms"] * (1.0 if name.endswith("ms") else 1e3)
    return found


def main(first: Path, second: Path, base: str | None) -> None:
    """Print the ratios of both runs and how far they are apart, the furthest first."""
    runs = [ratios(read_rows(path), base) for path in (first, second)]
    both = [(*key, runs[0][key], runs[1][key]) for key in runs[0].keys() & runs[1].keys() if key[1] != base]
    table = sorted(
        ((name, system, one, two, 100 * abs(one - two) / min(one, two)) for name, system, one, two in both),
        key=lambda line: -line[-1],
    )
    print(tabulate(table, ["cost", "system", "first run", "second run", "apart %"], floatfmt=".3g"))
    for name in NAMES + MEDIANS:
        apart = [line[-1] for line in table if line[0] == name]
        within = sum(one <= 10 for one in apart)
        print(f"{name}: {within} of {len(apart)} within 10%, median {sorted(apart)[len(apart) // 2]:.1f}%")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs=2, type=Path)
    parser.add_argument("--base", metavar="SYSTEM")
    chosen = parser.parse_args()
    main(*chosen.rows, chosen.base)
