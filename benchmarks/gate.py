"""Whether benchmarks have become grossly slower than they were: `python -m benchmarks.gate RESULTS`.

RESULTS is what `pytest --benchmark-json` writes. Times of two machines, or of one machine on two days, do not compare;
their ratios to a fixed workload of the same run nearly do. Each benchmark's shortest time is divided by the shortest
time of `bench_reference`, and the ratio by the one in baseline.json. On another processor all of these are larger, as
no workload is like all benchmarks (an Intel Xeon had 1.6 to 5.9 times those of an AMD EPYC): they are divided by their
median. What is more than `GROSS` then fails; noise does not come near it. Where a benchmark times ours and another's in
turn, ours counts. With --again, what fails is run once more, and fails only if it does then too: a machine can be busy
for a while. --accept makes the results the new baseline; what was not run keeps its place among the others.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

GROSS = 3.0
"""Times the baseline's ratio at which a benchmark fails."""

OTHERS = 8
"""Benchmarks that are run once more beside those that failed, and beside as many as those."""

REFERENCE = "bench_reference.py::bench_reference"

HERE = Path(__file__).resolve().parent

BASELINE = HERE / "baseline.json"

Results = dict[str, Any]
"""What pytest-benchmark writes."""


@dataclass(frozen=True)
class Comparison:
    """One benchmark: its ratio to the reference workload in the baseline and now, None where it was not run.

    Attributes:
        usual: how many times as large as in the baseline the ratios of this run are, their median.
    """

    name: str
    before: float | None
    now: float | None
    usual: float = 1.0

    @property
    def slower(self) -> float | None:
        """How many times as slow it is now, beside what has become of the others."""
        return None if self.before is None or self.now is None else self.now / self.before / self.usual


def milliseconds(results: Results) -> dict[str, float]:
    """Each benchmark's shortest time, by name."""
    found = {}
    for one in results["benchmarks"]:
        found[one["fullname"]] = one["extra_info"].get("ours_ms", 1e3 * one["stats"]["min"])
    return found


def ratios(results: Results) -> dict[str, float]:
    """Each benchmark's time in reference workloads, by name. Raises ValueError when the reference was not run."""
    times = milliseconds(results)
    if REFERENCE not in times:
        raise ValueError(f"{REFERENCE} is not among the results")
    unit = times.pop(REFERENCE)
    return {name: time / unit for name, time in sorted(times.items())}


def usually(before: dict[str, float], now: dict[str, float]) -> float:
    """How many times as large as in the baseline ratios are, the median; 1 where no benchmark is in both."""
    return median([now[name] / before[name] for name in before.keys() & now.keys()] or [1.0])


def compare(before: dict[str, float], now: dict[str, float]) -> list[Comparison]:
    """All benchmarks of both."""
    usual = usually(before, now)
    return [Comparison(name, before.get(name), now.get(name), usual) for name in sorted(before.keys() | now.keys())]


def gross(comparisons: list[Comparison]) -> list[Comparison]:
    """Those that are grossly slower."""
    return [one for one in comparisons if one.slower is not None and one.slower > GROSS]


def slow_again(slow: list[Comparison], results: Results, before: dict[str, float]) -> list[Comparison]:
    """Those that are grossly slower again when they are run once more, beside quick ones that were not, see `again`."""
    times = milliseconds(results)
    names = [one.name for one in slow]
    # Beside so many others, the slow ones do not decide what is usual.
    others = sorted(times.keys() & before.keys() - set(names), key=times.__getitem__)[: len(names) + OTHERS]
    return gross(compare(before, again([*names, *others])))


def again(names: list[str]) -> dict[str, float]:
    """The ratios of these benchmarks, run once more beside the reference, with as many rounds as `make bench` has.

    What pytest prints goes to stderr. Raises CalledProcessError when a benchmark fails.
    """
    own = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")}
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        nodes = [f"{HERE.name}/{name}" for name in (REFERENCE, *names)]
        command = [sys.executable, "-m", "pytest", "-q", "-c", str(HERE / "pytest.ini"), f"--benchmark-json={results}"]
        subprocess.run([*command, *nodes], cwd=HERE.parent, env=own, check=True, stdout=2)
        return ratios(json.loads(results.read_text(encoding="utf-8")))


def table(results: Results, comparisons: list[Comparison]) -> str:
    """All benchmarks as text: our time, how many times as long the other way takes, and how they stand to before."""
    from tabulate import tabulate

    times = milliseconds(results)
    faster = {one["fullname"]: one["extra_info"].get("ratio") for one in results["benchmarks"]}

    def text(number: float | None) -> str:
        return "-" if number is None else f"{number:.3g}"

    body = [
        [one.name, *map(text, (times.get(one.name), faster.get(one.name), one.before, one.now, one.slower))]
        for one in comparisons
    ]
    heads = ["benchmark", "ms", "times as fast as the other way", "baseline", "now", "times as slow"]
    return str(tabulate(body, heads, disable_numparse=True))


def accepted(before: dict[str, float], now: dict[str, float]) -> dict[str, float]:
    """The new baseline: what was run, and the others as they were beside the usual."""
    usual = usually(before, now)
    every = {name: ratio * usual for name, ratio in before.items()} | now
    return {name: float(f"{ratio:.4g}") for name, ratio in sorted(every.items())}


def main(path: Path, baseline: Path, accept: bool = False, once_more: bool = False) -> int:
    """Print the table; returns the exit status. `once_more` is what --again asks for."""
    results = json.loads(path.read_text(encoding="utf-8"))
    now = ratios(results)
    before = json.loads(baseline.read_text(encoding="utf-8")) if baseline.exists() else {}
    if accept:
        baseline.write_text(json.dumps(accepted(before, now), indent=1) + "\n")
        return 0
    comparisons = compare(before, now)
    print(table(results, comparisons))
    for one in comparisons:
        if one.before is None:
            print(f"{one.name} is new and has no limit yet; --accept gives it one", file=sys.stderr)
    slow = gross(comparisons)
    if slow and once_more:
        print(f"grossly slower, run once more: {', '.join(one.name for one in slow)}", file=sys.stderr)
        slow = slow_again(slow, results, before)
    for one in slow:
        print(f"{one.name} has become {one.slower:.1f} times as slow; more than {GROSS:g} times fails", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate")
    parser.add_argument("results", type=Path, help="what pytest --benchmark-json has written")
    parser.add_argument("--baseline", type=Path, default=BASELINE)
    parser.add_argument("--again", action="store_true", help="run what has become grossly slower once more")
    parser.add_argument("--accept", action="store_true", help="make the results the new baseline")
    arguments = parser.parse_args()
    sys.exit(main(arguments.results, arguments.baseline, arguments.accept, arguments.again))
