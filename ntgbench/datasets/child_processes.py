"""Work in child processes: each takes one text and answers with another. `python -m` runs the child's side."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from ntgbench.errors import NtgbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Engine(Protocol):
    """Whatever runs work elsewhere. All that it runs ends with the block that it is entered for."""

    def __enter__(self) -> Engine: ...

    def __exit__(self, *error: object) -> None: ...

    def submit(self, work: Callable[[str], str], text: str, needs: Mapping[str, object]) -> Future[str]:
        """Have a module-level function called with `text`, where there is what it needs."""


class ChildError(NtgbenchError):
    """A child process ended without an answer; the text says how."""


class ChildProcesses:
    """An engine of this machine: at most `jobs` child processes at a time, which end with the block."""

    def __init__(self, jobs: int) -> None:
        self._threads = ThreadPoolExecutor(jobs)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def __enter__(self) -> ChildProcesses:
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()
        self._threads.shutdown(cancel_futures=True)

    def submit(self, work: Callable[[str], str], text: str, needs: Mapping[str, object]) -> Future[str]:
        """See `Engine`; `needs` are for engines of several machines. Raises ChildError from the future."""
        del needs
        return self._threads.submit(self._call, f"{work.__module__}:{work.__name__}", text)

    def _call(self, work: str, text: str) -> str:
        with tempfile.TemporaryFile("w+") as errors:
            with self._lock:
                if self._stopped:
                    raise ChildError("stopped before it began")
                # In a session of its own, so that Ctrl-C reaches the parent alone.
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", __name__, work],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    start_new_session=True,
                )
                self._running.add(process)
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(f"{text}\n")
                    process.stdin.flush()
                answer = process.stdout.read()
                status = process.wait()
            finally:
                with self._lock:
                    self._running.discard(process)
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
                process.stdout.close()
            if status == 0:
                return answer
            errors.seek(0)
            lines = [line.strip() for line in errors if line.strip()]
            raise ChildError(_how(status, lines[-1] if lines else ""))


def _how(status: int, last_line: str) -> str:
    """How a process has ended, by its exit status."""
    if status == -signal.SIGKILL:
        return "its process was killed, as the system does when memory runs out"
    if status < 0:
        return f"its process was ended by {signal.Signals(-status).name}"
    return f"its process ended with status {status}" + (f": {last_line}" if last_line else "")


def main() -> None:
    """The child's side: the work is an argument, its text is a line, and the end of standard input ends it."""
    module, _, name = sys.argv[1].partition(":")
    text = sys.stdin.readline()

    def end_with_parent() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.stdout.write(getattr(importlib.import_module(module), name)(text))
    sys.stdout.flush()
    # The thread holds standard input, which Python would wait for.
    os._exit(0)


if __name__ == "__main__":
    main()
