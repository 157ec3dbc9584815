"""The SLURM engine, on a real SLURM of one node and on submitit's own executor."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

import made_cluster
import psutil
import pytest
from made_waits import WAITS

import ntgbench
from ntgbench.running.cells import STATE_FILE, plan
from ntgbench.running.engines import EngineError, Needs
from ntgbench.running.engines.slurm import ATTEMPTS, SlurmEngine, _do, _states
from ntgbench.running.run import RunObserver, resolve_protocol
from ntgbench.running.state import doing
from ntgbench.testing import example_traffic

pytestmark = pytest.mark.usefixtures("quick_cells")

GRID = ("--seeds", "1", "--suite", "fidelity")

PATIENCE = 300.0
"""Seconds until what never comes is an error: the programs of SLURM wait for a busy controller for a minute each."""


# A run that others take for dead after two seconds of silence.
IMPATIENT = """
from ntgbench.running import beacon, supervise
beacon.BEAT, supervise.SILENCE = 0.5, 2.0
from ntgbench.cli import main
main()
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Start SLURM for the tests of this module; they find it by their environment."""
    reason = made_cluster.lacking()
    if reason is not None:
        pytest.skip(reason)
    with contextlib.ExitStack() as started:
        try:
            environment = started.enter_context(made_cluster.cluster(tmp_path_factory.mktemp("slurm")))
        except RuntimeError as error:
            pytest.skip(f"SLURM is installed but does not start here: {error}")
        patch = started.enter_context(pytest.MonkeyPatch.context())
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def start(cluster, install, flows, tmp_path, monkeypatch):
    """Start a run of `waits` as a job and wait until it fits; gives the run, its worker, and the process of the job."""
    install("waits", WAITS)
    for name in ("TELL", "LET_GO"):
        os.mkfifo(tmp_path / name)
        monkeypatch.setenv(name, str(tmp_path / name))
    started = []

    def do() -> tuple[subprocess.Popen, psutil.Process, psutil.Process]:
        run = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT, "run", "-d", str(flows), "-s", "waits", *GRID, "--engine", "slurm"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        started.append(run)
        worker = psutil.Process(int((tmp_path / "TELL").read_text()))
        keeper = worker.parent()
        return run, worker, keeper.parent()

    yield do
    for run in started:
        run.kill()
        run.communicate()


def have_ended(*processes: psutil.Process) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    return all(not one.is_running() or one.status() == psutil.STATUS_ZOMBIE for one in alive)


def result(tmp_path: Path) -> Path | None:
    """The stored row of `waits`."""
    return next(tmp_path.glob("runs/quick/*/waits/*/result.json"), None)


def last_job() -> str:
    return max(_states(), key=int)


def shown(job: str) -> dict[str, str]:
    """What SLURM says of a job, by name."""
    said = subprocess.run(["scontrol", "--oneliner", "show", "job", job], capture_output=True, text=True, check=True)
    return dict(word.split("=", 1) for word in said.stdout.split() if "=" in word)


def control(*arguments: str) -> None:
    subprocess.run(["scontrol", *arguments], check=True)


@pytest.fixture(scope="module")
def rows_of(tmp_path_factory):
    """Run the same cells by an engine; gives the values of the rows, and the folder of the runs."""
    folder = tmp_path_factory.mktemp("rows")
    example_traffic().to_parquet(folder / "example.parquet")

    @cache
    def run(engine: str) -> tuple[dict[str, dict], Path]:
        outcome = ntgbench.run(
            datasets=[folder / "example.parquet"],
            systems=["markov", "smote"],
            suites=["fidelity"],
            seeds=1,
            runs=folder / engine,
            out=folder / "boards" / engine,
            engine=engine.partition(" ")[0],
        )
        assert not outcome.failures()
        return {row["system"]: row["metrics"] for row in outcome.rows}, outcome.runs

    return run


@pytest.mark.slow
def test_rows_are_those_of_the_local_engine(cluster, rows_of) -> None:
    values, runs = rows_of("slurm")
    assert values == rows_of("local")[0]
    # The files of its jobs are gone.
    assert not (runs / ".slurm").exists()


@pytest.mark.slow
def test_rows_by_the_executor_of_submitit_are_the_same(rows_of, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        make = partial(SlurmEngine, cluster="local")
        patch.setattr("ntgbench.running.run.connect", lambda name, jobs, runs, *_: make(jobs, runs, {}))
        values, runs = rows_of("slurm on submitit's own executor")
    assert values == rows_of("local")[0]
    assert not (runs / ".slurm").exists()


def test_a_job_asks_for_what_its_work_needs(cluster, tmp_path) -> None:
    with SlurmEngine(2, tmp_path, {"begin": "now+1hour", "time": "10", "cpus-per-task": "2"}) as engine:
        engine.submit(json.dumps, "", Needs(threads=3, memory_gib=1.5, gpus=1))
        chosen = shown(last_job())
    assert (chosen["CPUs/Task"], chosen["TimeLimit"], chosen["TresPerNode"]) == ("2", "00:10:00", "gres:gpu:1")
    with SlurmEngine(2, tmp_path, {"begin": "now+1hour"}) as engine:
        needs = Needs(threads=3, memory_gib=1.5)
        engine.submit(json.dumps, "", needs)
        assert engine.has_room(needs)
        engine.submit(json.dumps, "", needs)
        assert not engine.has_room(needs)
        job = last_job()
        plain = shown(job)
        assert plain["JobState"] == "PENDING"
    assert (plain["CPUs/Task"], plain["MinMemoryNode"]) == ("3", "2G")
    assert not any(name.startswith("Tres") for name in plain)
    # The partition says how long a job may take, and SLURM runs it again when its node fails.
    assert (plain["Partition"], plain["TimeLimit"], plain["Requeue"]) == ("short", "00:30:00", "1")
    assert _states()[job] == "CANCELLED"
    assert not list(tmp_path.iterdir())


def test_what_sbatch_refuses_is_one_clear_error(cluster, command, flows) -> None:
    for option, said in (
        ("partition=nope", "invalid partition specified: nope"),
        ("parttion=x", "unrecognized option"),
    ):
        done = command("run", "-d", flows, "-s", "copy", *GRID, "--engine", "slurm", "--slurm", option)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert said in done.stderr


def test_a_controller_that_does_not_answer_is_one_clear_error(cluster, tmp_path, monkeypatch) -> None:
    (tmp_path / "slurm.conf").write_text(
        "ClusterName=none\nSlurmctldHost=localhost\nSlurmctldPort=1\nMessageTimeout=1\n"
    )
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    with pytest.raises(EngineError, match="SLURM does not answer"):
        SlurmEngine(None, tmp_path, {})


def test_a_job_in_the_queue_waits_and_is_cancelled_with_its_run(cluster, flows, tmp_path) -> None:
    class Impatient(RunObserver):
        def doing(self, cell, what) -> None:  # noqa: ARG002
            self.said = what
            raise KeyboardInterrupt

    observer, runs = Impatient(), tmp_path / "runs"
    grid = {"datasets": [flows], "systems": ["copy"], "suites": ["fidelity"], "seeds": 1}
    (cell,) = plan(resolve_protocol("quick", **grid), runs).cells
    cell.path.mkdir(parents=True)
    # What the process of an earlier run has left, which was killed.
    (cell.path / STATE_FILE).write_text('{"now": {"phase": "fit", "share": 0.4, "note": ""}}')
    assert doing(cell) == "fit 40%"
    with pytest.raises(KeyboardInterrupt):
        ntgbench.run(**grid, runs=runs, out=tmp_path, engine="slurm", options={"begin": "now+1hour"}, observer=observer)
    assert observer.said == ""
    assert _states()[last_job()] == "CANCELLED"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["scancel", "kill"])
def test_a_job_that_is_ended_is_a_row_with_a_reason(start, command, flows, tmp_path, how: str) -> None:
    run, worker, job = start()
    if how == "scancel":
        subprocess.run(["scancel", last_job()], check=True)
    else:
        job.kill()
    said, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1
    reason = f"its job {last_job()} ended without a result: {'CANCELLED' if how == 'scancel' else 'FAILED'}"
    assert reason in said
    assert have_ended(worker, job)
    # Its log stays. It is no result, so the next run takes the cell up again.
    assert list(tmp_path.glob("runs/.slurm/*/*_log.err"))
    assert result(tmp_path) is None
    row = json.loads((tmp_path / "leaderboards" / "rows.jsonl").read_text())
    assert row["reason"].startswith(reason)


@pytest.mark.slow
def test_ctrl_c_ends_the_jobs(start, tmp_path) -> None:
    run, worker, job = start()
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130, said
    assert _states()[last_job()] in ("CANCELLED", "COMPLETING")
    assert have_ended(worker, job)
    assert result(tmp_path) is None
    assert not (tmp_path / "runs" / ".slurm").exists()


@pytest.mark.slow
def test_jobs_end_after_a_run_that_was_killed(start, tmp_path) -> None:
    run, worker, job = start()
    run.kill()
    run.communicate()
    assert have_ended(worker, job)
    assert result(tmp_path) is None
    run, *_ = start()
    (tmp_path / "LET_GO").write_text("")
    _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, said
    assert result(tmp_path) is not None


def test_work_that_ends_while_slurm_ends_its_job_is_no_result(cluster, tmp_path, monkeypatch) -> None:
    # SLURM may signal a process of the work before that of the job, which then sees the work end.
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert _do(json.dumps, "told") == '"told"'
    with SlurmEngine(1, tmp_path, {"begin": "now+1hour"}) as engine:
        engine.submit(json.dumps, "", Needs())
        monkeypatch.setenv("SLURM_JOB_ID", last_job())
        # As of a job that SLURM has put into its queue again.
        with pytest.raises(SystemExit, match="ended by SLURM"):
            _do(json.dumps, "told")
    assert _states()[last_job()] == "CANCELLED"
    with pytest.raises(SystemExit, match="ended by SLURM"):
        _do(json.dumps, "told")


@pytest.mark.slow
def test_work_whose_node_fails_is_done_again_but_not_for_ever(cluster, tmp_path) -> None:
    os.mkfifo(tmp_path / "tell")

    def wait_for_job() -> None:
        """Until a job writes; a job that never comes is an error, not a test without end."""
        pipe = os.open(tmp_path / "tell", os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert select.select([pipe], [], [], PATIENCE)[0], "no job has begun"
        finally:
            os.close(pipe)

    def fail_node() -> None:
        wait_for_job()
        # Else SLURM itself puts the job into the queue again, for two minutes at least.
        control("update", f"jobid={last_job()}", "requeue=0")
        control("update", "nodename=made", "state=down", "reason=test")
        control("update", "nodename=made", "state=resume")

    with SlurmEngine(None, tmp_path / "runs", {}) as engine:
        tell = f"echo > {tmp_path}/tell; test -e {tmp_path}/sound || sleep 1000; echo done"
        always = engine.submit(subprocess.getoutput, tell, Needs())
        for _ in range(ATTEMPTS):
            fail_node()
        assert "NODE_FAIL" in str(always.exception(timeout=PATIENCE))
        again = engine.submit(subprocess.getoutput, tell, Needs())
        fail_node()
        (tmp_path / "sound").touch()
        # For all jobs to come: a busy node may fail once more by itself, and then no job may wait for a reader.
        pipe = os.open(tmp_path / "tell", os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert again.result(timeout=PATIENCE) == "done"
        finally:
            os.close(pipe)
