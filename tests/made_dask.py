"""A real dask scheduler and real workers, each a process of its own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Client

_QUIET = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false", "PYTHONWARNINGS": "ignore"}


@dataclass
class Cluster:
    """A scheduler's address, and its processes."""

    address: str
    scheduler: subprocess.Popen
    folder: Path
    workers: list[subprocess.Popen] = field(default_factory=list)

    def add(self, *options: str, **environment: str) -> subprocess.Popen:
        """Start another worker of one thread, and wait until the scheduler knows it."""
        words = ("--nthreads", "1", "--no-nanny", *options)
        self.workers.append(_start("worker", self.address, *words, cwd=self.folder, **environment))
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(len([one for one in self.workers if one.poll() is None]), timeout=120)
        return self.workers[-1]


@contextlib.contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """A scheduler on a free port of this machine, with workers."""
    folder.mkdir(exist_ok=True)
    scheduler = _start("scheduler", "--host", "127.0.0.1", "--port", "0", cwd=folder, stderr=subprocess.PIPE)
    found = Cluster("", scheduler, folder)
    try:
        for line in scheduler.stderr:
            if match := re.search(r"Scheduler at:\s+(tcp://\S+)", line):
                found.address = match[1]
                break
        for _ in range(workers):
            found.add()
        yield found
    finally:
        for process in (*found.workers, scheduler):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _start(role: str, *words: str, cwd: Path, stderr: int = subprocess.DEVNULL, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", role, *words, "--no-dashboard"],
        cwd=cwd,
        env={**os.environ, **_QUIET, **environment},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )
