"""What every engine promises, and what a machine says that is given a cell which it cannot run."""

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ntgbench.protocol import find
from ntgbench.running.beacon import beacon
from ntgbench.running.cells import Cell, plan
from ntgbench.running.dispatch import needs_of, run_cells
from ntgbench.running.engines import EngineError, Needs
from ntgbench.running.engines.connect import connect
from ntgbench.running.engines.local import LocalEngine
from ntgbench.running.run import resolve_protocol
from ntgbench.running.supervise import request, run_cell

pytestmark = pytest.mark.usefixtures("quick_cells")

GPU_ONLY = """
    from ntgbench import GeneratorSpec, Occupies, hookimpl

    @hookimpl
    def ntgbench_generators():
        return [GeneratorSpec("gpu-only", "gpu_only:Never", "x", occupies=Occupies(gpu=True, memory_gib=40, threads=3))]
"""


@pytest.fixture
def cell(flows, tmp_path) -> Cell:
    """A cell of `copy` whose traffic is in place."""
    return planned(flows, tmp_path, "copy")


def planned(flows: Path, tmp_path: Path, system: str) -> Cell:
    planned = plan(resolve_protocol(find("quick"), flows, system, "fidelity", 1), tmp_path / "runs")
    for path, traffic in planned.traffic.items():
        path.parent.mkdir(parents=True)
        traffic.to_parquet(path)
    return planned.cells[0]


def test_a_machine_that_does_not_see_the_runs_folder_says_so_and_writes_nothing(cell) -> None:
    with beacon(cell.runs) as lit:
        text = request(cell, lit)
    shutil.rmtree(cell.runs)
    row = json.loads(run_cell(text))
    assert row["status"] == "failed"
    assert row["reason"] == f"the machine that was given it does not see the runs folder {cell.runs}"
    assert not cell.runs.exists()


def test_a_machine_with_other_code_says_so(cell) -> None:
    other = replace(cell, code=("0" * 16, cell.code[1]))
    with beacon(cell.runs) as lit:
        row = json.loads(run_cell(request(other, lit)))
    assert row["status"] == "failed"
    assert "this machine has other code of ntgbench than the run" in row["reason"]


def test_a_system_for_gpus_fails_on_the_cpu_and_asks_for_what_it_occupies(install, flows, tmp_path) -> None:
    install("gpu-only", GPU_ONLY)
    cell = planned(flows, tmp_path, "gpu-only")
    with LocalEngine(1) as engine:
        ((_, row),) = run_cells([cell], engine, lambda cell, what: None)
    assert row["reason"] == "gpu-only runs on a GPU only: --device cuda"
    # No more memory than the limit of the protocol, which is 8 GiB.
    assert needs_of(cell) == Needs(threads=3, memory_gib=8.0, gpus=0)
    assert needs_of(replace(cell, device="cuda")).gpus == 1


def test_the_local_engine_waits_for_processors_and_memory() -> None:
    let_go = threading.Event()

    def work(text: str) -> str:
        let_go.wait(60)
        return text

    huge, one = Needs(threads=10**6, memory_gib=10**6), Needs()
    with LocalEngine(None) as engine:
        # What is too large for the machine runs alone.
        assert engine.has_room(huge)
        running = engine.submit(work, "a", huge)
        assert not engine.has_room(one)
        let_go.set()
        assert running.result(60) == "a"
        assert engine.has_room(one)
    let_go.clear()
    with LocalEngine(2) as engine:
        for _ in range(2):
            assert engine.has_room(huge)
            engine.submit(work, "b", huge)
        assert not engine.has_room(one)
        let_go.set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "dusk"}, "no engine is called 'dusk'; did you mean dask"),
        ({"name": "local", "address": "tcp://x:1"}, "an address is that of a dask scheduler"),
        ({"name": "dask", "address": "tcp://x:1", "options": {"partition": "a"}}, "engine options are those of SLURM"),
    ],
)
def test_an_engine_that_cannot_be_is_an_error(arguments: dict, said: str, tmp_path) -> None:
    with pytest.raises(EngineError, match=said):
        connect(jobs=None, runs=tmp_path, **arguments)


def test_a_finished_run_needs_no_engine(command, flows) -> None:
    words = ("run", "-d", flows, "-s", "copy", "--seeds", 1, "--suite", "fidelity")
    assert command(*words).returncode == 0
    again = command(*words, "--engine", "dask", "--address", "tcp://127.0.0.1:9")
    assert again.returncode == 0, again.stderr
    assert "1 finished earlier" in again.stdout


def test_options_of_slurm_are_written_with_a_value(command, flows) -> None:
    done = command("run", "-d", flows, "--engine", "slurm", "--slurm", "gpu")
    assert done.returncode == 2
    assert "'gpu' must look like partition=gpu" in done.stderr
