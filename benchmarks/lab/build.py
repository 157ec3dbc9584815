"""A build: slots work through the jobs side by side, each capturing what its sessions send."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.lab.capture import LATE, Tcpdump
from benchmarks.lab.client import Client, Task
from benchmarks.lab.hosts import SERVER, Slot, remove_leftovers
from benchmarks.lab.plan import Job, Session
from benchmarks.lab.workload import LabError, Site

TOLERATED = 0.1
"""Share of a class's sessions that may fail."""

_ATTEMPTS = 2
"""Times that a server is started before its sessions have failed: on a busy machine one may be too slow at first."""


@dataclass
class Outcome:
    """What a build did.

    Attributes:
        captures: one for each slot.
        made: sessions that came to their end.
        failures: why sessions failed, by session.
        dropped: packets that the kernel did not hand over to tcpdump.
        netem: whether delay, jitter and loss were applied.
        seconds: how long sessions and servers of each class took, summed over slots.
    """

    captures: list[Path] = field(default_factory=list)
    made: list[Session] = field(default_factory=list)
    failures: dict[Session, str] = field(default_factory=dict)
    dropped: int = 0
    netem: bool = False
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


def build(
    jobs: Sequence[Job], name: str, slots: int, folder: Path, report: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Do all jobs in `slots` slots called after `name`, in `folder`; all that is started is ended, however this ends.

    Raises:
        LabError: a slot cannot be made, or too many sessions of a class fail.
    """
    work = _Work(jobs, report)
    made: list[tuple[Slot, Tcpdump]] = []
    failed = True
    pool = ThreadPoolExecutor(slots)
    try:
        threads: list[Future[None]] = []
        for number in range(min(slots, len(jobs))):
            slot = Slot.make(name, number)
            work.slots.append(slot)
            home = folder / slot.client.name
            home.mkdir()
            made.append((slot, Tcpdump(slot.client, folder / f"{slot.client.name}.pcap")))
            threads.append(pool.submit(work.run, slot, home))
        wait(threads, return_when=FIRST_EXCEPTION)
        for thread in threads:
            if thread.done():
                thread.result()
        failed = False
        time.sleep(LATE)
        work.outcome.dropped = sum(capture.end() for _, capture in made)
        work.outcome.captures = [capture.path for _, capture in made]
        work.outcome.netem = all(slot.netem for slot, _ in made)
        return work.outcome
    finally:
        work.stop.set()
        if failed:  # what the threads wait for is ended under them
            _remove(work.slots)
        pool.shutdown()
        _remove(work.slots)
        remove_leftovers(name)  # of a slot that was not made to its end


def _remove(slots: Sequence[Slot]) -> None:
    for slot in slots:
        slot.remove()


def count_silent(outcome: Outcome, codes: Collection[int]) -> None:
    """Sessions that came to their end without a biflow, `codes` being those that have one, have failed too.

    Raises:
        LabError: too many sessions of a class have.
    """
    for session in [session for session in outcome.made if session.code not in codes]:
        outcome.made.remove(session)
        outcome.failures[session] = "no biflow of its class"
    planned = Counter(session.workload for session in (*outcome.made, *outcome.failures))
    for name, count in planned.items():
        _judge(outcome, name, count)


def _judge(outcome: Outcome, name: str, planned: int) -> None:
    """Raise LabError when too many of the planned sessions of a class have failed."""
    reasons = Counter(why for session, why in outcome.failures.items() if session.workload == name)
    if reasons.total() > TOLERATED * planned:
        told = "; ".join(f"{count} x {why}" for why, count in reasons.most_common(3))
        raise LabError(f"{reasons.total()} of {planned} sessions of {name} failed: {told}")


class _Work:
    """The jobs that are left, and what became of the others."""

    def __init__(self, jobs: Sequence[Job], report: Callable[[str], None]) -> None:
        self.outcome = Outcome()
        self.slots: list[Slot] = []
        self.stop = threading.Event()
        self._left = list(jobs)
        self._planned = Counter(session.workload for job in jobs for session in job.sessions)
        self._count = len(jobs)
        self._report = report
        self._lock = threading.Lock()

    def run(self, slot: Slot, home: Path) -> None:
        """Do jobs in a slot until none is left."""
        client = Client(slot.client, home)
        try:
            while (job := self._next()) is not None:
                began = time.monotonic()
                folder = home / "job"
                folder.mkdir()
                try:
                    self._do(job, slot, client, folder)
                finally:
                    slot.server.end()
                with self._lock:
                    self.outcome.seconds[job.workload.name] += time.monotonic() - began
                shutil.rmtree(folder, ignore_errors=True)
                with self._lock:
                    _judge(self.outcome, job.workload.name, self._planned[job.workload.name])
        finally:
            client.end()

    def _next(self) -> Job | None:
        with self._lock:
            if self.stop.is_set() or not self._left:
                return None
            job = self._left.pop()
            number = self._count - len(self._left)
        self._report(f"{number}/{self._count}: day {job.day}, {job.workload.name}, {len(job.sessions)} sessions")
        return job

    def _do(self, job: Job, slot: Slot, client: Client, folder: Path) -> None:
        left = list(job.sessions)
        why = ""
        for attempt in range(_ATTEMPTS):
            try:
                data = folder / f"server-{attempt}"
                data.mkdir()
                with job.workload.serve(Site(slot.server, job.day, data, random.Random(job.seed))):
                    while left and not self.stop.is_set():
                        self._settle(left[0], self._visit(left[0], slot, client, folder))
                        left.pop(0)
                return
            except Exception as error:  # whatever a workload's server raises when it is started or ended
                why = f"server: {type(error).__name__}: {error}"
                slot.server.end()
        for session in left:
            self._settle(session, why)

    @staticmethod
    def _visit(session: Session, slot: Slot, client: Client, folder: Path) -> str | None:
        """None, or why the session failed."""
        slot.connect(session.address, session.line)
        task = Task(
            workload=session.workload,
            server=SERVER,
            day=session.day,
            session=session.number,
            biflows=session.biflows,
            folder=str(folder / f"session-{session.number}"),
            seed=session.seed,
        )
        return client.visit(task)

    def _settle(self, session: Session, error: str | None) -> None:
        if self.stop.is_set():
            return
        with self._lock:
            if error is None:
                self.outcome.made.append(session)
            else:
                self.outcome.failures[session] = error
        if error is not None:
            self._report(f"session {session.number} of day {session.day}, {session.workload}, failed: {error}")
