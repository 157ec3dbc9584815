"""The harness's own hot paths: starting the command line, and rebuilding leaderboards."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from made_rows import make_row

from benchmarks.in_turn import in_turn
from ntgbench.report.markdown import render
from ntgbench.results import MetricValue, Row

START = {
    "libraries": "import click, pluggy, numpy",
    "import": "import ntgbench",
    "help": "from ntgbench.cli import cli; cli.main(['--help'], standalone_mode=False)",
    "list": "from ntgbench.cli import cli; cli.main(['list'], standalone_mode=False)",
    "list-datasets": "from ntgbench.cli import cli; cli.main(['list', 'datasets'], standalone_mode=False)",
}


def start(program: str) -> float:
    """Seconds that a new interpreter takes for `program`."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


@pytest.mark.parametrize("name", [name for name in START if name != "libraries"])
def bench_start(benchmark, name: str) -> None:
    """Against `python -c "import click, pluggy, numpy"`, measured in turn; at most 3 times as long is the aim."""
    libraries: list[float] = []
    ours: list[float] = []

    def both() -> None:
        libraries.append(start(START["libraries"]))
        ours.append(start(START[name]))

    benchmark.pedantic(both, rounds=7, warmup_rounds=1)
    benchmark.extra_info |= {
        "ours_ms": 1e3 * min(ours),
        "theirs_ms": 1e3 * min(libraries),
        "ratio_to_libraries": min(ours) / min(libraries),
    }


def rows(systems: int, seeds: int, metrics: int) -> list[Row]:
    """Made-up rows of one dataset."""

    def value(system: int, seed: int, metric: int) -> MetricValue:
        number = (system * 37 + seed * 11 + metric) % 101 / 101
        return {"value": number, "version": 1, "goal": "max", "digits": 3, "primary": metric == 0}

    return [
        make_row(f"system-{i:03d}", seed, metrics={f"utility/metric_{m}": value(i, seed, m) for m in range(metrics)})
        for i in range(systems)
        for seed in range(seeds)
    ]


def bench_leaderboard_rebuild(benchmark) -> None:
    """Fifty systems, five seeds, ten metrics, against writing the same rows as JSON and reading them back."""
    made = rows(50, 5, 10)
    assert "system-049" in render(made)["made-utility.md"]
    in_turn(benchmark, lambda: render(made), lambda: json.loads(json.dumps(made)), rounds=5)
