"""Runs that are stopped, killed, or in each other's way: nothing half-written, nothing lost, nothing done twice."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from made_waits import WAITS

from ntgbench.traffic.biflows import Biflows

pytestmark = pytest.mark.usefixtures("quick_cells")


def heed_signals() -> None:
    """Whoever runs the tests in the background may have them ignore signals, and the run would inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start(install, flows, tmp_path, monkeypatch):
    """Start a run of `copy` and `waits` and wait until the latter fits; gives the run and the process that fits."""
    install("waits", WAITS)
    for name in ("TELL", "LET_GO"):
        os.mkfifo(tmp_path / name)
        monkeypatch.setenv(name, str(tmp_path / name))
    started = []

    def do(*systems: str) -> tuple[subprocess.Popen, psutil.Process]:
        wanted = [word for system in systems or ("copy", "waits") for word in ("-s", system)]
        command = [sys.executable, "-m", "ntgbench", "run", "-d", str(flows), *wanted]
        run = subprocess.Popen(
            [*command, "-j", "1", "--seeds", "1", "--suite", "fidelity"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=heed_signals,
        )
        started.append(run)
        return run, psutil.Process(int((tmp_path / "TELL").read_text()))

    yield do
    for run in started:
        run.kill()
        run.communicate()


def finish(tmp_path: Path, command, flows: Path, *systems: str) -> subprocess.CompletedProcess:
    """Run the same again with a generator that does not wait."""
    source = tmp_path / "site" / "waits.py"
    source.write_text(
        source.read_text()
        .replace('open(os.environ["LET_GO"]).close()', "pass")
        .replace('os.environ["TELL"]', "os.devnull")
    )
    wanted = [word for system in systems or ("copy", "waits") for word in ("-s", system)]
    return command("run", "-d", flows, *wanted, "--seeds", 1, "--suite", "fidelity")


def results(tmp_path: Path) -> dict[str, Path]:
    return {path.parent.parent.name: path for path in tmp_path.glob("runs/quick/*/*/*/result.json")}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_run_leaves_whole_files_only(start, tmp_path, number: signal.Signals) -> None:
    run, fitting = start()
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert b"run the same command again" in said
    assert b"Traceback" not in said
    assert not fitting.is_running() or fitting.status() == psutil.STATUS_ZOMBIE
    assert results(tmp_path).keys() == {"copy"}
    assert not list(tmp_path.rglob("*.tmp"))
    # What had finished is on the board already.
    assert "*copy*" in (tmp_path / "leaderboards" / "example-fidelity.md").read_text()


def test_a_killed_run_ends_its_children_and_goes_on_where_it_stood(start, command, flows, tmp_path) -> None:
    run, fitting = start()
    run.kill()
    run.communicate()
    # The child looks for its run several times a second.
    psutil.wait_procs([fitting], timeout=60)
    assert not fitting.is_running() or fitting.status() == psutil.STATUS_ZOMBIE
    copied = results(tmp_path)["copy"].stat().st_mtime_ns
    again = finish(tmp_path, command, flows)
    assert again.returncode == 0, again.stderr
    assert "2 cells, 1 finished earlier" in again.stdout
    assert results(tmp_path).keys() == {"copy", "waits"}
    assert results(tmp_path)["copy"].stat().st_mtime_ns == copied


def test_a_fit_that_was_killed_finds_what_it_left(start, command, flows, tmp_path) -> None:
    run, fitting = start("waits")
    fitting.kill()
    run.communicate()
    cell = results(tmp_path)["waits"].parent
    assert json.loads((cell / "result.json").read_text())["reason"].startswith("its process was ended by SIGKILL")
    tell, let_go = (Path(tmp_path / name) for name in ("TELL", "LET_GO"))
    for path in (tell, let_go):
        path.unlink()
        path.touch()
    again = command("run", "-d", flows, "-s", "waits", "--seeds", 1, "--suite", "fidelity", "--retry")
    assert again.returncode == 0, again.stderr
    assert (Biflows.from_parquet(cell / "synthetic.parquet").signed_pl == 2).all()
    # What a finished fit has left is of no use to anybody.
    assert not (cell / "unfinished").exists()
    afresh = command("run", "-d", flows, "-s", "waits", "--seeds", 1, "--suite", "fidelity", "--fresh")
    assert afresh.returncode == 0, afresh.stderr
    assert (Biflows.from_parquet(cell / "synthetic.parquet").signed_pl == 1).all()


def test_two_runs_share_the_work(start, flows, tmp_path) -> None:
    run, _ = start()
    grid = ["-s", "waits", "-s", "marginals", "-j", "2", "--seeds", "1", "--suite", "fidelity"]
    other = subprocess.Popen(
        [sys.executable, "-m", "ntgbench", "run", "-d", str(flows), *grid],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # The other one has passed its own cell and waits for the one that is taken.
    line = b""
    while b"marginals" not in line:
        line = other.stdout.readline()
        assert line, other.stderr.read()
    (tmp_path / "LET_GO").write_text("")
    for one in (run, other):
        _, said = one.communicate(timeout=60)
        assert one.returncode == 0, said
    rows = [json.loads(line) for line in (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()]
    assert [row["system"] for row in rows] == ["copy", "marginals", "waits"]


def test_a_folder_that_cannot_be_written_is_a_clear_error(command, flows, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for option in ("--runs", "--out"):
        done = command("run", "-d", flows, "-s", "copy", "--seeds", 1, option, tmp_path / "file" / "inside")
        assert done.returncode == 1
        assert "cannot make the folder" in done.stderr
        assert "Traceback" not in done.stderr
    for words in (("run", "--out"), ("run", "--runs"), ("plan", "--runs"), ("report", "--out")):
        grid = () if words[0] == "report" else ("-d", flows, "-s", "copy", "--seeds", 1)
        done = command(words[0], *grid, words[1], "file")
        assert done.returncode == 1
        assert done.stderr.endswith("file is a file and no folder\n")


def test_a_run_stopped_before_anything_has_finished_leaves_a_sound_folder(start, command, flows, tmp_path) -> None:
    run, _ = start("waits")
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 130
    assert not (tmp_path / "leaderboards" / "rows.jsonl").exists()
    assert finish(tmp_path, command, flows, "waits").returncode == 0


AT_START = """
import os, sys
if "ntgbench.running.worker" in sys.orig_argv:
    with open(os.environ["TELL"], "w") as tell:
        tell.write(str(os.getpid()))
    open(os.environ["LET_GO"]).close()
"""


def test_a_worker_whose_run_dies_while_it_starts_ends(start, tmp_path) -> None:
    # The interpreter imports this before anything else.
    (tmp_path / "site" / "sitecustomize.py").write_text(AT_START)
    run, worker = start("copy")
    run.kill()
    run.communicate()
    psutil.wait_procs([worker], timeout=60)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
