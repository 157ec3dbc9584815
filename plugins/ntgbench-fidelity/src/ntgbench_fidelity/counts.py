"""Counts of integer keys that are merged by addition: any partition of the traffic gives the same counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ntgbench.traffic.biflows import Biflows

CHUNK = 2**17 * 10
"""Packets that are counted at a time: 131,072 biflows of ten packets."""

ALL = slice(None)

Integers = npt.NDArray[np.int64]
Keys = npt.NDArray[np.integer[Any]]


class Mergeable(Protocol):
    """Counts of some biflows; `len` is how many distinct things they hold."""

    def __len__(self) -> int: ...

    def merged(self: M, others: Sequence[M]) -> M:
        """These counts and others of the same form, added."""


M = TypeVar("M", bound=Mergeable)


def counted(counts_of: Callable[[Biflows, slice], M], biflows: Biflows, chunk: int | None = None) -> M:
    """The counts of all biflows, made by chunks of so many biflows, which are those of `CHUNK` packets by default.

    Chunks are merged when they hold together as much as what is merged already. So the work for a biflow does not grow
    with their number, and memory is in proportion to the counts.
    """
    chunk = chunk or max(1, CHUNK // biflows.packets)
    total = counts_of(biflows, slice(0, chunk))
    waiting: list[M] = []
    for begin in range(chunk, len(biflows), chunk):
        waiting.append(counts_of(biflows, slice(begin, begin + chunk)))
        if sum(map(len, waiting)) >= len(total):
            total, waiting = total.merged(waiting), []
    return total.merged(waiting) if waiting else total


@dataclass(frozen=True)
class Form:
    """What two sides must have in common to be compared."""

    classes: tuple[str, ...]
    packets: int
    pl_max: int

    @staticmethod
    def of(biflows: Biflows) -> Form:
        """The form of biflows."""
        return Form(biflows.classes, biflows.packets, biflows.pl_max)


def require_same_form(forms: Sequence[Form]) -> None:
    """Raise TrafficError unless all are the same."""
    if any(form != forms[0] for form in forms):
        raise TrafficError("fidelity needs the same classes, packets and pl_max on both sides")


def require_biflows(*sides: Integers) -> None:
    """Raise TrafficError unless each side has biflows, given how many it has of each class."""
    if not all(counts.sum() for counts in sides):
        raise TrafficError("fidelity compares at least one real biflow with at least one synthetic biflow")


@dataclass(frozen=True, eq=False)
class Counts:
    """How often keys occur.

    Attributes:
        key: integers (K,). Distinct keys, ascending.
        times: int64 (K,). How often each occurs, at least once.
    """

    key: Keys
    times: Integers

    def __len__(self) -> int:
        return len(self.key)

    @staticmethod
    def of(keys: Keys, size: int) -> Counts:
        """Count keys in 0..size-1; a few possible keys in an array with one entry for each, many by sorting."""
        if size <= len(keys):
            times = np.bincount(keys, minlength=size)
            key = np.flatnonzero(times)
            return Counts(key.astype(key_type(size)), times[key])
        ordered = np.sort(keys.astype(key_type(size), copy=False))
        begins = np.flatnonzero(run_starts(ordered))
        return Counts(ordered[begins], np.diff(begins, append=len(ordered)))

    @staticmethod
    def added(key: Keys, times: Integers) -> Counts:
        """Counts of keys that may repeat, in any order: those of equal keys are added."""
        bits = int(times.max(initial=0)).bit_length()
        if int(key.max(initial=0)).bit_length() + bits < 64:
            # Sorting both as one number is faster than finding an order and following it.
            both = key.astype(np.int64) << bits | times
            both.sort()
            ordered, times = both >> bits, both & ((1 << bits) - 1)
        else:
            order = np.argsort(key)
            ordered, times = key[order].astype(np.int64), times[order]
        begins = np.flatnonzero(run_starts(ordered))
        return Counts(ordered[begins].astype(key.dtype), np.add.reduceat(times, begins) if len(times) else times)

    def merged(self, others: Sequence[Counts]) -> Counts:
        """These counts and others, added."""
        parts = (self, *others)
        return Counts.added(
            np.concatenate([part.key for part in parts]), np.concatenate([part.times for part in parts])
        )

    def __add__(self, other: Counts) -> Counts:
        return self.merged([other])


@dataclass(frozen=True)
class Tally:
    """The keys that occur on at least one side, and how often.

    Attributes:
        key: int64 (K,). Distinct keys, ascending.
        real, synthetic: int64 (K,). Number of occurrences on each side.
    """

    key: Integers
    real: Integers
    synthetic: Integers


def tally(real: Counts, synthetic: Counts) -> Tally:
    """The counts of both sides side by side."""
    largest = max(int(side.key[-1]) if len(side) else 0 for side in (real, synthetic))
    kind = key_type(2 * largest + 2)
    # The lowest bit tells the side.
    both = np.concatenate([real.key.astype(kind) << 1, synthetic.key.astype(kind) << 1 | 1])
    both.sort()
    key = both >> 1
    new = run_starts(key)
    place = np.cumsum(new) - 1
    is_synthetic = (both & 1).astype(bool)
    on_real, on_synthetic = np.zeros((2, int(np.count_nonzero(new))), np.int64)
    on_real[place[~is_synthetic]] = real.times
    on_synthetic[place[is_synthetic]] = synthetic.times
    return Tally(key[new].astype(np.int64), on_real, on_synthetic)


def run_starts(ordered: Keys) -> npt.NDArray[np.bool_]:
    """Which values differ from the one before, the first does, bool (N,)."""
    new = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return new


def key_type(size: int) -> type[np.integer[Any]]:
    """The integers that hold 0..size-1: sorting those of 32 bits takes half the time."""
    return np.uint32 if size <= 2**32 else np.int64
