"""Signed payload lengths as symbols: in bins, or as they are.

Both functions return an int64 array that is indexed by a signed payload length, a negative one from its end. Its entry
0 is the symbol of absence, which no length has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ntgbench_fidelity.counts import Integers

BINS = 10
"""Bins of each direction."""

BINNED = 2 * BINS + 1
"""Symbols with bins: the bins 0..19, and absence."""


def binned_symbols(pl_max: int) -> Integers:
    """The bin of each signed payload length, 0..19 from -pl_max to pl_max; 20 for absence."""
    length = _lengths(pl_max)
    of_direction = (np.abs(length) - 1) * BINS // pl_max
    return np.where(length > 0, BINS + of_direction, np.where(length < 0, BINS - 1 - of_direction, 2 * BINS))


def raw_symbols(pl_max: int) -> Integers:
    """The signed payload length plus pl_max, 0..2 pl_max."""
    return _lengths(pl_max) + pl_max


def _lengths(pl_max: int) -> Integers:
    return np.concatenate([np.arange(pl_max + 1), np.arange(-pl_max, 0)])
