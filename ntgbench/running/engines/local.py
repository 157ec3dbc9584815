"""The local engine: threads of this process, each of which watches over child processes."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ntgbench.machine import usable_cores, usable_memory
from ntgbench.running.leases import visible_gpus

if TYPE_CHECKING:
    from ntgbench.running.engines import Needs, Work

_MOST = 256
"""Pieces of work at a time that threads are made for."""


class LocalEngine:
    """This machine. Work waits until its threads and memory are free, but what is too large for the machine runs alone.

    Args:
        jobs: pieces of work at a time, whatever their threads; None: as many as there are processors for.
    """

    name = "local"

    def __init__(self, jobs: int | None) -> None:
        self._jobs = jobs
        self._threads = usable_cores()
        self._memory = usable_memory() / 2**30
        self._running: dict[Future[str], Needs] = {}
        self._pool = ThreadPoolExecutor(jobs or _MOST, "ntgbench")

    def has_room(self, needs: Needs) -> bool:
        """Whether there is a job, or processors, and memory for it."""
        running = [known for future, known in self._running.items() if not future.done()]
        if not running:
            return True
        wanted = [*running, needs]
        if needs.gpus and sum(one.gpus for one in wanted) > len(visible_gpus()):
            return False
        if self._jobs is not None:
            return len(running) < self._jobs
        fits = sum(one.threads for one in wanted) <= self._threads and len(wanted) <= _MOST
        return fits and sum(one.memory_gib for one in wanted) <= self._memory

    def submit(self, work: Work, text: str, needs: Needs) -> Future[str]:
        """Do it in a thread."""
        self._running = {future: known for future, known in self._running.items() if not future.done()}
        future = self._pool.submit(work, text)
        self._running[future] = needs
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
