"""Counts of chunks, added in any order, give the same bits as counts of the whole."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_fidelity import divergence, ngrams, positions, uniqueness
from ntgbench_fidelity.counts import Counts, counted, tally

from ntgbench.errors import TrafficError
from ntgbench.traffic.biflows import Biflows

_spec = importlib.util.spec_from_file_location("joint_fidelity", Path(__file__).with_name("joint_fidelity.py"))
joint = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(joint)

MEASURES = {
    "binned": (divergence.binned_counts, divergence.binned_divergences),
    "raw": (divergence.raw_counts, divergence.raw_divergences),
    "uniqueness": (uniqueness.distinct_counts, uniqueness.overlaps),
    "binned grams": (ngrams.binned_grams, ngrams.gram_divergences),
    "raw grams": (ngrams.raw_grams, ngrams.gram_divergences),
    "positions": (positions.position_counts, positions.position_divergence),
    "raw positions": (positions.raw_position_counts, positions.position_divergence),
    "triples": (positions.triple_counts, positions.marginal_distance),
}

each_measure = pytest.mark.parametrize("name", MEASURES)
with_joint_reference = pytest.mark.parametrize("name", ["binned", "raw", "uniqueness"])


def repetitive(seed, count, packets, classes, pl_max, lengths):
    """Biflows of a few different lengths, so that many are the same."""
    rng = np.random.default_rng(seed)
    known = rng.integers(1, pl_max + 1, lengths) * rng.choice([-1, 1], lengths)
    rows = rng.choice(known, (count, packets))
    rows[np.arange(packets) >= rng.integers(1, packets + 1, (count, 1))] = 0
    label = np.minimum(rng.geometric(0.4, count) - 1, classes - 1)
    return Biflows(rows, label, tuple(f"class {c}" for c in range(classes)), pl_max=pl_max)


@st.composite
def traffic(draw):
    """Two sides of one form, and for each the chunk of each biflow."""
    form = {
        "packets": draw(st.sampled_from([1, 2, 3, 4, 5, 9])),
        "classes": draw(st.integers(1, 4)),
        "pl_max": draw(st.sampled_from([1, 7, 1460, 32767])),
        "lengths": draw(st.integers(1, 6)),
    }
    sides = [repetitive(draw(st.integers(0, 99)), draw(st.integers(1, 80)), **form) for _ in range(2)]
    chunks = [np.random.default_rng(draw(st.integers(0, 99))).integers(0, draw(st.integers(1, 9)), 80) for _ in sides]
    return sides, [chunk[: len(side)] for chunk, side in zip(chunks, sides, strict=True)]


def values_of(name, sides):
    counts_of, metrics = MEASURES[name]
    return metrics(*(counts_of(side) for side in sides))


def test_the_metrics_are_those_of_the_counts():
    sides = [repetitive(seed, 300, 10, 3, 1460, 30) for seed in (1, 2)]
    assert divergence.binned(*sides, 0) == values_of("binned", sides)
    assert divergence.raw(*sides, 0) == values_of("raw", sides)
    assert uniqueness.uniqueness(*sides, 0) == values_of("uniqueness", sides)
    assert ngrams.binned(*sides, 0) == values_of("binned grams", sides)
    assert list(ngrams.raw(*sides, 0).values()) == list(values_of("raw grams", sides).values())
    assert list(positions.by_position(*sides, 0).values()) == [
        values_of(f"{raw}positions", sides) for raw in ("", "raw ")
    ]
    assert positions.kmarginal(*sides, 0) == {"kmarginal": values_of("triples", sides)}


@each_measure
@settings(deadline=None)
@given(given_traffic=traffic(), backwards=st.booleans())
def test_any_partition_added_in_any_order_gives_the_same_bits(name, given_traffic, backwards):
    counts_of, metrics = MEASURES[name]
    sides = []
    for side, chunk in zip(*given_traffic, strict=True):
        parts = [counts_of(side.select(chunk == c)) for c in np.unique(chunk)]
        while len(parts) > 1:  # from one end, or as a tree
            first, second, *rest = parts
            parts = [second + first, *rest] if backwards else [*rest, first + second]
        sides.append(parts[0])
    assert metrics(*sides) == values_of(name, given_traffic[0])


@each_measure
@settings(deadline=None)
@given(given_traffic=traffic(), chunk=st.integers(1, 90))
def test_chunks_of_any_size_give_the_same_bits(name, given_traffic, chunk):
    counts_of, metrics = MEASURES[name]
    sides = given_traffic[0]
    assert metrics(*(counted(counts_of, side, chunk) for side in sides)) == values_of(name, sides)


@with_joint_reference
@settings(deadline=None)
@given(given_traffic=traffic())
def test_the_bits_are_those_of_both_sides_counted_at_once(name, given_traffic):
    sides = given_traffic[0]
    assert values_of(name, sides) == getattr(joint, name)(*sides)


@with_joint_reference
def test_the_bits_are_those_of_both_sides_counted_at_once_on_more_traffic(name):
    sides = [repetitive(seed, 4_000, 10, 7, 1460, 40) for seed in (1, 2)]
    assert values_of(name, sides) == getattr(joint, name)(*sides)


@pytest.mark.parametrize("weak", [lambda words: words[:, 0] * np.uint64(0), lambda words: words[:, 0] << np.uint64(60)])
def test_biflows_with_the_same_hash_are_told_apart(monkeypatch, weak):
    sides = [repetitive(seed, 300, 6, 3, 9, 3) for seed in (1, 2)]
    monkeypatch.setattr(uniqueness, "_hash", weak)
    assert values_of("uniqueness", sides) == joint.uniqueness(*sides)
    counts_of, metrics = MEASURES["uniqueness"]
    assert metrics(*(counted(counts_of, side, 32) for side in sides)) == joint.uniqueness(*sides)


@each_measure
def test_counts_of_other_forms_are_not_added(name):
    counts_of, metrics = MEASURES[name]
    one, other = (counts_of(repetitive(1, 9, packets, 2, 9, 3)) for packets in (3, 4))
    with pytest.raises(TrafficError, match="same classes"):
        one + other
    with pytest.raises(TrafficError, match="same classes"):
        metrics(one, other)


@each_measure
def test_counts_of_repeating_traffic_stay_small(name):
    one = repetitive(1, 1_000, 4, 2, 9, 3)
    held = counted(MEASURES[name][0], Biflows.concat([one] * 50), 1_000)
    assert len(held) == len(MEASURES[name][0](one))


@given(
    real=st.lists(st.integers(0, 9)),
    synthetic=st.lists(st.integers(0, 9)),
    keys=st.sampled_from([10, 2**31, 2**32 + 1, 2**62]),
)
def test_a_tally_counts_the_same_dense_and_sorted(real, synthetic, keys):
    sides = [Counts.of(np.array(side, np.int64), keys) for side in (real, synthetic)]
    found = tally(*sides)
    expected = [(key, real.count(key), synthetic.count(key)) for key in sorted({*real, *synthetic})]
    assert list(zip(found.key.tolist(), found.real.tolist(), found.synthetic.tolist(), strict=True)) == expected


@given(st.lists(st.tuples(st.sampled_from([0, 3, 2**31, 2**62]), st.sampled_from([1, 2, 2**40])), max_size=20))
def test_counts_of_keys_that_repeat_are_added(pairs):
    key, times = (np.array([pair[place] for pair in pairs], np.int64) for place in (0, 1))
    found = Counts.added(key, times)
    expected = {k: sum(t for other, t in pairs if other == k) for k in sorted({k for k, _ in pairs})}
    assert dict(zip(found.key.tolist(), found.times.tolist(), strict=True)) == expected
