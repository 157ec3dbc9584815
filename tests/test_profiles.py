"""Counts as text, and bins."""

import json
from html import escape

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.profiles import (
    ALPHABET,
    BASE,
    EDGES,
    MOST,
    MOST_CLASSES,
    largest,
    log_counts,
    packed,
    packed_sequences,
    sequences_in,
    unpacked,
)

COUNTS = st.lists(st.integers(0, 3) | st.integers(0, 10**15), max_size=60)
SIGNED = st.integers(-40_000, 40_000).filter(bool)


@given(COUNTS, st.integers(0, 5))
def test_counts_survive_packing(counts: list[int], more: int) -> None:
    text = packed(counts)
    assert unpacked(text, len(counts)) == counts
    assert unpacked(text, len(counts) + more) == counts + [0] * more
    assert unpacked(text, len(counts) // 2) == counts[: len(counts) // 2]
    assert packed([*counts, 0, 0]) == text


def test_packed_text_is_what_the_docstring_says() -> None:
    assert packed([0, 0, 5, BASE, 0, 0, 0]) == f"01 5 {ALPHABET[BASE + 1]}0".replace(" ", "")
    assert packed([]) == packed([0, 0]) == ""


def test_the_alphabet_needs_no_escape() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET) == 2 * BASE
    assert json.dumps(ALPHABET) == f'"{ALPHABET}"'
    assert escape(ALPHABET) == ALPHABET


@given(st.text(alphabet=ALPHABET + " é", max_size=40), st.integers(0, 50))
def test_any_text_gives_as_many_counts_as_wanted(text: str, number: int) -> None:
    counts = unpacked(text, number)
    assert len(counts) == number
    assert all(0 <= count <= MOST for count in counts)


@given(st.lists(st.lists(SIGNED, min_size=1, max_size=8), max_size=4))
def test_sequences_survive_packing(rows: list[list[int]]) -> None:
    assert sequences_in(packed_sequences(rows), 8, 4) == rows
    assert sequences_in(packed_sequences(rows), 3, 2) == [row[:3] for row in rows[:2]]


@given(st.lists(st.integers(0, 100) | st.integers(0, 2**62), max_size=30))
def test_bins_of_logarithms(values: list[int]) -> None:
    lows = (0, *EDGES)
    expected = [sum(low <= value < high for value in values) for low, high in zip(lows, (*EDGES, 2**63), strict=True)]
    assert log_counts(np.array(values, np.int64)).tolist() == expected


def test_the_largest_classes_in_the_order_of_their_names() -> None:
    assert [("b", "c", "a")[at] for at in largest(("b", "c", "a"), np.array([3, 0, 5]))] == ["a", "b"]
    names = [f"{place:03}" for place in range(100)]
    assert largest(names, np.arange(100)) == list(range(100 - MOST_CLASSES, 100))
