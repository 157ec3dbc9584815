"""Seeds derived from names, so that order, engine and number of processes change nothing."""

from __future__ import annotations

import hashlib

MOST_SEEDS = 10_000
"""Repetitions of a run: a plan holds a cell for each."""


def derive_seed(*names: str | int) -> int:
    """A seed in 0..2**32-1 that depends on every name and on their order, and on nothing else.

    The first four bytes, little-endian, of BLAKE2b over the names, each preceded by its length.
    """
    state = hashlib.blake2b(digest_size=4)
    for name in names:
        text = str(name).encode()
        state.update(len(text).to_bytes(4, "little"))
        state.update(text)
    return int.from_bytes(state.digest(), "little")
