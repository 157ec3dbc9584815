"""The SLURM engine: each piece of work is a job of the cluster, submitted by submitit.

What became of a job is what `squeue` says, and `sacct` of those that SLURM has forgotten: accounting, which submitit
relies on, is not there on every cluster. A job that SLURM ends leaves no result, so what SLURM says of it counts.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ntgbench.errors import NtgbenchError
from ntgbench.running.beacon import is_left, leave
from ntgbench.running.engines import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from ntgbench.running.engines import Needs, Work

FOLDER = ".slurm"

OWN_GIB = 0.5
"""GiB of memory that a job has for the process that watches over its work."""

ATTEMPTS = 3
"""Jobs that one piece of work gets when nodes fail or jobs with a higher priority take its place."""

_LOOK_EVERY = 1.0
_ASK_EVERY = 5.0
_ANSWERS_IN = 60.0
_LOCAL_MINUTES = 10_000
_LATE = 60.0
"""Seconds after its job until a result must be seen: a network file system may show it late."""

# States of jobs: https://slurm.schedmd.com/squeue.html#lbAG
_AGAIN = ("BOOT_FAIL", "NODE_FAIL", "PREEMPTED")
_ENDED = ("CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "OUT_OF_MEMORY", "REVOKED", "TIMEOUT", *_AGAIN)
_NOT_RUNNING = ("COMPLETING", "PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", *_ENDED)
_FORGOTTEN = "SLURM does not know it any more"
_ADVICE = {
    "TIMEOUT": "; ask for more: --slurm time=HOURS:00:00",
    "OUT_OF_MEMORY": ": it needs more than its plugin declares; ask for more: --slurm mem=16G",
}


@dataclass
class _Piece:
    """A piece of work and its present job."""

    work: Work
    text: str
    needs: Needs
    job: Any
    attempt: int = 1
    over: float = math.inf  # since when its job is known to have ended, on the monotonic clock


class SlurmEngine:
    """The cluster that `sbatch` submits to.

    Args:
        jobs: jobs that are submitted at a time; None: all.
        runs: the folder of all runs, below which submitit keeps its files until a job has ended.
        options: of `sbatch`, by name; they win over what the engine asks for.
        cluster: "slurm", or "local": submitit's processes on this machine, for tests.

    Raises:
        EngineError: when submitit is not installed, or SLURM does not answer.
    """

    name = "slurm"

    def __init__(self, jobs: int | None, runs: Path, options: Mapping[str, str], cluster: str = "slurm") -> None:
        try:
            import submitit
        except ImportError as error:
            raise EngineError("the engine slurm is not installed: pip install 'ntgbench[slurm]'") from error
        self._local = cluster == "local"
        self._executor: Any = submitit.LocalExecutor if self._local else submitit.SlurmExecutor
        self._jobs, self._home = jobs, runs / FOLDER
        self._options = {name.replace("-", "_"): value for name, value in options.items()}
        if not self._local:
            _states()
        self._running: dict[Future[str], _Piece] = {}
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)
        self._looking.start()

    def has_room(self, needs: Needs) -> bool:  # noqa: ARG002 - SLURM looks after them
        """Whether fewer than `jobs` are submitted."""
        return self._jobs is None or len(self._running) < self._jobs

    def submit(self, work: Work, text: str, needs: Needs) -> Future[str]:
        """Submit it as a job. Raises EngineError when SLURM takes no such job."""
        piece = _Piece(work, text, needs, self._submitted(work, text, needs))
        future: Future[str] = Future()
        future.set_running_or_notify_cancel()
        self._running[future] = piece
        return future

    def _submitted(self, work: Work, text: str, needs: Needs) -> Any:
        folder = self._home / uuid.uuid4().hex
        # SLURM sends signals to the process that it has started itself: there is no shell in between.
        python = f"{'' if self._local else 'exec '}{shlex.quote(sys.executable)} -P"
        try:
            executor = self._executor(folder, python=python)
            executor.update_parameters(**({"timeout_min": _LOCAL_MINUTES} if self._local else self._asked(needs)))
            # submitit prints what sbatch says of a mistake; it is in the error, too.
            with contextlib.redirect_stderr(io.StringIO()):
                return executor.submit(_do, work, text)
        except (RuntimeError, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise EngineError(f"SLURM took no job: {_on_one_line(str(error))}") from error

    def _asked(self, needs: Needs) -> dict[str, Any]:
        """What a job is submitted with, as submitit names it."""
        asked: dict[str, Any] = {"job_name": "ntgbench", "cpus_per_task": needs.threads}
        if not any(name.startswith("mem_per_") for name in self._options):
            asked["mem"] = f"{math.ceil(1024 * (needs.memory_gib + OWN_GIB))}M"
        if needs.gpus:
            asked["gpus_per_node"] = needs.gpus
        # submitit's five minutes are too short, and its signal before a job's end would kill what has no handler.
        own = {"signal": "CONT@1", "requeue": True}
        return {**asked, "time": None, "wckey": None, "use_srun": False, "additional_parameters": own | self._options}

    def _look(self) -> None:
        asked = -math.inf
        while not self._ended.wait(_LOOK_EVERY):
            for future, piece in list(self._running.items()):
                if _has_result(piece.job):
                    self._take(future, piece)
            if self._running and time.monotonic() - asked >= _ASK_EVERY:
                pieces = list(self._running.items())
                with contextlib.suppress(EngineError):  # its controller may be away for a while
                    states = self._states_of([piece for _, piece in pieces])
                    for future, piece in pieces:
                        self._judge(future, piece, states.get(piece.job.job_id, _FORGOTTEN))
                asked = time.monotonic()

    def _states_of(self, pieces: list[_Piece]) -> dict[str, str]:
        if self._local:
            return {piece.job.job_id: "FAILED" if piece.job.done() else "RUNNING" for piece in pieces}
        return _states()

    def _judge(self, future: Future[str], piece: _Piece, state: str) -> None:
        """Take note that the job of a piece is in a state of SLURM."""
        if state == _FORGOTTEN:
            state = _accounted(piece.job.job_id)
        if _has_result(piece.job):
            self._take(future, piece)
        elif state in _AGAIN and piece.attempt < ATTEMPTS:
            self._try_again(future, piece)
        elif state in ("COMPLETED", _FORGOTTEN):
            piece.over = min(piece.over, time.monotonic())
            if time.monotonic() - piece.over > _LATE:
                self._fail(future, piece, state)
        elif state in _ENDED:
            self._fail(future, piece, f"{state}{_ADVICE.get(state, '')}")

    def _take(self, future: Future[str], piece: _Piece) -> None:
        try:
            told: str = piece.job.result()
        except Exception:  # its log holds what was raised, by whatever
            self._fail(future, piece, "its program failed, see the end of its log")
            return
        del self._running[future]
        shutil.rmtree(piece.job.paths.folder, ignore_errors=True)
        future.set_result(told)

    def _try_again(self, future: Future[str], piece: _Piece) -> None:
        shutil.rmtree(piece.job.paths.folder, ignore_errors=True)
        try:
            piece.job = self._submitted(piece.work, piece.text, piece.needs)
        except EngineError as error:
            del self._running[future]
            future.set_exception(error)
        piece.attempt, piece.over = piece.attempt + 1, math.inf

    def _fail(self, future: Future[str], piece: _Piece, why: str) -> None:
        """End a piece without a result; the logs of its job stay."""
        del self._running[future]
        log = piece.job.paths.stderr
        with contextlib.suppress(OSError):
            for path in log.parent.iterdir():
                if path.suffix not in (".err", ".out"):
                    path.unlink()
        future.set_exception(NtgbenchError(f"its job {piece.job.job_id} ended without a result: {why} (log: {log})"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._looking.join()
        jobs = [piece.job for piece in self._running.values()]
        if jobs and not self._local:
            with contextlib.suppress(EngineError):
                _answer("scancel", *(job.job_id for job in jobs))
        for job in jobs:
            if self._local:
                job.cancel()
                job.wait()
            shutil.rmtree(job.paths.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._home.rmdir()


def _do(work: Work, text: str) -> str:
    """Do it in the process of a job. When SLURM ends the job, there is no result: what SLURM says of it counts."""
    signal.signal(signal.SIGTERM, lambda *_: leave())
    told = work(text)
    if is_left() or _is_being_ended():
        sys.exit("ended by SLURM")
    return told


def _is_being_ended() -> bool:
    """Whether SLURM ends the job of this process.

    SLURM signals the processes of a job one after the other. The work may end because a process of it was signalled
    before this one, but the job has left the state RUNNING before SLURM signals any.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:  # submitit's own executor
        return False
    try:
        done = _called("squeue", f"--jobs={job}", "--states=all", "--noheader", "--format=%T")
    except EngineError:  # a node without the programs of SLURM's users, or no controller
        return False
    # It may be signalled itself.
    return done.returncode < 0 or done.stdout.strip() in _NOT_RUNNING


def _has_result(job: Any) -> bool:
    folder = job.paths.folder
    with contextlib.suppress(OSError):
        # A network file system then looks for new files.
        folder.chmod(folder.stat().st_mode)
    return os.path.exists(job.paths.result_pickle)


def _states() -> dict[str, str]:
    """The state of each of this user's jobs that SLURM has not forgotten yet. Raises EngineError."""
    said = _answer("squeue", "--me", "--states=all", "--noheader", "--format=%A %T")
    return dict(line.split(maxsplit=1) for line in said.splitlines())


def _accounted(job: str) -> str:
    """How a forgotten job ended by accounting, where there is one."""
    said: list[str] = []
    with contextlib.suppress(EngineError):
        said = _answer("sacct", "--allocations", "--noheader", "--parsable2", "--format=State", f"--jobs={job}").split()
    return said[0] if said and said[0] in _ENDED else _FORGOTTEN


def _answer(*command: str) -> str:
    """What a program of SLURM prints. Raises EngineError when it fails."""
    done = _called(*command)
    if done.returncode:
        raise EngineError(f"SLURM does not answer: {_on_one_line(done.stderr)}")
    return done.stdout


def _called(*command: str) -> subprocess.CompletedProcess[str]:
    """Call a program of SLURM. Raises EngineError when there is none, or it takes too long."""
    try:
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_ANSWERS_IN)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"SLURM does not answer: {error}") from error


def _on_one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())
