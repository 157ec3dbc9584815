"""Sessions in a client's namespace: a process that forks one child a session, and the handle to it."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.lab.hosts import Namespace
from benchmarks.lab.workload import LabError, Visit
from benchmarks.lab.workloads import workloads

SOFT_LIMIT = 20.0
"""Seconds after which a session stops by itself."""

HARD_LIMIT = 30.0
"""Seconds after which a session is killed and has failed."""

_LONGEST_ANSWER = 2000


@dataclass(frozen=True)
class Task:
    """A session as it is handed to a client.

    Attributes:
        workload: its class.
        server: address of the server.
        day, session, biflows, folder: see `benchmarks.lab.workload.Visit`.
        seed: of the session's randomness.
    """

    workload: str
    server: str
    day: int
    session: int
    biflows: int
    folder: str
    seed: int


class Client:
    """The process that makes sessions in a client's namespace."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self._log = folder / "client.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*namespace.inside, sys.executable, "-m", "benchmarks.lab.client"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def visit(self, task: Task) -> str | None:
        """Make a session; None, or why it failed.

        Raises:
            LabError: the process itself has ended or does not answer.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(asdict(task)) + "\n")
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], [], [], HARD_LIMIT + 15)
            line = self._process.stdout.readline() if ready else ""
        except OSError:
            line = ""
        if not line:
            words = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            raise LabError(f"the client does not answer: {' | '.join(words)}")
        error = json.loads(line)
        return None if error is None else str(error)

    def end(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self._process.communicate(timeout=5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _attempt(task: Task) -> str | None:
    """A session in a child, killed with all it has started; None, or why it failed."""
    for module in workloads()[task.workload].modules:
        importlib.import_module(module)
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _session(task, theirs)
    os.close(theirs)
    ready, _, _ = select.select([ours], [], [], HARD_LIMIT)
    error = f"killed after {HARD_LIMIT:g} s"
    if ready:
        error = os.read(ours, _LONGEST_ANSWER).decode(errors="replace")
    os.close(ours)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None if error == "done" else error or "ended without a word"


def _session(task: Task, answer: int) -> None:
    """What the child does; it never returns."""
    error = "done"
    try:
        os.setsid()
        folder = Path(task.folder)
        folder.mkdir(exist_ok=True)
        os.chdir(folder)
        os.environ["HOME"] = str(folder)  # no session knows what another's programs have kept
        visit = Visit(
            server=task.server,
            day=task.day,
            session=task.session,
            biflows=task.biflows,
            folder=folder,
            rng=random.Random(task.seed),
            deadline=time.monotonic() + SOFT_LIMIT,
        )
        workloads()[task.workload].visit(visit)
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException as exception:
        traceback.print_exc()
        error = f"{type(exception).__name__}: {exception}"
    finally:
        sys.stderr.flush()
        os.write(answer, error.encode()[:_LONGEST_ANSWER])
        os._exit(0)


def main() -> None:
    """Sessions as JSON lines from standard input, one answer a line to standard output."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what programs print goes to the log
        for line in iter(sys.stdin.readline, ""):
            print(json.dumps(_attempt(Task(**json.loads(line)))), file=answers, flush=True)


if __name__ == "__main__":
    main()
