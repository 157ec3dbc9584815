"""Splits into training and test biflows: by class, and by whole sessions where sessions are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import DatasetError
from ntgbench.seeds import derive_seed
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows

Mask = npt.NDArray[np.bool_]

_BLOCK = 2**20  # rows that are ranked at a time


def split(biflows: Biflows, test_share: float, seed: int) -> tuple[Biflows, Biflows]:
    """The training and the test biflows, about `test_share` of each class in the test set.

    Each session goes to one side when sessions are known. A class with one biflow, or one session, is only in the
    training set. Both sides keep the order of the rows and all classes.

    Raises:
        DatasetError: when the test set would be empty: each class has one biflow, all biflows are of one session, or
            each session holds a class that no other has.
    """
    rng = np.random.default_rng(seed)
    test = (
        _stratified(biflows.label, test_share, rng) if biflows.session is None else _sessions(biflows, test_share, rng)
    )
    if not test.any():
        if biflows.session is None:
            why = "every class has one biflow"
        elif len(np.unique(biflows.session)) < 2:
            why = "all are from one session"
        else:
            why = "each session holds a class that no other has"
        raise DatasetError(f"{pluralised(len(biflows), 'biflow')} cannot be split for training and testing: {why}")
    return biflows.select(~test), biflows.select(test)


@dataclass(frozen=True)
class Thinning:
    """The rule that chooses about `most` of more biflows: the same share of each class, rounded up.

    It depends on the labels in the order of the rows alone, so the same biflows are chosen on every machine, from a
    table in any number of files.
    """

    most: int

    def kept(self, label: npt.NDArray[np.int32]) -> Mask:
        """Which of the biflows with these labels are kept, bool (N,)."""
        return share_of_classes(label, self.most / len(label), derive_seed("thinned", self.most))


def fraction(biflows: Biflows, share: float, seed: int) -> Biflows:
    """The share of each class's biflows, rounded up, so at least one; for one seed, shares are nested."""
    return biflows.select(share_of_classes(biflows.label, share, seed))


def share_of_classes(label: npt.NDArray[np.int32], share: float, seed: int) -> Mask:
    """The biflows of `fraction`, bool (N,): those that a random order of all has first, class by class.

    For one seed, shares are nested; a share of 0 has none.
    """
    # As permutation(N), in half of the memory.
    order = np.arange(len(label), dtype=np.int32 if len(label) < 2**31 else np.int64)
    np.random.default_rng(seed).shuffle(order)
    # 0.07 * 100 is a little more than 7 in floating point; that must not round up to 8.
    left = np.ceil(share * np.bincount(label) - 1e-9).astype(np.int64)
    kept = np.zeros(len(label), bool)
    for begin in range(0, len(order), _BLOCK):
        rows = order[begin : begin + _BLOCK]
        of_rows = label[rows]
        kept[rows] = _rank(of_rows, np.arange(len(rows))) < left[of_rows]
        left -= np.minimum(left, np.bincount(of_rows, minlength=len(left)))
    return kept


def first(biflows: Biflows, counts: npt.NDArray[np.integer]) -> Biflows:
    """At most `counts[c]` biflows of each class c, the first in row order."""
    return biflows.select(_rank(biflows.label, np.arange(len(biflows))) < counts[biflows.label])


def take(biflows: Biflows, counts: npt.NDArray[np.integer], rng: np.random.Generator) -> Biflows:
    """At most `counts[c]` random biflows of each class c, without repetition, in row order."""
    return biflows.select(_rank_in_class(biflows.label, rng) < counts[biflows.label])


def equal_counts(real: Biflows, synthetic: Biflows, seed: int) -> tuple[Biflows, Biflows]:
    """Both sides cut to the smaller count of each class; a class without synthetic biflows keeps its real ones."""
    rng = np.random.default_rng(seed)
    available = synthetic.class_counts()
    counts = np.where(available == 0, real.class_counts(), np.minimum(real.class_counts(), available))
    return take(real, counts, rng), take(synthetic, counts, rng)


def halves(biflows: Biflows, counts: npt.NDArray[np.integer], rng: np.random.Generator) -> tuple[Biflows, Biflows]:
    """Two disjoint random sets with equal counts of each class c, at most `counts[c]`, in row order.

    Without sessions, each set gets `counts[c]` biflows of a class, or half of the class, rounded down, if that is less.
    Otherwise each session goes to one of the sets, and each class is cut to the smaller of its two sides. A class in
    one session is in neither set.
    """
    if biflows.session is None:
        size = np.minimum(counts, biflows.class_counts() // 2)[biflows.label]
        rank = _rank_in_class(biflows.label, rng)
        return biflows.select(rank < size), biflows.select((rank >= size) & (rank < 2 * size))
    half = _sessions(biflows, 0.5, rng)
    first, second = biflows.select(half), biflows.select(~half)
    both = np.minimum(counts, np.minimum(first.class_counts(), second.class_counts()))
    return take(first, both, rng), take(second, both, rng)


def _rank_in_class(label: npt.NDArray[np.int32], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A random place of each row among the rows of its class, 0..count-1."""
    return _rank(label, rng.permutation(len(label)))


def _rank(label: npt.NDArray[np.int32], order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place of each row among the rows of its class when rows are taken in `order`, 0..count-1."""
    order = order[np.argsort(label[order], kind="stable")]
    counts = np.bincount(label)
    rank = np.empty(len(label), np.int64)
    rank[order] = np.arange(len(label)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank


def _stratified(label: npt.NDArray[np.int32], share: float, rng: np.random.Generator) -> Mask:
    counts = np.bincount(label)
    wanted = np.clip(np.round(share * counts), 1, counts - 1)
    mask: Mask = _rank_in_class(label, rng) < wanted[label]
    return mask


def _sessions(biflows: Biflows, share: float, rng: np.random.Generator) -> Mask:
    """Test biflows: whole sessions, chosen class by class, the rarest class first, until each class has its share.

    At least one session of each class stays in the training set. A session is taken when it brings the class nearer to
    its share. If none does, the smallest is taken (ties at random), so that the class is tested. If each session holds
    one class, a class misses its share by at most half of its largest session, unless only one of its sessions is taken
    or only one stays.
    """
    assert biflows.session is not None
    _, session = np.unique(biflows.session, return_inverse=True)
    table = np.zeros((int(session.max(initial=-1)) + 1, len(biflows.classes)), np.int64)
    np.add.at(table, (session, biflows.label), 1)
    totals = table.sum(axis=0)
    remaining = np.count_nonzero(table, axis=0)
    testing = np.zeros(len(table), bool)
    decided = np.zeros(len(table), bool)

    def spare(member: int) -> bool:
        return bool((remaining[table[member] > 0] > 1).all())

    def give(*members: int) -> None:
        for member in members:
            testing[member] = True
            remaining[table[member] > 0] -= 1

    for c in np.argsort(totals, kind="stable"):
        members = rng.permutation(np.flatnonzero(table[:, c]))
        members = members[~decided[members]]
        decided[members] = True
        wanted = share * totals[c]
        have = int(table[testing, c].sum())
        for member in members:
            size = int(table[member, c])
            if abs(have + size - wanted) < abs(have - wanted) and spare(member):
                have += size
                give(member)
        if have == 0:
            give(*sorted(filter(spare, members), key=lambda member: int(table[member, c]))[:1])
    mask: Mask = testing[session]
    return mask
