"""Plugins that misbehave in every way we know: each costs its own row, which says why, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import command_line
import psutil
import pytest

from ntgbench.running.keeper import LOG_LIMIT
from ntgbench.testing import example_traffic

if TYPE_CHECKING:
    from pathlib import Path

FAILS = {
    "raises-in-fit": "RuntimeError: boom",
    "raises-in-sample": "raises-in-sample cannot sample: RuntimeError: boom",
    "raises-in-save": "No space left on device",
    "wrong-shape": "wrong-shape returned an array of shape (86, 20); (86, 10) was asked for",
    "wrong-count": "wrong-count returned an array of shape (85, 10); (86, 10) was asked for",
    "wrong-type": "wrong-type returned float64 values; signed payload lengths are integers",
    "wrong-class": "wrong-class returned list, not a numpy array",
    "nan": "nan returned float64 values",
    "hole": "hole returned invalid biflows: row 3: no packet may follow an entry of 0 (a hole)",
    "empty": "empty returned invalid biflows: row 5: a biflow has at least one packet",
    "over-pl-max": "over-pl-max returned invalid biflows: row 0: payload lengths are at most pl_max = 1460 bytes",
    "has-no-class": "cannot import misbehaving:NoSuchClass",
    "has-no-methods": "misbehaving:HasNoMethods has no method fit, sample, save, load",
    "exits-at-import": "its process ended with status 5 and without a result: imported",
    "hangs": "it has used no CPU for 0.05 minutes: it seems to hang, at fit 0%",
    "hangs-deafly": "it has used no CPU for 0.05 minutes: it seems to hang, at fit 0%",
    "hoards": "over the memory limit of 2 GiB",
    "prints-forever": "over the time limit of 0.3 CPU minutes, at fit 0%",
    "exits-at-once": "its process ended with status 0 and without a result: last words",
    "exits": "its process ended with status 0 and without a result: it printed nothing",
    "segfaults": "its process was ended by SIGSEGV",
    "deletes-folder": "No such file or directory",
    "deletes-folder-and-exits": "its process ended with status 3 and without a result: last words",
    "deletes-model": "No such file or directory",
    "makes-folder-file": "its row is not stored",
    "deletes-traffic": "No such file or directory",
    "fills-disk": "File too large",
    "garbles-result": "the result.json that its process left is damaged",
    "lays-pipes": "its process ended with status 3 and without a result",
    "lays-folders": "its process ended with status 3 and without a result",
    "unlocks-training": "cannot set WRITEABLE flag to True of this array",
    "changes-training": "changes-training has changed the traffic that it was given",
}
"""What the rows of failed cells say."""

HARMLESS = (
    *("forks", "leaves-thread", "lies-about-state", "orphans", "patches-numpy", "prints-half", "prints-much"),
    *("raises-in-load", "reads-input", "writes-here"),
)
"""Systems that score what `behaves` does, to the last bit, whatever else they do."""

SHOWN = {"reads-test-set": "fidelity/train_share@test", "returns-training": "fidelity/train_share"}
"""Systems that copy, and the share of copied biflows in their rows: all of them."""

MENDED = {"deletes-traffic"}
"""Systems whose cells do not fail where the run has put back in time what they deleted."""

NO_LOG = {"deletes-folder", "deletes-folder-and-exits", "deletes-model", "makes-folder-file"}
"""Systems that delete their logs."""

PROTOCOL = """
version = 1
summary = "x"
datasets = ["example.parquet"]
systems = {}
suites = ["fidelity"]
seeds = 1
[limits]
idle_minutes = 0.05
cpu_minutes = 0.3
memory_gib = 2
"""


def run(folder: Path, systems: list[str], jobs: int):
    """Run the systems in `folder`; what the command said, and the rows by system."""
    protocol = folder / "strict.toml"
    protocol.write_text(PROTOCOL.format(json.dumps(systems)))
    done = command_line.run(folder, "run", protocol, "-j", jobs)
    lines = (folder / "leaderboards" / "rows.jsonl").read_text().splitlines()
    return done, {row["system"]: row for row in map(json.loads, lines)}


def left_running(folder: Path) -> list[psutil.Process]:
    """Processes that work below `folder`, as all that a cell starts do."""
    found = []
    for one in psutil.process_iter():
        try:
            place = one.cwd()
        except psutil.Error:
            continue
        if place.startswith(f"{folder}/"):
            found.append(one)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("misbehaving")
def test_every_system_that_misbehaves_costs_its_own_row_and_nothing_else(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NTGBENCH_PLUGINS", "baselines,fidelity,misbehaving")
    (tmp_path / "site" / "misbehaving_at_import.py").write_text("import os\nprint('imported', flush=True)\nos._exit(5)")
    for name in ("undisturbed", "all"):
        (tmp_path / name).mkdir()
        example_traffic().to_parquet(tmp_path / name / "example.parquet")
    folder = tmp_path / "all"
    wanted = [*FAILS, *HARMLESS, *SHOWN, "not-reproducible", "behaves", "copy"]
    done, found = run(folder, [*wanted, "has-no-library"], jobs=2)
    assert "left out: has-no-library needs no_such_library, which is not installed" in done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert found.keys() == set(wanted)

    failed = {name: row for name, row in found.items() if row["status"] == "failed"}
    assert {name: row["reason"] for name, row in failed.items() if FAILS.get(name, "none") not in row["reason"]} == {}
    assert failed.keys() - MENDED == FAILS.keys() - MENDED
    board = (folder / "leaderboards" / "example-fidelity.md").read_text()
    for name, row in failed.items():
        assert f"failed: example / {name} / seed 0: " in done.stderr
        assert f"(log: runs/{row['log']})" in done.stderr
        assert f"(log: `runs/{row['log']}`)" in board
        assert (folder / "runs" / row["log"]).is_file() or name in NO_LOG
        assert str(tmp_path) not in row["reason"]

    _, undisturbed = run(tmp_path / "undisturbed", ["behaves", "copy"], jobs=1)
    for name, other in {**dict.fromkeys(HARMLESS, "behaves"), "behaves": "behaves", "copy": "copy"}.items():
        assert found[name]["metrics"] == undisturbed[other]["metrics"], name
        assert found[name]["notes"] == undisturbed[other]["notes"], name
    for name, share in SHOWN.items():
        assert found[name]["metrics"][share]["value"] == 1.0
        assert found[name]["metrics"]["fidelity/train_share"]["value"] == float(name == "returns-training")

    # Nothing is left of them but what lies in their own folders.
    assert not left_running(tmp_path)
    assert {path.name for path in folder.iterdir()} == {"example.parquet", "leaderboards", "runs", "strict.toml"}
    (home,) = (folder / "runs" / "strict").iterdir()
    assert {path.name for path in home.iterdir()} == {*wanted, "traffic.parquet"}
    (dropped,) = folder.rglob("dropped")
    assert dropped.read_text() == str(dropped.parent)
    assert dropped.parent.parent.name == "writes-here"
    for log in home.rglob("log.txt"):
        assert log.stat().st_size <= LOG_LIMIT
    assert 'raise RuntimeError("boom")' in next(home.glob("raises-in-fit/*/log.txt")).read_text()

    # The next run finds its traffic and the rows again, but for the one that could not be stored.
    again = command_line.run(folder, "plan", folder / "strict.toml")
    assert f"{len(failed) - 1} failed" in again.stdout
    assert "raises-in-fit" in again.stdout
