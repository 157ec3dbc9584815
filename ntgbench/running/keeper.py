"""Keeps the processes of one cell together: `python -I -S keeper.py COMMAND`, a small process above each worker.

It runs COMMAND in a session of its own, and ends as COMMAND ended: with its status, or by the same signal. Before that
it kills every process that COMMAND has left behind. Its standard input is a pipe from the run. When the run closes it,
or has itself died, COMMAND and all processes that it has started are killed. Its standard output is the log, open for
reading and appending; the end of what could not be written there goes to standard error.

On Linux nothing escapes: the keeper is a subreaper, so a process whose parent has ended becomes its child, whatever
session or environment it has made for itself; and the kernel kills COMMAND when the keeper dies.
https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
Elsewhere the keeper ends the process group of COMMAND, and the run kills what it has last seen of the rest.

It imports little: a run starts one for each cell.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
from typing import NoReturn

LOG_LIMIT = 2**20
"""Most bytes of a log. When there are more, the first and the last quarter of them are kept."""

LEFT_OUT = b"\n[... the middle of this log is left out: it was longer than 1 MiB ...]\n"

_KEPT = LOG_LIMIT // 4
_CHUNK = 2**16
# Fits into a pipe that is not being read.
_LOST = 2**11
_STDIN, _STDOUT, _STDERR = 0, 1, 2

# Numbers of <linux/prctl.h>.
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36


def main(command: list[str]) -> NoReturn:
    """Run the command to its end."""
    adopt_orphans()
    # A byte comes through this pipe whenever a child has ended.
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    output, written = os.pipe()
    log = Log(_STDOUT)
    worker = _start(command, written)
    os.close(written)
    status = _attend(worker, output, wake, log)
    status = _kill_all(worker, status)
    os.set_blocking(output, False)
    with contextlib.suppress(BlockingIOError):
        while data := os.read(output, _CHUNK):
            log.append(data)
    os.write(_STDERR, log.lost)
    _end_as(os.waitstatus_to_exitcode(status))


def adopt_orphans() -> None:
    """Have processes below this one become its children when their parents end, on Linux."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


class Log:
    """An open file that never has more than `LOG_LIMIT` bytes.

    Attributes:
        lost: the end of what could not be written, for example on a full disk; printing then does not fail.
    """

    lost = b""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def append(self, data: bytes) -> None:
        """Write `data` to the end of the file, and leave out its middle when it is too long then."""
        try:
            written = os.write(self._handle, data)
            size = os.fstat(self._handle).st_size
            if size > LOG_LIMIT:
                tail = os.pread(self._handle, _KEPT, size - _KEPT)
                os.ftruncate(self._handle, _KEPT)
                os.write(self._handle, LEFT_OUT + tail)
        except OSError:
            written = 0
        self.lost = (self.lost + data[written:])[-_LOST:]


def _start(command: list[str], output: int) -> int:
    """Start the command and return its process id."""
    keeper = os.getpid()
    worker = os.fork()
    if worker:
        return worker
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The keeper may have died before the kernel was told.
        if os.getppid() == keeper:
            os.dup2(os.open(os.devnull, os.O_RDONLY), _STDIN)
            os.dup2(output, _STDOUT)
            os.dup2(output, _STDERR)
            os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(_STDERR, f"cannot start {command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _attend(worker: int, output: int, wake: int, log: Log) -> int | None:
    """Copy what the worker prints until it ends; its wait status, or None when the run has closed standard input."""
    sources = [_STDIN, wake, output]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if output in ready:
            data = os.read(output, _CHUNK)
            log.append(data)
            if not data:
                sources.remove(output)
        if _STDIN in ready:
            return None
        if wake in ready:
            os.read(wake, _CHUNK)
            status, _ = _reap(worker)
            if status is not None:
                return status


def _reap(worker: int) -> tuple[int | None, bool]:
    """Take note of the children that have ended: the worker's wait status if it is one, and whether any child is left.

    Their CPU time counts as that of this process's ended children from now on.
    """
    status = None
    try:
        while True:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return status, True
            if pid == worker:
                status = ended
    except ChildProcessError:
        return status, False


def _kill_all(worker: int, status: int | None) -> int:
    """Kill the worker and all that it has started; the worker's wait status."""
    if status is None or sys.platform != "linux":
        # The group may be there when its first process has ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(worker, signal.SIGKILL)
    while True:
        found, left = _reap(worker)
        status = found if status is None else status
        if not left:
            return status or 0
        # When these have ended, their children become children of this process and are killed next.
        for pid in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _children() -> list[int]:
    """Processes whose parent is this one, on Linux.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    own, found = str(os.getpid()).encode(), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            # The parent comes after the name, which may hold anything, and the state.
            if file.read().rpartition(b")")[2].split()[1] == own:
                found.append(int(name))
    return found


def _end_as(code: int) -> NoReturn:
    """End as the command did: with status `code`, or by signal -`code`, but without a core dump of this process."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _prctl(_PR_SET_DUMPABLE, 0)
        signal.set_wakeup_fd(-1)
        with contextlib.suppress(OSError, ValueError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0)))


if __name__ == "__main__":
    main(sys.argv[1:])
