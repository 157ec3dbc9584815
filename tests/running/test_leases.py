"""Leases of GPUs between real processes; the GPUs are made up."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from ntgbench.running.leases import leased, visible

GPUS = {"0": "GPU-aa", "1": "GPU-bb"}
UUIDS = list(GPUS.values())
WAIT = 60.0

# Leases a GPU, starts a child that keeps the descriptor, says both, and holds the GPU until its input ends.
HOLDS = """
import json, subprocess, sys, threading
from pathlib import Path
from ntgbench.running.leases import leased
gpus, device, folder = json.loads(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
with leased(device, threading.Event(), gpus, folder) as (environment, handles):
    child = subprocess.Popen(["sleep", "1000"], pass_fds=handles, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    print(json.dumps([environment, child.pid]), flush=True)
    sys.stdin.read()
    child.kill()
    child.wait()
"""


@pytest.fixture
def hold(tmp_path):
    """Lease a GPU in another process; gives the process, the GPU, and a child that has inherited the lease."""
    started = []

    def do(device: str = "cuda") -> tuple[subprocess.Popen, str | None, psutil.Process]:
        command = [sys.executable, "-c", HOLDS, json.dumps(GPUS), device, str(tmp_path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        environment, child = json.loads(process.stdout.readline())
        return process, environment.get("CUDA_VISIBLE_DEVICES"), psutil.Process(child)

    yield do
    for process in started:
        process.communicate()


def is_free(device: str, folder: Path) -> bool:
    stop = threading.Event()
    stop.set()
    try:
        with leased(device, stop, GPUS, folder):
            return True
    except InterruptedError:
        return False


def test_a_gpu_has_one_holder(hold, tmp_path) -> None:
    first, one, _ = hold()
    second, other, _ = hold()
    assert {one, other} == set(GPUS)
    assert not is_free("cuda", tmp_path)
    second.communicate()
    with leased("cuda", threading.Event(), GPUS, tmp_path) as (environment, handles):
        assert environment == {"CUDA_VISIBLE_DEVICES": other}
        assert len(handles) == 1
        assert not is_free("cuda", tmp_path)
    assert is_free("cuda", tmp_path)
    assert first.poll() is None


def test_a_device_with_a_number_is_that_one(hold, tmp_path) -> None:
    # What is visible stays, so that its number does.
    assert hold("cuda:1")[1] is None
    assert not is_free("cuda:1", tmp_path)
    assert is_free("cuda:0", tmp_path)
    assert hold()[1] == "0"


def test_a_lease_ends_with_the_last_process_that_has_it(hold, tmp_path) -> None:
    holder, _, child = hold("cuda:0")
    holder.kill()
    holder.communicate()
    assert child.is_running()
    assert not is_free("cuda:0", tmp_path)
    child.kill()
    # It is the lock that is waited for here.
    with leased("cuda:0", threading.Event(), GPUS, tmp_path) as (_, handles):
        assert handles


def test_waiting_ends_when_told(hold, tmp_path) -> None:
    hold("cuda:0")
    stop, ended = threading.Event(), threading.Event()

    def wait() -> None:
        with pytest.raises(InterruptedError), leased("cuda:0", stop, GPUS, tmp_path):
            pass
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    assert not ended.wait(0.2)
    stop.set()
    assert ended.wait(WAIT)


@pytest.mark.parametrize("device", ["cpu", "cuda:2", "cuda"])
def test_without_such_a_gpu_nothing_is_leased(tmp_path, device: str) -> None:
    gpus = {} if device == "cuda" else GPUS
    with leased(device, threading.Event(), gpus, tmp_path) as lease:
        assert lease == ({}, ())
    assert not list(tmp_path.iterdir())


def test_others_can_wait_for_a_gpu_whatever_the_umask(tmp_path) -> None:
    before = os.umask(0o077)
    try:
        assert is_free("cuda:0", tmp_path)
    finally:
        os.umask(before)
    (lock,) = tmp_path.iterdir()
    assert lock.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("restriction", "left"),
    [
        (None, GPUS),
        ("", {}),
        ("1", {"1": "GPU-bb"}),
        ("1, 0", {"1": "GPU-bb", "0": "GPU-aa"}),
        ("GPU-b", {"GPU-b": "GPU-bb"}),
        # As SLURM has it where a job has no GPU.
        ("NoDevFiles", {}),
        ("0,-1,1", {"0": "GPU-aa"}),
        ("MIG-GPU-aa/1/0", {"MIG-GPU-aa/1/0": "MIG-GPU-aa/1/0"}),
    ],
)
def test_only_what_cuda_may_use_is_leased(restriction: str | None, left: dict[str, str], tmp_path) -> None:
    found = visible(restriction, UUIDS)
    assert list(found.items()) == list(left.items())
    assert not visible(restriction, [])
    with leased("cuda", threading.Event(), found, tmp_path) as (environment, _):
        assert environment.get("CUDA_VISIBLE_DEVICES") == next(iter(left), None)
