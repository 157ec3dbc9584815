"""Users: who has an account on the lab's servers, and how a session's work is spread over its time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from benchmarks.lab.contents import text, token, word
from benchmarks.lab.workload import LabError, Visit


@dataclass(frozen=True)
class Account:
    """Somebody a server lets in."""

    name: str
    password: str

    @property
    def mail(self) -> str:
        """The account's address."""
        return f"{self.name}@lab.test"


@cache
def accounts() -> tuple[Account, ...]:
    """Everybody with an account: the same on every server, on both days and in every build."""
    rng = random.Random("accounts")
    names = sorted({f"{word(rng)}{rng.choice(('', word(rng)))}" for _ in range(60)} - {"in", "al", "con", "de", "ex"})
    return tuple(Account(name, token(rng, rng.randint(8, 24))) for name in names)


def lines(rng: random.Random, length: int) -> str:
    """About `length` characters of words, in lines of a width."""
    words, width = text(rng, length), rng.randint(50, 76)
    return "\n".join(words[start : start + width].strip() for start in range(0, len(words), width)) + "\n"


def each(
    visit: Visit, work: Callable[[random.Random], object], *, think: float = 0.03, at_once: int = 1, share: float = 1.0
) -> None:
    """A session's biflows: `work` is done `visit.biflows * share` times, with pauses, until the deadline.

    Args:
        visit: the session.
        work: makes one biflow, or 1 / share of them, with randomness of its own, so that `at_once` changes none of it.
        think: seconds of the mean pause before each.
        at_once: how many are done at the same time.
        share: pieces of work for one biflow.

    Raises:
        LabError: more than a fifth of the work failed; names the last reason.
    """
    rngs = [random.Random(visit.rng.getrandbits(64)) for _ in range(max(1, round(visit.biflows * share)))]

    def one(rng: random.Random) -> Exception | None:
        pause = min(rng.expovariate(1 / think), 4 * think)
        if time.monotonic() + pause > visit.deadline:
            return None
        time.sleep(pause)
        try:
            work(rng)
        except Exception as error:  # whatever a client program or library raises
            return error
        return None

    with ThreadPoolExecutor(at_once) as pool:
        failed = [error for error in pool.map(one, rngs) if error is not None]
    if len(failed) > len(rngs) / 5:
        raise LabError(f"{len(failed)} of {len(rngs)} pieces of work failed, the last with {failed[-1]!r}")


def succeed(visit: Visit, command: Sequence[str], stdin: str | None = None, *, allowed: tuple[int, ...] = ()) -> None:
    """A client program to its end.

    Raises:
        LabError: it ended with a status that is neither 0 nor allowed.
    """
    status = visit.run(command, stdin=stdin)
    if status and status not in allowed:
        words = (visit.folder / "output.log").read_text(errors="replace").strip().splitlines()[-2:]
        raise LabError(f"{command[0]} ended with status {status}: {' | '.join(words)}")
