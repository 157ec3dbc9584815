"""A track from outside with its system, metric and suite is one module, from the command line to a board."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from guide import MODULES

FEWER = """
    from lengths import Resample
    from ntgbench import GeneratorSpec, hookimpl

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec("fewer", "fewer:Fewer", "Too few packets", track="lengths")]

    class Fewer(Resample):
        def sample(self, count, rng):
            return self.train[1:]
"""

PROTOCOL = """
version = 1
summary = "packet lengths"
track = "lengths"
datasets = ["some.parquet"]
systems = {systems}
seeds = 2
"""


@pytest.fixture
def protocol(install, tmp_path):
    install("lengths", MODULES["lengths"])
    install("fewer", FEWER)
    pq.write_table(pa.table({"length": np.arange(200) % 7 + 40}), tmp_path / "some.parquet")

    def write(*systems: str) -> str:
        (tmp_path / "mine.toml").write_text(PROTOCOL.format(systems=json.dumps(systems)))
        return "mine.toml"

    return write


def test_it_runs_from_the_command_line_to_a_board(protocol, ntgbench, tmp_path) -> None:
    done = ntgbench("run", protocol("resample", "fewer"))
    assert done.returncode == 1
    assert "some: 200 packets" in done.stdout
    assert "fewer returned 159 packets, not 160" in done.stderr
    board = (tmp_path / "leaderboards" / "some-means.md").read_text()
    assert "# some: means\n\nMean lengths in bytes.\n" in board
    assert "|      1 | `resample`" in board
    rows = [json.loads(line) for line in (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()]
    assert {row["track"] for row in rows} == {"lengths"}
    assert len({row["keys"]["means"] for row in rows}) == 1
    assert ntgbench("run", "mine.toml").stdout.count("finished earlier") == 1
    assert ntgbench("report", "--check").returncode == 0


def test_its_systems_and_metrics_are_checked(protocol, ntgbench) -> None:
    assert ntgbench("check", "resample").returncode == 0
    assert ntgbench("check", "mean_gap").returncode == 0
    refused = ntgbench("check", "fewer")
    assert refused.returncode == 1
    assert "fewer returned 49 packets, not 50" in refused.stdout


def test_systems_datasets_and_suites_of_another_track_are_refused(protocol, ntgbench, tmp_path) -> None:
    done = ntgbench("run", protocol("resample", "copy"))
    assert done.returncode == 1
    assert "error: mine.toml: the system copy is of the track biflows, and lengths is asked for" in done.stderr
    assert "of the track lengths, and biflows is asked for" in ntgbench("run", "quick", "-s", "resample").stderr
    assert "the dataset lab is of the track biflows" in ntgbench("run", protocol("resample"), "-d", "lab").stderr
    assert (
        "no suite of the track lengths is called 'fidelity'"
        in ntgbench("run", "mine.toml", "--suite", "fidelity").stderr
    )
    (tmp_path / "mine.toml").write_text('track = "lenghts"\n')
    assert "no track is called 'lenghts'; did you mean lengths?" in ntgbench("run", "mine.toml").stderr


@pytest.mark.parametrize("method", ["read", "split", "digest"])
def test_a_track_that_throws_is_an_error_that_names_it(protocol, command, tmp_path, method: str) -> None:
    protocol("resample")
    module = next((tmp_path / "site").glob("lengths.py"))
    broken, count = re.subn(rf"( +)def {method}\(.*\n", r"\g<0>\1    raise RuntimeError('boom')\n", module.read_text())
    assert count == 1
    module.write_text(broken)
    done = command("run", "mine.toml")
    assert done.returncode == 1
    assert "error: mine.toml: the track lengths failed: RuntimeError: boom" in done.stderr
