"""Cells that measure efficiency, as a user runs them."""

import itertools
import json
import re
import signal
from pathlib import Path

import pytest

TIMED = """
    import os, sys
    from dataclasses import dataclass
    from pathlib import Path
    import numpy as np
    from ntgbench import GeneratorSpec, hookimpl

    @dataclass(frozen=True)
    class Size:
        size: int = 2

    @hookimpl
    def ntgbench_generators():
        return [
            GeneratorSpec("one", "timed:Timed", "one", Size, batch="size"),
            GeneratorSpec("two", "timed:Timed", "two", reference=True),
        ]

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
systems = ["one", "two"]
suites = ["efficiency"]
seeds = 1
[efficiency]
classes = 2
items = 6
epochs = 1
samples = 2
rounds = 2
repetitions = 2
largest_batch = 8
"""


@pytest.fixture
def small(ntgbench, flows: Path, tmp_path: Path):
    """Run a small protocol with these systems; the finished process and the rows by system."""

    def run(*systems: str, options: tuple[str, ...] = ()):
        (tmp_path / "small.toml").write_text(PROTOCOL.replace('["one", "two"]', json.dumps(systems)))
        done = ntgbench("run", "small.toml", "--out", "boards", *options)
        path = tmp_path / "boards" / "rows.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return done, {row["system"]: row for row in map(json.loads, lines)}

    return run


def test_systems_take_turns_alone_on_the_machine_and_get_a_board(small, install, tmp_path: Path) -> None:
    install("timed", TIMED)
    done, rows = small("one", "two", options=("-j", "2"))
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    turns = re.findall(r"/ (one|two) / seed 0: started", said)
    assert sorted(turns[:2]) == sorted(turns[2:]) == ["one", "two"]
    assert said.count("round 2: 2 cells") == 1
    # No worker, or fresh process of one, makes a biflow between those of another.
    calls = [worker for worker, _ in itertools.groupby((tmp_path / "site" / "calls").read_text().split())]
    assert len(calls) == len(set(calls)) == 4
    for system, row in rows.items():
        metrics = row["metrics"]
        assert row["machine"]["hardware"].startswith(row["machine"]["cpu"])
        assert (row["machine"]["threads"], metrics["efficiency/rounds"]["value"]) == (1, 2)
        assert {key.partition("/")[0] for key in metrics} == {"efficiency"}
        assert ("efficiency/train_rate" in metrics) == (system == "one")
        assert metrics["efficiency/size_mb"]["value"] == 0.001
    text = (tmp_path / "boards" / "example-efficiency.md").read_text()
    assert f"## small on {rows['one']['machine']['hardware']}" in text
    assert re.search(r"^\|\s+- \| \*two\*", text, re.MULTILINE)
    again, _ = small("one", "two")
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


# The worker's parent is its keeper, which the run has started.
KILLS_THE_RUN = "import psutil; psutil.Process(os.getppid()).parent().kill(); signal.pause()"


def test_a_run_that_was_killed_continues_with_the_rounds_it_has(small, install) -> None:
    install("timed", DYING.replace("DIE", KILLS_THE_RUN))
    assert small("one")[0].returncode == -signal.SIGKILL
    done, rows = small("one")
    assert done.returncode == 0, done.stderr
    assert rows["one"]["metrics"]["efficiency/rounds"]["value"] == 2
    assert rows["one"]["metrics"]["efficiency/first_s"]["count"] == 4


def test_a_process_that_dies_in_a_later_round_fails_its_cell(small, install) -> None:
    install("timed", DYING.replace("DIE", "os._exit(7)"))
    done, rows = small("one")
    assert done.returncode == 1
    assert "ended with status 7" in done.stderr
    assert rows["one"]["status"] == "failed"
    again, rows = small("one", options=("--retry",))
    assert again.returncode == 0, again.stderr
    assert rows["one"]["metrics"]["efficiency/rounds"]["value"] == 2
