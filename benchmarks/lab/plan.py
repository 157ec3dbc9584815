"""What is to be done: the sessions of each class and day, their addresses, and the servers they go to."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.lab.hosts import Line
from benchmarks.lab.workload import LabError, Workload
from ntgbench.seeds import derive_seed

BIFLOWS = 700
"""Biflows of a class of weight 1 on one day."""

SESSIONS = 24
"""Fewest sessions of a class on one day."""

NUMBERS = 10_000
"""Session numbers of a day are below this."""

_NETWORK = 10 << 24


@dataclass(frozen=True)
class Session:
    """One session: see `benchmarks.lab.workload.Visit`; `seed` is its own, `line` its access line."""

    workload: str
    day: int
    number: int
    biflows: int
    seed: int
    line: Line

    @property
    def address(self) -> str:
        """The client's address, which no other session has: 10.DAY.HIGH.LOW."""
        return f"10.{self.day}.{self.number >> 8}.{self.number & 255}"

    @property
    def code(self) -> int:
        """A number that no other session of either day has: DAY * 10000 + number."""
        return self.day * NUMBERS + self.number


@dataclass(frozen=True)
class Job:
    """A server of a class on a day, seeded, and the sessions that go to it."""

    workload: Workload
    day: int
    seed: int
    sessions: tuple[Session, ...]


def code_of_address(address: int) -> int:
    """The session code of an IPv4 address as an integer; -1 when it is no client's."""
    day, number = (address - _NETWORK) >> 16, address & 0xFFFF
    return day * NUMBERS + number if 0 < day < 255 and 0 < number < NUMBERS else -1


def plan(workloads: Iterable[Workload], days: Sequence[int], seed: int, scale: float) -> list[Job]:
    """The jobs of a lab, in an order drawn from the seed.

    Args:
        workloads: the classes.
        days: of 1 and 2.
        seed: of everything random.
        scale: how large the lab is; at 1 a class of weight 1 has about 1,400 biflows over both days.

    Raises:
        LabError: there are more sessions than addresses.
    """
    jobs: list[Job] = []
    for day in days:
        first = 1
        for workload in workloads:
            sessions = _sessions(workload, day, first, seed, scale)
            first += len(sessions)
            sites = max(round(len(sessions) / workload.visitors), 1)
            jobs += [
                Job(workload, day, derive_seed(seed, "site", day, workload.name, site), sessions[site::sites])
                for site in range(sites)
            ]
        if first > NUMBERS:
            raise LabError(f"{first - 1:,} sessions on a day are more than {NUMBERS - 1:,}; use a smaller scale")
    random.Random(derive_seed(seed, "order")).shuffle(jobs)
    return jobs


def _sessions(workload: Workload, day: int, first: int, seed: int, scale: float) -> tuple[Session, ...]:
    wanted = BIFLOWS * workload.weight * scale
    smallest, largest = workload.biflows
    usual = (smallest + largest) / 2
    count = max(round(wanted / usual), min(SESSIONS, max(math.ceil(SESSIONS * scale), 2)))
    sessions = []
    for index in range(count):
        own = derive_seed(seed, "session", day, workload.name, index)
        rng = random.Random(derive_seed(own, "size and line"))
        biflows = max(round(rng.uniform(smallest, largest) * wanted / (usual * count)), 1)
        sessions.append(Session(workload.name, day, first + index, biflows, own, _line(rng)))
    return tuple(sessions)


def _line(rng: random.Random) -> Line:
    delay = 10 ** rng.uniform(0.3, 1.8)
    return Line(
        rate=10 ** rng.uniform(math.log10(6), math.log10(200)),
        mtu=rng.choices((1500, 1492, 1460, 1420, 1400), (60, 14, 8, 10, 8))[0],
        delay=delay,
        jitter=delay * rng.uniform(0.0, 0.3),
        loss=rng.choice((0.0, 0.0, 0.001, 0.005, 0.01)),
    )
