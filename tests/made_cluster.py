"""A SLURM cluster of one node on this machine, all below one folder: munged, slurmctld, slurmd; no accounting."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# One core is one CPU here, whatever the machine has: what is tested is what SLURM is asked for.
CONFIGURATION = """
ClusterName=made
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0
KillWait=5
ReturnToService=0
GresTypes=gpu
NodeName=made NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=8192 Gres=gpu:1
PartitionName=short Nodes=made Default=YES DefaultTime=30 MaxTime=60
PartitionName=idle Nodes=made State=DOWN
"""

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")


def lacking() -> str | None:
    """Why there can be no cluster here, as one sentence; None when there can."""
    missing = [name for name in PROGRAMS if _program(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed: apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "only root starts a cluster"


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Start a cluster and end it with the block; gives what the environment of its users must hold.

    Raises:
        RuntimeError: when it did not start, with the end of its logs.
    """
    configuration = folder / "slurm.conf"
    for name in ("state", "spool"):
        (folder / name).mkdir()
    values = {"host": socket.gethostname().partition(".")[0], "folder": folder, "ports": _free_ports(2)}
    configuration.write_text(CONFIGURATION.format(**values))
    (folder / "gres.conf").write_text("NodeName=made Name=gpu File=/dev/zero\n")
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    environment = {"SLURM_CONF": str(configuration)}
    files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    munged = [f"--socket={folder}/munge.socket", *files]
    commands = (
        ["munged", "--foreground", "--force", *munged],
        ["slurmctld", "-D", "-f", str(configuration)],
        ["slurmd", "-D", "-N", "made", "-f", str(configuration)],
    )
    with (folder / "output.log").open("w") as output, contextlib.ExitStack() as started:
        for command in commands:
            program = [str(_program(command[0])), *command[1:]]
            # They look at what they inherit: no variable of a job that these tests may run in.
            daemon = subprocess.Popen(program, stdout=output, stderr=output, env={**_plain(), **environment})
            started.callback(_end, daemon)
        _wait_until_idle({**_plain(), **environment}, folder)
        yield environment


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH"))}


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in sockets]


def _wait_until_idle(environment: dict[str, str], folder: Path) -> None:
    until = time.monotonic() + 30.0
    while time.monotonic() < until:
        command = ["sinfo", "--noheader", "--partition=short", "--format=%T"]
        told = subprocess.run(command, env=environment, capture_output=True, text=True)
        if told.stdout.strip() == "idle":
            return
        # There is nothing to wait on.
        time.sleep(0.1)
    logs = [path.read_text(errors="replace")[-1500:] for path in sorted(folder.glob("*.log"))]
    raise RuntimeError("\n".join(["the cluster did not start:", *logs]))


def _end(daemon: subprocess.Popen[bytes]) -> None:
    # Those of slurmd are the steps of jobs that still run.
    children = psutil.Process(daemon.pid).children(recursive=True) if daemon.poll() is None else []
    daemon.terminate()
    try:
        daemon.wait(10.0)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()
