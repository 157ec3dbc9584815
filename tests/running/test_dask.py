"""Cells on a real dask scheduler with real workers."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest
from made_waits import WAITS

import ntgbench
from ntgbench.interfaces import Budget
from ntgbench.protocol import bundled
from ntgbench.running.engines import EngineError, Needs
from ntgbench.running.engines.dask import DaskEngine

pytest.importorskip("distributed", reason="dask is not installed")

from made_dask import cluster

pytestmark = pytest.mark.usefixtures("quick_cells")


@pytest.fixture
def pipes(install, tmp_path, monkeypatch):
    """The plugin `waits`, and the pipes by which it is watched."""
    install("waits", WAITS)
    for name in ("TELL", "LET_GO"):
        os.mkfifo(tmp_path / name)
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path / "TELL", tmp_path / "LET_GO"


def start(tmp_path, flows, address: str) -> subprocess.Popen:
    words = ["run", "-d", flows, "-s", "copy", "-s", "waits", "--seeds", "1", "--suite", "fidelity"]
    return subprocess.Popen(
        [sys.executable, "-m", "ntgbench", *map(str, words), "--engine", "dask", "--address", address],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def rows(tmp_path) -> dict[str, dict]:
    lines = (tmp_path / "leaderboards" / "rows.jsonl").read_text().splitlines()
    return {row["system"]: row for row in map(json.loads, lines)}


def is_gone(process: psutil.Process) -> bool:
    psutil.wait_procs([process], timeout=60)
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_rows_are_equal_on_every_engine_in_any_order_and_folder(flows, tmp_path) -> None:
    systems = ["cvae[outer=8,inner=8,latent=2]", "smote", "markov", "copy"]
    short = replace(bundled()["quick"], datasets=(str(flows),), suites=("fidelity",), seeds=1, budget=Budget(steps=4))

    def numbers(name: str, systems: list[str], **engine) -> dict[str, dict]:
        folder = tmp_path / name
        folder.mkdir()
        protocol = replace(short, systems=tuple(systems))
        outcome = ntgbench.run(protocol, runs=folder / "runs", out=folder / "boards", **engine)
        assert not outcome.failures()
        return {(row["system"], row["seed"]): row["metrics"] for row in outcome.rows}

    local = numbers("local", systems, jobs=1)
    assert len(local) == 4
    with cluster(tmp_path / "dask") as dask:
        assert numbers("two workers", systems[::-1], engine="dask", address=dask.address) == local


@pytest.mark.slow
def test_a_cell_goes_on_elsewhere_when_its_worker_dies(pipes, flows, tmp_path) -> None:
    tell, let_go = pipes
    with cluster(tmp_path / "dask") as dask:
        run = start(tmp_path, flows, dask.address)
        fitting = psutil.Process(int(tell.read_text()))
        parents = {parent.pid for parent in fitting.parents()}
        (worker,) = (one for one in dask.workers if one.pid in parents)
        worker.kill()
        assert is_gone(fitting)
        again = psutil.Process(int(tell.read_text()))
        assert worker.pid not in {parent.pid for parent in again.parents()}
        let_go.write_text("")
        said, errors = run.communicate(timeout=120)
        assert run.returncode == 0, errors
    row = rows(tmp_path)["waits"]
    assert row["status"] == "ok"
    assert "2 cells" in said
    # It found what the killed process had left.
    synthetic = next(tmp_path.glob("runs/quick/*/waits/*/synthetic.parquet"))
    assert (ntgbench.Biflows.from_parquet(synthetic).signed_pl == 2).all()


@pytest.mark.slow
def test_ctrl_c_ends_what_runs_on_workers_and_a_later_run_goes_on(pipes, flows, tmp_path) -> None:
    tell, let_go = pipes
    with cluster(tmp_path / "dask") as dask:
        run = start(tmp_path, flows, dask.address)
        fitting = psutil.Process(int(tell.read_text()))
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
        assert run.returncode == 130
        assert "Traceback" not in errors
        assert is_gone(fitting)
        assert not list(tmp_path.glob("runs/quick/*/waits/*/result.json"))
        run = start(tmp_path, flows, dask.address)
        int(tell.read_text())
        let_go.write_text("")
        _, errors = run.communicate(timeout=120)
        assert run.returncode == 0, errors
    assert rows(tmp_path).keys() == {"copy", "waits"}


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_run_with_one_error(pipes, flows, tmp_path) -> None:
    tell, _ = pipes
    with cluster(tmp_path / "dask", workers=1) as dask:
        run = start(tmp_path, flows, dask.address)
        tell.read_text()
        dask.scheduler.kill()
        _, errors = run.communicate(timeout=120)
        assert run.returncode == 1, errors
        assert "error: the engine is lost" in errors
        assert "Traceback" not in errors


def test_a_scheduler_that_is_not_there_is_an_error(ntgbench, flows) -> None:
    done = ntgbench("run", "-d", flows, "-s", "copy", "--engine", "dask", "--address", "tcp://127.0.0.1:9")
    assert done.returncode == 1
    assert "error: the dask scheduler at tcp://127.0.0.1:9 does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    done = ntgbench("run", "-d", flows, "-s", "copy", "--engine", "dask")
    assert "needs the address of its scheduler: --address tcp://HOST:8786" in done.stderr


@pytest.mark.parametrize("address", ["localhost", "tcp://127.0.0.1", "http://127.0.0.1:8786", "tcp://h:x", "tls://h:1"])
def test_an_address_that_is_none_is_an_error(address) -> None:
    with pytest.raises(EngineError, match=f"^{address} is no address such as tcp://HOST:8786: "):
        DaskEngine(address, None)


def test_something_silent_in_the_place_of_a_scheduler_is_an_error(monkeypatch) -> None:
    monkeypatch.setattr("ntgbench.running.engines.dask._ANSWERS_IN", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EngineError, match=f"{address} does not answer: what listens there says nothing"):
            DaskEngine(address, None)


def test_work_is_placed_by_what_workers_declare(tmp_path) -> None:
    with cluster(tmp_path / "dask", workers=0) as dask:
        with pytest.raises(EngineError, match="has no worker"):
            DaskEngine(dask.address, None)
        dask.add()
        with DaskEngine(dask.address, None) as engine, pytest.raises(EngineError, match="declares a GPU"):
            engine.submit(str.upper, "x", Needs(gpus=1))
        with DaskEngine(dask.address, None) as engine:
            assert engine.submit(str.upper, "text", Needs()).result(60) == "TEXT"
        dask.add("--resources", "GPU=1 MEMORY=64e9", PLACE="large")
        with DaskEngine(dask.address, None) as engine:
            assert engine.submit(os.getenv, "PLACE", Needs(memory_gib=32, gpus=1)).result(60) == "large"
