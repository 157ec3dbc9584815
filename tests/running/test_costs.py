"""Cells that measure costs, as a user runs them."""

import itertools
import json
import re
import signal
from pathlib import Path

from ntgbench.costs.alone import LEAST, VISITS

TIMED = """
    import os, sys
    from pathlib import Path
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec(name, "timed:Timed", name) for name in ("one", "two", "three")]

    class Timed:
        def __init__(self, parameters): pass
        def fit(self, train, context): self.train = train
        def sample(self, labels, rng):
            worker = os.getpid() if sys.argv[0].endswith("worker.py") else os.getppid()
            with (Path(__file__).parent / "calls").open("a") as file:
                file.write(f"{worker}\\n")
            return np.ones((len(labels), self.train.packets), np.int64)
        def save(self, folder): (folder / "model").write_text("x" * 1000)
        def load(self, folder): self.train = type("Layout", (), {"packets": 10})
"""

PROTOCOL = """
version = 1
summary = "small"
datasets = ["example.parquet"]
systems = ["markov", "copy"]
suites = ["efficiency"]
seeds = 1
[efficiency]
classes = 2
biflows = 6
samples = 2
repetitions = 6
seconds = 0.001
largest_batch = 2
"""


def rows_in(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]


def test_costs_come_with_their_hardware_onto_a_board_of_their_own(ntgbench, flows: Path, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(PROTOCOL)
    done = ntgbench("run", "small.toml", "--out", "boards")
    assert done.returncode == 0, done.stderr
    rows = rows_in(tmp_path / "boards")
    assert [row["system"] for row in rows] == ["copy", "markov"]
    for row in rows:
        assert row["status"] == "ok"
        assert row["machine"]["hardware"].startswith(row["machine"]["cpu"])
        assert row["machine"]["threads"] == 1
        assert row["machine"]["clock"]
        assert {key.partition("/")[0] for key in row["metrics"]} == {"efficiency"}
    text = (tmp_path / "boards" / "example-efficiency.md").read_text()
    assert f"## small on {rows[0]['machine']['hardware']}" in text
    assert re.search(r"^\|\s+- \| \*markov\*", text, re.MULTILINE)
    again = ntgbench("run", "small.toml", "--out", "boards")
    assert "2 finished earlier" in again.stdout + again.stderr


def test_other_suites_are_refused_beside_it(ntgbench, flows: Path, tmp_path: Path) -> None:
    done = ntgbench("run", "-d", "example.parquet", "-s", "copy", "--suite", "efficiency", "--suite", "utility")
    assert done.returncode == 1
    assert "efficiency is measured by itself" in done.stderr


def test_cells_that_measure_costs_never_run_beside_one_another(ntgbench, install, flows: Path, tmp_path: Path) -> None:
    install("timed", TIMED)
    (tmp_path / "small.toml").write_text(PROTOCOL.replace('"markov", "copy"', '"one", "two", "three"'))
    done = ntgbench("run", "small.toml", "--out", "boards", "-j", "3")
    assert done.returncode == 0, done.stderr
    # No worker, or fresh process of one, makes a biflow between those of another.
    calls = [worker for worker, _ in itertools.groupby((tmp_path / "site" / "calls").read_text().split())]
    assert len(calls) == len(set(calls)) == 3
    rows = rows_in(tmp_path / "boards")
    assert len(rows) == 3
    assert all(row["metrics"]["efficiency/size_mb"]["value"] == 0.001 for row in rows)


def test_a_system_that_breaks_is_a_row_with_its_reason(ntgbench, install, flows: Path, tmp_path: Path) -> None:
    install("timed", TIMED.replace("np.ones(", "np.zeros("))
    (tmp_path / "small.toml").write_text(PROTOCOL.replace('"markov", "copy"', '"one", "markov"'))
    done = ntgbench("run", "small.toml", "--out", "boards")
    assert done.returncode == 1
    assert "one / seed 0" in done.stderr
    assert "returned invalid biflows" in done.stderr
    assert {row["system"]: row["status"] for row in rows_in(tmp_path / "boards")} == {"one": "failed", "markov": "ok"}


ROUNDS = PROTOCOL.replace("[efficiency]", "[efficiency]\nrounds = 2")


def test_a_round_of_all_systems_is_over_before_the_next_begins(ntgbench, install, flows: Path, tmp_path: Path) -> None:
    install("timed", TIMED)
    (tmp_path / "small.toml").write_text(ROUNDS.replace('"markov", "copy"', '"one", "two"'))
    done = ntgbench("run", "small.toml", "--out", "boards")
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert re.findall(r"/ (one|two) / seed", said) == ["one", "two", "one", "two"]
    assert said.count("round 2: 2 cells") == 1
    calls = (tmp_path / "site" / "calls").read_text().split()
    workers = [worker for worker, _ in itertools.groupby(calls)]
    assert len(workers) == len(set(workers)) == 4
    for row in rows_in(tmp_path / "boards"):
        numbers = {key.removeprefix("efficiency/"): metric for key, metric in row["metrics"].items()}
        assert numbers["rounds"]["value"] == 2
        assert numbers["first_s"]["count"] == 4
        assert numbers["sample_ms"]["count"] >= 2 * VISITS * LEAST
    again = ntgbench("run", "small.toml", "--out", "boards")
    assert "2 finished earlier" in again.stdout + again.stderr
    assert "round" not in again.stdout + again.stderr


# A later round loads the model in the worker: there it dies, once.
DYING = TIMED.replace("import os, sys", "import os, signal, sys").replace(
    "def load(self, folder): ",
    """def load(self, folder):
            died = Path(__file__).parent / "died"
            if sys.argv[0].endswith("worker.py") and not died.exists():
                died.touch()
                DIE
            """,
)


# The worker's parent keeps it, and is itself started by the run.
KILLS_THE_RUN = "import psutil; psutil.Process(os.getppid()).parent().kill(); signal.pause()"


def test_a_run_that_was_killed_goes_on_where_it_stood(ntgbench, install, flows: Path, tmp_path: Path) -> None:
    install("timed", DYING.replace("DIE", KILLS_THE_RUN))
    (tmp_path / "small.toml").write_text(ROUNDS.replace('"markov", "copy"', '"one"'))
    assert ntgbench("run", "small.toml", "--out", "boards").returncode == -signal.SIGKILL
    done = ntgbench("run", "small.toml", "--out", "boards")
    assert done.returncode == 0, done.stderr
    (row,) = rows_in(tmp_path / "boards")
    assert row["metrics"]["efficiency/rounds"]["value"] == 2
    assert row["metrics"]["efficiency/first_s"]["count"] == 4


def test_a_process_that_dies_in_a_later_round_fails_its_cell(ntgbench, install, flows: Path, tmp_path: Path) -> None:
    install("timed", DYING.replace("DIE", "os._exit(7)"))
    (tmp_path / "small.toml").write_text(ROUNDS.replace('"markov", "copy"', '"one", "copy"'))
    done = ntgbench("run", "small.toml", "--out", "boards")
    assert done.returncode == 1
    assert "ended with status 7" in done.stderr
    rows = {row["system"]: row for row in rows_in(tmp_path / "boards")}
    assert (rows["one"]["status"], rows["copy"]["status"]) == ("failed", "ok")
    again = ntgbench("run", "small.toml", "--out", "boards", "--retry")
    assert again.returncode == 0, again.stderr
    assert all(row["metrics"]["efficiency/rounds"]["value"] == 2 for row in rows_in(tmp_path / "boards"))
