"""Bars and sparklines of text."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.cli.figures import MOST_BARS, bars, spark, sparkline
from ntgbench.figures import Counts, histogram, most_frequent


def test_bars_are_as_long_as_the_counts():
    lines = bars(Counts({"web": 300, "dns": 100}), 80, blocks=True)
    assert [line.split()[:3] for line in lines] == [["web", "300", "75.0%"], ["dns", "100", "25.0%"]]
    assert lines[0].count("█") == 3 * lines[1].count("█")
    assert all(len(line) <= 80 for line in lines)


def test_without_block_characters_bars_are_ascii():
    lines = bars(Counts({"web": 1_000, "dns": 1}), 80, blocks=False)
    assert "".join(lines).isascii()
    assert lines[1].endswith(" #")
    assert sparkline([0, 1, 8], blocks=False).isascii()


def test_of_many_classes_the_largest_are_shown():
    counts = Counts({f"c{n}": 100 - n for n in range(40)})
    lines = bars(counts, 80, blocks=True)
    assert len(lines) == MOST_BARS + 1
    assert lines[-1] == f"and 20 more, 61 to 80 each, {sum(range(61, 81)) / sum(counts.values()):.1%} together"
    # One more would take as much room as the line that says so.
    assert len(bars(Counts({f"c{n}": 1 for n in range(MOST_BARS + 1)}), 80, blocks=True)) == MOST_BARS + 1


@given(st.dictionaries(st.text(max_size=60), st.integers(0, 10**9), max_size=50), st.booleans())
def test_any_names_and_counts_are_lines(counts, blocks):
    for line in bars(Counts(counts), 80, blocks):
        assert line.isprintable()


@given(st.lists(st.integers(0, 10**9), max_size=50), st.booleans())
def test_a_sparkline_has_a_character_for_each_count(counts, blocks):
    line = sparkline(counts, blocks)
    assert len(line) == len(counts)
    assert [one == " " for one in line] == [count == 0 for count in counts]


def test_a_histogram_is_one_line():
    found = histogram([1, 1, 1, 2, 9], 0, 10, 5, "bytes")
    assert found == {"low": 0, "high": 10, "counts": [3, 1, 0, 0, 1], "unit": "bytes", "median": 1.0}
    assert spark(found, blocks=True) == "0 |█▃  ▃| 10 bytes  median 1, peak 3"
    assert spark(histogram([], 0, 10, 2), blocks=True) == "0 |  | 10  peak 0"


def test_rare_values_are_summed_up():
    values = np.array([443] * 5 + [80] * 3 + [1, 2])
    assert most_frequent(values, 2) == {"443": 5, "80": 3, "others": 2}
    assert most_frequent(values, 4) == {"443": 5, "80": 3, "1": 1, "2": 1}
