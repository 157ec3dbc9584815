"""What a class of lab traffic is: a server that is started, and a client that talks to it."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Host(Protocol):
    """A namespace with one address, in which programs run."""

    address: str

    def start(
        self, command: Sequence[str], *, folder: Path, log: str, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A program in the background, its output in `folder/log`; ended with the site, however that ends."""

    def wait_for(self, port: int, *, udp: bool = False, seconds: float = 15.0) -> None:
        """Return when something listens on the port; raises LabError after `seconds`."""


@dataclass(frozen=True)
class Site:
    """Where a server runs.

    Attributes:
        host: its namespace.
        day: 1 or 2: the version of the settings.
        folder: an empty folder of its own, for configuration, data and logs.
        rng: for its contents; the same for the same seed of the lab.
    """

    host: Host
    day: int
    folder: Path
    rng: random.Random


@dataclass(frozen=True)
class Visit:
    """One session of a client: who it is, what it wants, and for how long.

    Attributes:
        server: address of the server.
        day: 1 or 2.
        session: the session's number, unique in a day.
        biflows: about how many biflows the session makes.
        folder: an empty folder of its own.
        rng: the session's own randomness: who its user is, what is asked for, how long it thinks.
        deadline: seconds of `time.monotonic` after which it stops by itself.
    """

    server: str
    day: int
    session: int
    biflows: int
    folder: Path
    rng: random.Random
    deadline: float

    def run(self, command: Sequence[str], *, seconds: float = 10.0, stdin: str | None = None) -> int:
        """A client program to its end, and its exit status; killed after `seconds`, as at the deadline."""
        raise NotImplementedError


@dataclass(frozen=True)
class Workload:
    """A class of traffic.

    Attributes:
        name: the class.
        summary: what talks, for the datasheet.
        serve: starts the server and ends it again; yields when it listens.
        visit: makes a session's biflows, in a process of the client's namespace; what it raises fails the session.
        ports: the server's ports whose biflows carry the label (others in the session, such as look-ups, do not).
        biflows: about how many a session makes, smallest and largest.
        changed: what differs on day 2, for the datasheet.
        packages: Debian packages, and distributions of PyPI as `pypi:NAME`.
        weight: how much of the lab's traffic is of this class; 1 is about 1,400 biflows over both days.
    """

    name: str
    summary: str
    serve: Callable[[Site], AbstractContextManager[None]]
    visit: Callable[[Visit], None]
    ports: tuple[int, ...]
    biflows: tuple[int, int]
    changed: str
    packages: tuple[str, ...]
    weight: float = 1.0
