"""Every command prints JSON alone on standard output when it is asked to; a new one must be entered here."""

import json
import shutil
from pathlib import Path

import command_line
import pytest

from ntgbench.testing import example_traffic

GRID = ("-d", "example.parquet", "-s", "copy", "--seeds", 1, "--suite", "fidelity")

# What follows each command here, the keys of its JSON, and its exit status where that is not 0; None for a list.
ARGUMENTS: dict[str, tuple[tuple[object, ...], set[str] | None]] = {
    "run": (GRID, {"status", "cells", "failures", "leaderboards", "table"}),
    "plan": (GRID, None),
    "report": ((), {"written"}),
    "plot": (("traffic",), {"written"}),
    "compare": (("leaderboards", "leaderboards"), {"compared"}),
    "leaderboard": (("--check",), {"stale"}),
    "datasets import": (("example.parquet", "--out", "mine.parquet"), {"flows", "classes", "out", "notes"}),
    "measure": (("example.parquet", "example.parquet", "--suite", "fidelity"), {"jsd_1gram", "jsd_2gram"}),
    "generate": (("--model", "fitted", "--out", "made.pcap"), {"made", "size", "files"}),
    "new": (("my-generator",), {"folder", "next"}),
    "check": (("copy",), {"name", "passed", "of", "checks"}),
    "list": ((), {"systems", "metrics", "datasets", "protocols", "suites", "tracks"}),
    "info": (("example.parquet",), {"dataset", "track", "classes"}),
    "plugins": ((), None),
    "doctor": ((), {"ntgbench", "checks"}),
}

ELSEWHERE = {
    "calibrate": "tests/cli/test_calibrate.py, as it takes seconds",
    "datasets fetch": "tests/datasets/test_fetch.py, which has a server",
    "export": "tests/cli/test_export.py, which has a system with formats",
}

WITHOUT = {"completion": "it prints a script for a shell"}


EVERY = command_line.every_command()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, a finished run and a fitted system."""
    folder = tmp_path_factory.mktemp("json")
    example_traffic().to_parquet(folder / "example.parquet")
    assert command_line.run(folder, "run", *GRID, "--quiet").returncode == 0
    shutil.copytree(next(folder.glob("runs/quick/*/copy/*/fitted")), folder / "fitted")
    return folder


@pytest.mark.parametrize("name", EVERY)
def test_a_command_that_reports_can_do_so_in_json(name: str) -> None:
    has = any("--json" in parameter.opts for parameter in EVERY[name].params)
    assert has == (name not in WITHOUT)
    assert name in {**ARGUMENTS, **ELSEWHERE, **WITHOUT}, f"enter {name} above"


@pytest.mark.parametrize("name", ARGUMENTS)
def test_standard_output_is_json_and_nothing_else(finished: Path, name: str) -> None:
    arguments, keys = ARGUMENTS[name]
    done = command_line.run(finished, *name.split(), *arguments, "--json")
    told = json.loads(done.stdout)
    # What is wrong with this machine is not what is tested here.
    assert done.returncode == 0 or name == "doctor", done.stderr
    assert isinstance(told, list) if keys is None else keys <= told.keys()


def test_a_failure_is_json_as_well(misbehaving, flows, command) -> None:
    grid = ("-d", "example.parquet", "-s", "copy", "-s", "raises-in-fit", "--seeds", 1, "--suite", "fidelity")
    done = command("run", *grid, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"], told["cells"]) == (1, "failed", 2)
    assert told["failures"] == [
        line.removeprefix("failed: ") for line in done.stderr.splitlines() if "failed: " in line
    ]
    copy, failed = sorted(told["table"], key=lambda line: line["system"])
    assert copy["reference"]
    assert copy["metrics"]["fidelity/jsd_2gram"]["mean"] > 0
    assert failed["failed"]["rows"] == 1
    assert failed["metrics"]["fidelity/jsd_2gram"]["mean"] is None


def test_an_error_leaves_standard_output_empty(command) -> None:
    done = command("run", "quik", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean quick" in done.stderr


def test_quiet_leaves_the_result(finished: Path, tmp_path: Path) -> None:
    done = command_line.run(finished, "run", *GRID, "--quiet")
    assert done.stderr == ""
    assert "finished earlier" not in done.stdout
    assert "jsd_2gram ↓" in done.stdout
    again = command_line.run(finished, "measure", "example.parquet", "example.parquet", "--suite", "fidelity", "-q")
    assert "note:" not in again.stderr
    assert "jsd_2gram" in again.stdout
    checked = command_line.run(finished, "check", "copy", "-q")
    assert checked.stdout.count("\n") == 1
    assert "checks passed" in checked.stdout
