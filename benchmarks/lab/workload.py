"""What a class of lab traffic is: a server that is started, and a client that talks to it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ntgbench.errors import NtgbenchError


class LabError(NtgbenchError):
    """The lab cannot be built, or a session failed: what was wrong, where, what to do."""


class Host(Protocol):
    """A namespace with one address, in which programs run."""

    address: str

    def start(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        log: str,
        env: dict[str, str] | None = None,
        user: str | None = None,
    ) -> subprocess.Popen[bytes]:
        """A program in the background, its output in `folder/log`; ended with the site, however that ends.

        `env` is added to the environment. With `user`, the program runs as that user and the folder is given to it;
        any user may listen on ports below 1024 here.
        """

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
        folder: an empty folder of its own, which is its HOME and where it starts.
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

    def run(
        self,
        command: Sequence[str],
        *,
        seconds: float = 10.0,
        stdin: str | None = None,
        env: dict[str, str] | None = None,
    ) -> int:
        """A client program to its end, and its exit status; killed after `seconds`, as at the deadline.

        Its output is added to `folder/output.log`. The status of a program that was killed is -9. `env` is added to the
        environment.
        """
        limit = max(min(seconds, self.deadline - time.monotonic()), 0.1)
        with (self.folder / "output.log").open("ab") as log, contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                command,
                input=None if stdin is None else stdin.encode(),
                stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=None if env is None else {**os.environ, **env},
                timeout=limit,
                check=False,
            ).returncode
        return -signal.SIGKILL

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline

    def think(self, mean: float) -> None:
        """What a user or a timer waits: exponentially distributed around `mean` seconds, never past the deadline."""
        time.sleep(max(min(self.rng.expovariate(1 / mean), 4 * mean, self.deadline - time.monotonic()), 0.0))


@dataclass(frozen=True)
class Workload:
    """A class of traffic.

    Attributes:
        name: the class.
        summary: what talks, for the datasheet.
        serve: starts the server and ends it again; yields when it listens.
        visit: makes a session's biflows, in a process of the client's namespace; what it raises fails the session.
        ports: the server's ports whose biflows carry the label (others in the session, such as look-ups, do not).
        biflows: about how many a session makes, smallest and largest; the lab asks for fewer where a class would have
            too few sessions otherwise.
        changed: what differs on day 2, for the datasheet.
        packages: Debian packages, and distributions of PyPI as `pypi:NAME`.
        modules: what the client imports, imported once before sessions are forked off: it must survive a fork.
        visitors: about how many sessions go to one server before it is set up anew, with other contents: few where
            starting it is cheap, so that a model cannot know the servers of the sessions it is tested on.
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
    modules: tuple[str, ...] = ()
    visitors: int = 6
    weight: float = 1.0
