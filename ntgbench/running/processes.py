"""Processes below a keeper: started, measured, and ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psutil

from ntgbench.running import keeper
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from ntgbench.protocol import Limits

MARK = "NTGBENCH_KEPT"
"""Environment variable by which the processes below one keeper are known."""

LOOK_EVERY = 0.5
"""Seconds between two looks at what processes use."""

IDLE_SHARE = 0.01
"""Part of one processor below which a process tree counts as idle."""

_LONGEST_STEP = 5.0
"""Seconds between two looks that count as idle at most: a suspended machine is not idle."""

_TELLS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()

_BUSY = (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)

_GRACE = 30.0
"""Seconds that a keeper has to end what it keeps."""


def working_elsewhere(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment for a process with another working directory: its import path has no relative folders."""
    found = dict(environment)
    if "PYTHONPATH" in found:
        found["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, found["PYTHONPATH"].split(os.pathsep)))
    return found


class Keeper(subprocess.Popen[bytes]):
    """The process of a keeper, whose status is that of its command.

    Attributes:
        lost: the end of what could not be written to the log, once all has ended.
    """

    lost = b""


@contextlib.contextmanager
def kept(
    command: Sequence[str], log: IO[bytes], folder: Path, environment: Mapping[str, str], holds: Sequence[int] = ()
) -> Iterator[Keeper]:
    """Run a command below a keeper. All that the command has started is ended with the block.

    Args:
        command: program, as an absolute path, and arguments.
        log: open for reading and appending; what the command prints goes there, at most `keeper.LOG_LIMIT` bytes of it.
        folder: working directory.
        environment: of the command.
        holds: file descriptors that stay open until the last of its processes has ended.
    """
    mark = uuid.uuid4().hex
    process = Keeper(
        [sys.executable, "-I", "-S", keeper.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.PIPE,
        env={**environment, MARK: mark},
        cwd=folder,
        start_new_session=True,
        pass_fds=holds,
    )
    try:
        yield process
    finally:
        try:
            # That closes its standard input.
            _, process.lost = process.communicate(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        if process.returncode != 0:
            _kill_marked(mark)


def _kill_marked(mark: str) -> None:
    """Kill what a killed keeper has left: processes with its mark in their environment."""
    while True:
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if one.status() != psutil.STATUS_ZOMBIE and one.environ().get(MARK) == mark:
                    found.append(one)
        for one in found:
            with contextlib.suppress(psutil.Error):
                one.kill()
        if not found:
            return
        psutil.wait_procs(found, timeout=1.0)


def _below(process: psutil.Process) -> list[psutil.Process]:
    """The processes that it has started, those that they have started, and so on.

    Linux says who the children of a process are, so that other processes of the machine cost nothing.
    https://man7.org/linux/man-pages/man5/proc_pid_task_tid_children.5.html
    """
    if not _TELLS_CHILDREN:
        return process.children(recursive=True)
    pids = [process.pid]
    for parent in pids:
        # Any of its threads may have started some. It may end meanwhile.
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                pids += map(int, (thread / "children").read_text(encoding="ascii").split())
    found = []
    for pid in pids[1:]:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return found


def last_line(log: IO[bytes], keeper: Keeper) -> str:
    """The last line that is not empty of what a command has printed that was `kept`; empty when it printed nothing."""
    log.seek(0)
    lines = (log.read() + keeper.lost).decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


class Usage:
    """What the processes below a keeper have used since this object was made.

    CPU time includes processes that have ended and that their parent has waited for, in steps of 10 ms a process. For a
    process whose parent does not wait for it (it ignores SIGCHLD), and on macOS, it is the time seen at the last look.

    Attributes:
        cpu_seconds: CPU time.
        memory_gib: resident memory at the last look.
        idle_seconds: for how long it has used less than `IDLE_SHARE` of a processor.
    """

    def __init__(self, keeper: Keeper, limits: Limits) -> None:
        self.cpu_seconds, self.memory_gib, self.idle_seconds = 0.0, 0.0, 0.0
        self._keeper, self._limits = keeper.pid, limits
        self._processes: list[psutil.Process] = []
        self._looked, self._idle_since = time.monotonic(), 0.0
        # Added to what is seen: minus what was used before this object was made, plus what ended uncounted since.
        self._gone, self._fewer = -self._look()[0], False

    def over(self) -> str | None:
        """The limit that is exceeded, as a sentence; None when none is. Looks again at most every `LOOK_EVERY`."""
        now = time.monotonic()
        step = now - self._looked
        if step < LOOK_EVERY:
            return None
        self._looked = now
        seen, self.memory_gib, busy = self._look()
        self._count(seen)
        limits = self._limits
        if self.cpu_seconds - self._idle_since >= IDLE_SHARE * 60.0 * limits.idle_minutes:
            self.idle_seconds, self._idle_since = 0.0, self.cpu_seconds
        elif not busy:
            self.idle_seconds += min(step, _LONGEST_STEP)
        if self.cpu_seconds > 60.0 * limits.cpu_minutes:
            return f"over the time limit of {pluralised(limits.cpu_minutes, 'CPU minute')}"
        if self.memory_gib > limits.memory_gib:
            return f"over the memory limit of {limits.memory_gib:g} GiB (used {self.memory_gib:.1f} GiB)"
        if self.idle_seconds > 60.0 * limits.idle_minutes:
            return f"it has used no CPU for {pluralised(limits.idle_minutes, 'minute')}: it seems to hang"
        return None

    def kill(self) -> None:
        """Kill the processes seen at the last look that still run, in case the keeper could not end all of them."""
        for process in self._processes:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _count(self, seen: float) -> None:
        if seen + self._gone >= self.cpu_seconds:
            self.cpu_seconds, self._fewer = seen + self._gone, False
        elif self._fewer:
            # A process has ended and its time is lost.
            self._gone = self.cpu_seconds - seen
        else:
            # Or it ended during the look: then the next look finds its time with its parent.
            self._fewer = True

    def _look(self) -> tuple[float, float, bool]:
        """CPU seconds, resident GiB, and whether any process could use a processor now, or reads a disk."""
        seconds, memory, busy = 0.0, 0, False
        with contextlib.suppress(psutil.Error):
            keeper = psutil.Process(self._keeper)
            # Parents come before their children: a child that ends in between is never counted twice.
            ended = keeper.cpu_times()
            seconds = ended.children_user + ended.children_system
            self._processes = _below(keeper)
            for process in self._processes:
                with contextlib.suppress(psutil.Error), process.oneshot():
                    times = process.cpu_times()
                    seconds += times.user + times.system + times.children_user + times.children_system
                    memory += process.memory_info().rss
                    # On a loaded machine a process may wait long for a processor.
                    busy |= sys.platform == "linux" and process.status() in _BUSY
        return seconds, memory / 2**30, busy
