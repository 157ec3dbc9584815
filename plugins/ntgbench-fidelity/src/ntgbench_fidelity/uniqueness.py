"""Shares of distinct biflows, and of biflows that real and synthetic traffic have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench_fidelity.counts import (
    ALL,
    Counts,
    Form,
    Integers,
    Tally,
    counted,
    require_biflows,
    require_same_form,
    tally,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.traffic.biflows import Biflows

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

_PER_WORD = 4  # signed payload lengths of 16 bits in a word


@dataclass(frozen=True, eq=False)
class DistinctCounts:
    """The distinct biflows of one side, and how often each occurs in each class; `+` adds those of another.

    Attributes:
        form: classes, packets and pl_max.
        words: uint64 (D, W). The padded signed payload lengths of each distinct biflow, four in a word.
        times: how often biflow d occurs in class c, keys d · classes + c.
    """

    form: Form
    words: Words
    times: Counts

    def __len__(self) -> int:
        return len(self.words)

    def merged(self, others: Sequence[DistinctCounts]) -> DistinctCounts:
        """These counts and others, added. Raises TrafficError when their forms differ."""
        words, times = _together((self, *others))
        return DistinctCounts(self.form, words, times[0].merged(times[1:]))

    def __add__(self, other: DistinctCounts) -> DistinctCounts:
        return self.merged([other])


def distinct_counts(biflows: Biflows, rows: slice = ALL) -> DistinctCounts:
    """The counts of all biflows, or of those in `rows`."""
    signed_pl, label = biflows.signed_pl[rows], biflows.label[rows]
    padded = np.zeros((len(signed_pl), -(-biflows.packets // _PER_WORD) * _PER_WORD), np.int16)
    padded[:, : biflows.packets] = signed_pl
    words, number = _distinct(padded.view(np.uint64))
    classes = len(biflows.classes)
    return DistinctCounts(Form.of(biflows), words, Counts.of(number * classes + label, len(words) * classes))


def uniqueness(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:  # noqa: ARG001 - nothing is random
    """UniqAlign, leakage and the share of synthetic biflows that are real.

    Two biflows are the same when their padded signed payload lengths are. With U(A) the set of the biflows of A:

    - uniqalign = abs(|U(R)| / |R| - |U(S)| / |S|)
    - leakage: the Jaccard index of U(R) and U(S): the number of biflows in both, over the number in either
    - train_share: the share of the biflows of S, with repetitions, that are in U(R)

    over all classes together. uniqalign_macro and leakage_macro are means over the classes that R has biflows of; a
    class without synthetic biflows has uniqalign 1 and leakage 0.

    R is `real`: the training set for the headline figures, which look for copies of it. All depend on the number of
    biflows, so both sides should have equally many of each class. The score of other real traffic is not 0: it is the
    floor, and leakage below it means low fidelity, not privacy.

    Returns:
        All in 0..1.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.

    Source: arXiv 2603.25507 defines uniqalign and leakage in words, for the whole datasets.
    """
    return overlaps(counted(distinct_counts, real), counted(distinct_counts, synthetic))


def overlaps(real: DistinctCounts, synthetic: DistinctCounts) -> dict[str, float]:
    """The metrics of `uniqueness` by the counts of both sides."""
    of_class = [biflows_of_classes(side) for side in (real, synthetic)]
    require_biflows(*of_class)
    classes = len(real.form.classes)
    _, times = _together((real, synthetic))
    both = tally(*times)
    number = both.key // classes
    sizes = [np.bincount(number, side).astype(np.int64) for side in (both.real, both.synthetic)]
    together = Tally(np.zeros(len(sizes[0]), np.int64), *sizes)
    uniqalign, leakage, train_share = _of_groups(together, 1)
    uniqalign_macro, leakage_macro, _ = _of_groups(Tally(both.key % classes, both.real, both.synthetic), classes)
    known = of_class[0] > 0
    return {
        "uniqalign": float(uniqalign[0]),
        "leakage": float(leakage[0]),
        "train_share": float(train_share[0]),
        "uniqalign_macro": float(np.where(of_class[1] > 0, uniqalign_macro, 1.0)[known].mean()),
        "leakage_macro": float(leakage_macro[known].mean()),
    }


def biflows_of_classes(side: DistinctCounts) -> Integers:
    """Biflows of each class, int64 (classes,)."""
    classes = len(side.form.classes)
    return np.bincount(side.times.key % classes, side.times.times, classes).astype(np.int64)


def _together(parts: Sequence[DistinctCounts]) -> tuple[Words, list[Counts]]:
    """The distinct biflows of all parts, and the counts of each part with the numbers that they have there."""
    require_same_form([part.form for part in parts])
    classes = len(parts[0].form.classes)
    words, number = _distinct(np.concatenate([part.words for part in parts]))
    counts = []
    begin = 0
    for part in parts:
        old, of_class = np.divmod(part.times.key.astype(np.int64), classes)
        counts.append(Counts.added(number[begin + old] * classes + of_class, part.times.times))
        begin += len(part)
    return words, counts


def _distinct(words: Words) -> tuple[Words, Integers]:
    """The distinct rows of words, uint64 (N, W), as uint64 (D, W), and which of them each row is, int64 (N,).

    Equal rows are brought together by a hash, and told from others by comparing them, so the result is exact.
    """
    count = len(words)
    # A hash and the number of the row in one integer are sorted faster than an order is found.
    bits = np.uint64(max(count - 1, 0).bit_length())
    packed = _hash(words) >> bits << bits | np.arange(count, dtype=np.uint64)
    packed.sort()
    order = (packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    packed >>= bits
    held = _rows(words, order)
    same_hash = packed[1:] == packed[:-1]
    new = _changes(held)
    if (mixed := same_hash & new).any():  # several rows of one hash, which may alternate
        run = np.concatenate([[0], np.cumsum(~same_hash)])
        some = np.flatnonzero(np.isin(run, run[1:][mixed]))
        order[some] = order[some][np.lexsort([*held[some].T, run[some]])]
        held = _rows(words, order)
        new = _changes(held)
    first = np.concatenate([[True], new])[:count]
    number = np.empty(count, np.int64)
    number[order] = np.cumsum(first) - 1
    return _rows(held, first), number


def _rows(words: Words, which: npt.NDArray[Any]) -> Words:
    """`words[which]`; each row is copied as one item, which is faster."""
    items = words.view(np.dtype((np.void, words.itemsize * words.shape[1])))[:, 0]
    rows: Words = items[which].view(np.uint64).reshape(-1, words.shape[1])
    return rows


def _changes(words: Words) -> npt.NDArray[np.bool_]:
    """Which rows but the first differ from the one before, bool (N - 1,)."""
    differs = words[1:] != words[:-1]
    changes: npt.NDArray[np.bool_] = np.logical_or.reduce(list(differs.T))
    return changes


def _hash(words: Words) -> Words:
    """A hash of 64 bits of each row, uint64 (N,)."""
    found = np.zeros(len(words), np.uint64)
    for column in words.T:
        # The constant and the shifts of splitmix64; its upper bits depend on all bits.
        found ^= column
        found *= np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(32)
        found *= np.uint64(0xBF58476D1CE4E5B9)
    return found


def _of_groups(counts: Tally, groups: int) -> tuple[Floats, Floats, Floats]:
    """Uniqalign, leakage and share of synthetic biflows that are real, each float64 (groups,); 0 for an empty group.

    The keys of `counts` are the groups of distinct biflows, in any order.
    """
    in_real, in_synthetic = counts.real > 0, counts.synthetic > 0

    def total(values: npt.NDArray[Any]) -> Floats:
        return np.bincount(counts.key, values, groups).astype(np.float64)

    size_real, size_synthetic = np.maximum(total(counts.real), 1), np.maximum(total(counts.synthetic), 1)
    uniqalign = np.abs(total(in_real) / size_real - total(in_synthetic) / size_synthetic)
    leakage = total(in_real & in_synthetic) / np.maximum(total(in_real | in_synthetic), 1)
    return uniqalign, leakage, total(counts.synthetic * in_real) / size_synthetic
