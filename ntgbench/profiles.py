"""Profiles: what traffic looks like, as counts that a row can hold.

A row has up to 61 groups of some hundred counts, twice, and a page has hundreds of rows. As JSON numbers they would be
most of both, so they are packed as text, without loss and a fourth as long; `traffic.js` reads the same text.
"""

from __future__ import annotations

from functools import lru_cache
from string import ascii_letters, digits
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Numbers = npt.NDArray[np.int64]

BASE = 43

ALPHABET = digits + ascii_letters + "!#$%()*+,-./:;=?@[]^_{|}"
"""2 x `BASE` characters that mean nothing in JSON strings and in HTML."""

_PLACES = {ord(letter): chr(place) for place, letter in enumerate(ALPHABET)}

MOST = 10**18
"""A larger number that is read is taken for this one: rows come from anywhere."""

MOST_CLASSES = 60
"""Classes of a profile: the largest ones."""

EDGES: tuple[int, ...] = (1, *(edge for power in range(1, 44) for edge in (1 << power, 3 << power - 1)))
"""Lower edges of the bins 1, 2, … of `log_counts`, two an octave: 1, 2, 3, 4, 6, 8, 12, … Bin 0 holds zeros."""


def packed(counts: Iterable[int]) -> str:
    """Counts as text: digits in base 43, the highest first, each but the last of a number with 43 added.

    After a 0 stands how many zeros more there are; zeros at the end are left out.
    """
    parts, zeros = [], 0
    for count in counts:
        if count == 0:
            zeros += 1
            continue
        if zeros:
            parts.append(_digits(0) + _digits(zeros - 1))
            zeros = 0
        parts.append(_digits(count))
    return "".join(parts)


def unpacked(text: str, number: int) -> list[int]:
    """The first `number` counts of such a text, with zeros where it has fewer."""
    counts: list[int] = []
    value, after_zero = 0, False
    for place in text.translate(_PLACES).encode("latin-1", "replace"):
        value = value * BASE + place % BASE
        if place >= BASE:
            value = min(value, MOST)
            continue
        if after_zero:
            counts += [0] * min(value, number)
            after_zero = False
        else:
            counts.append(value)
            after_zero = value == 0
        value = 0
    return (counts + [0] * number)[:number]


def packed_sequences(rows: Iterable[Sequence[int]]) -> str:
    """Sequences of signed numbers other than 0 as text: 2 n for n > 0, -2 n - 1 for n < 0, 0 between sequences."""
    flat = [2 * one if one >= 0 else -2 * one - 1 for row in rows for one in (*row, 0)]
    return packed(flat)


def sequences_in(text: str, longest: int, most: int) -> list[list[int]]:
    """At most so many sequences of such a text, with at most so many numbers each."""
    rows: list[list[int]] = [[]]
    for code in unpacked(text, 1_000):
        if code:
            rows[-1].append(code // 2 if code % 2 == 0 else -(code + 1) // 2)
        else:
            rows.append([])
    return [row[:longest] for row in rows if row][:most]


@lru_cache(4096)
def _digits(number: int) -> str:
    text = ALPHABET[number % BASE]
    while number := number // BASE:
        text = ALPHABET[BASE + number % BASE] + text
    return text


def log_counts(values: npt.NDArray[np.number]) -> Numbers:
    """How many of `values`, which are not negative, lie in each of the 1 + len(EDGES) bins, int64."""
    return np.bincount(np.searchsorted(EDGES, values, side="right"), minlength=len(EDGES) + 1)


def largest(names: Sequence[str], counts: Numbers) -> list[int]:
    """Where the `MOST_CLASSES` classes of the largest counts are in `names`, in the order of their names."""
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda at: (-counts[at], names[at]))
    return sorted(order[:MOST_CLASSES], key=lambda at: names[at])
