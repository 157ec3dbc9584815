"""Counts of keys in real and in synthetic traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.errors import TrafficError

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows

Integers = npt.NDArray[np.int64]


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


def tally(real: Integers, synthetic: Integers, keys: int) -> Tally:
    """Count the keys, int64 in 0..keys-1, of both sides.

    A few possible keys are counted in an array with one entry for each, many by sorting both sides together.
    """
    if keys <= len(real) + len(synthetic):
        on_real, on_synthetic = np.bincount(real, minlength=keys), np.bincount(synthetic, minlength=keys)
        key = np.flatnonzero(on_real + on_synthetic)
        return Tally(key, on_real[key], on_synthetic[key])
    # The lowest bit tells the side. Sorting 32-bit keys, where they are wide enough, takes half the time.
    kind = np.uint32 if 2 * keys <= 2**32 else np.int64
    both: npt.NDArray[Any] = np.concatenate([2 * real, 2 * synthetic + 1]).astype(kind)
    both.sort()
    key = both >> 1
    last = np.flatnonzero(np.append(key[1:] != key[:-1], True))[: len(key)]  # none where there is no key
    occurrences = np.diff(last, prepend=-1)
    on_synthetic = np.diff(np.cumsum(both & 1, dtype=np.int64)[last], prepend=0)
    return Tally(key[last].astype(np.int64), occurrences - on_synthetic, on_synthetic)


def require_comparable(real: Biflows, synthetic: Biflows) -> None:
    """Raise TrafficError unless both sides have biflows, of the same classes, packets and pl_max."""
    if not len(real) or not len(synthetic):
        raise TrafficError("fidelity compares at least one real biflow with at least one synthetic biflow")

    if (real.classes, real.packets, real.pl_max) != (synthetic.classes, synthetic.packets, synthetic.pl_max):
        raise TrafficError("fidelity needs the same classes, packets and pl_max on both sides")
