"""What biflows look like: counts against a plain count, and what rows may hold."""

import itertools
import json
from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ntgbench import Biflows
from ntgbench.profiles import sequences_in, unpacked
from ntgbench.row_schema import Profile, uneven
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows.profile import (
    EXAMPLES,
    LENGTH_BINS,
    LONGEST_EXAMPLE,
    SIZE,
    STATES,
    examples,
    packet_bins,
    profile,
)
from ntgbench.values import problem

BINS = {"lengths": LENGTH_BINS, "transitions": SIZE**2}


@st.composite
def traffic(draw: st.DrawFn) -> Biflows:
    """Biflows of any size, with class names of any text."""
    packets, pl_max = draw(st.sampled_from([1, 2, 5, 40])), draw(st.sampled_from([1, 3, 1460, 32767]))
    classes = tuple(draw(st.lists(st.text(max_size=100), min_size=1, max_size=4, unique=True)))
    length = st.integers(1, pl_max) | st.integers(-pl_max, -1)
    rows = draw(st.lists(st.lists(length, min_size=1, max_size=packets), max_size=8))
    signed = np.zeros((len(rows), packets), np.int16)
    for at, row in enumerate(rows):
        signed[at, : len(row)] = row
    label = draw(st.lists(st.integers(0, len(classes) - 1), min_size=len(rows), max_size=len(rows)))
    return Biflows(signed, np.array(label, np.int32), classes, pl_max=pl_max)


def state(length: int, pl_max: int) -> int:
    """A state by the words of the docstring: from the longest downstream to the longest upstream."""
    longer = sum(abs(length) > share * pl_max for share in STATES)
    half = len(STATES) + 1
    return half + longer if length > 0 else half - 1 - longer


def counted(biflows: Biflows, group: int | None) -> dict[str, Counter[int]]:
    """The counts of a class, or of all, one packet after the other."""
    found = {name: Counter[int]() for name in ("packets", *BINS)}
    for row, label in zip(biflows.signed_pl.tolist(), biflows.label.tolist(), strict=True):
        if group is not None and label != group:
            continue
        lengths = [one for one in row if one]
        found["packets"][(len(lengths) - 1) * packet_bins(len(row)) // len(row)] += 1
        for one in lengths:
            place = (abs(one) - 1) * (LENGTH_BINS // 2) // biflows.pl_max
            found["lengths"][LENGTH_BINS // 2 + (place if one > 0 else -1 - place)] += 1
        steps = [SIZE - 1, *(state(one, biflows.pl_max) for one in lengths)]
        steps += [SIZE - 1] if len(lengths) < len(row) else []
        for before, after in itertools.pairwise(steps):
            found["transitions"][before * SIZE + after] += 1
    return found


@given(traffic())
def test_counts_are_exact(made: Biflows) -> None:
    found = profile(made, made)
    present = sorted(place for place, count in enumerate(made.class_counts()) if count)
    labels = [None, *sorted(present, key=lambda place: made.classes[place])]
    bins = {"packets": packet_bins(made.packets), **BINS}
    for place, group in enumerate(labels):
        expected = counted(made, group)
        for name, size in bins.items():
            counts = unpacked(found["real"][name].split(" ")[place], size)
            assert counts == [expected[name][at] for at in range(size)]


@given(traffic())
def test_a_row_can_hold_it(made: Biflows) -> None:
    found = profile(made, made.select([]))
    found["synthetic"]["examples"] = examples(made, made.select([]), made)
    assert problem(found, Profile) is None
    assert uneven(found) is None
    assert json.loads(json.dumps(found)) == found


@given(traffic(), st.randoms())
def test_the_order_of_biflows_does_not_matter(made: Biflows, random) -> None:
    order = list(range(len(made)))
    random.shuffle(order)
    assert profile(made.select(order), made) == profile(made, made.select(order)) == profile(made, made)


def test_many_classes_are_cut_to_the_largest() -> None:
    labels = np.repeat(np.arange(200, dtype=np.int32), np.arange(200) + 1)
    made = Biflows(np.ones((len(labels), 2), np.int16), labels, tuple(f"c{place:03}" for place in range(200)))
    found = profile(made, made)
    assert found["classes"] == [f"c{place}" for place in range(140, 200)]
    assert unpacked(found["real"]["packets"].split(" ")[0], 2) == [0, len(labels)]


def test_examples_are_whole_biflows_of_their_class() -> None:
    made = example_traffic()
    texts = examples(made, made, made).split(" ")
    classes = [None, *sorted(range(len(made.classes)), key=lambda place: made.classes[place])]
    for text, group in zip(texts, classes, strict=True):
        rows = made.signed_pl if group is None else made.signed_pl[made.label == group]
        known = [[length for length in row if length][:LONGEST_EXAMPLE] for row in rows.tolist()]
        shown = sequences_in(text, LONGEST_EXAMPLE, EXAMPLES)
        assert shown
        assert all(one in known for one in shown)


def test_no_example_is_real_traffic() -> None:
    real = example_traffic()
    first = real.signed_pl.copy()
    first[:, 0] = np.where(first[:, 0] > 1, first[:, 0] - 1, 1460)
    changed = replace(real, signed_pl=np.where(np.arange(len(real))[:, None] % 2, first, real.signed_pl))
    hidden = {tuple(one for one in row if one)[:LONGEST_EXAMPLE] for row in real.signed_pl.tolist()}
    assert examples(real, real, real, (changed, real)).replace(" ", "") == ""
    shown = [row for text in examples(real, changed, changed, (real,)).split(" ") for row in sequences_in(text, 12, 2)]
    assert shown
    assert not hidden & {tuple(row) for row in shown}
