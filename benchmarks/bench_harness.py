"""The harness's own hot paths: starting the command line, and rebuilding leaderboards."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ntgbench.report.markdown import render
from ntgbench.results import SCHEMA, Row

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
    benchmark.extra_info["seconds"] = min(ours)
    benchmark.extra_info["ratio_to_libraries"] = min(ours) / min(libraries)


def rows(systems: int, seeds: int, metrics: int) -> list[Row]:
    """Made-up rows of one dataset."""
    return [
        Row(
            schema=SCHEMA,
            protocol="standard",
            protocol_version=1,
            protocol_digest="p",
            dataset="made",
            dataset_digest="d",
            source="made.parquet",
            system=f"system-{system:03d}",
            kind="generator",
            reference=False,
            distribution="made",
            distribution_version="1",
            params={},
            seed=seed,
            status="ok",
            reason=None,
            metrics={
                f"utility/metric_{m}": {
                    "value": (system * 37 + seed * 11 + m) % 101 / 101,
                    "version": 1,
                    "goal": "max",
                    "digits": 3,
                    "primary": m == 0,
                }
                for m in range(metrics)
            },
            phases={},
            peak_memory_mib=None,
            notes=[],
            machine={"cpu": "a cpu", "cores": 2},
            versions={},
        )
        for system in range(systems)
        for seed in range(seeds)
    ]


def bench_leaderboard_rebuild(benchmark) -> None:
    """Fifty systems, five seeds, ten metrics."""
    assert "system-049" in benchmark(render, rows(50, 5, 10))["made-utility.md"]
