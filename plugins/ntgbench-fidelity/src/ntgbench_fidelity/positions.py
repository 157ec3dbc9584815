"""What is at each position of a biflow, and at three positions together. Absence is a symbol of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from ntgbench_fidelity.counts import (
    ALL,
    CHUNK,
    Counts,
    Form,
    Integers,
    Tally,
    counted,
    require_biflows,
    require_same_form,
    tally,
)
from ntgbench_fidelity.divergence import divergences, macro
from ntgbench_fidelity.symbols import BINNED, binned_symbols, raw_symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ntgbench.traffic.biflows import Biflows

TRIPLES = 120
"""Triples of positions that kmarginal compares at most: all triples of ten positions."""


@dataclass(frozen=True, eq=False)
class PositionCounts:
    """How often symbols occur at positions of one side; `+` adds the counts of another.

    Attributes:
        form: classes, packets and pl_max.
        symbols: how many symbols there are, with absence.
        places: int64 (M, K). The M sets of K positions that are looked at.
        biflows: int64 (classes,). Biflows of each class.
        times: of the symbols at the positions of a set. The digits of a key are the set, the class, and the symbols to
            the base `symbols`.
    """

    form: Form
    symbols: int
    places: Integers
    biflows: Integers
    times: Counts

    def __len__(self) -> int:
        return len(self.times)

    def merged(self, others: Sequence[PositionCounts]) -> PositionCounts:
        """These counts and others of the same positions, added. Raises TrafficError when their forms differ."""
        require_same_form([self.form, *(other.form for other in others)])
        biflows = np.sum([self.biflows, *(other.biflows for other in others)], axis=0)
        times = self.times.merged([other.times for other in others])
        return PositionCounts(self.form, self.symbols, self.places, biflows, times)

    def __add__(self, other: PositionCounts) -> PositionCounts:
        return self.merged([other])


def position_counts(biflows: Biflows, rows: slice = ALL) -> PositionCounts:
    """Counts of the bins at each position, of all biflows or of those in `rows`."""
    return _counts(biflows, rows, np.arange(biflows.packets)[:, None], binned_symbols(biflows.pl_max), BINNED)


def raw_position_counts(biflows: Biflows, rows: slice = ALL) -> PositionCounts:
    """Counts of the signed payload lengths at each position, of all biflows or of those in `rows`."""
    places = np.arange(biflows.packets)[:, None]
    return _counts(biflows, rows, places, raw_symbols(biflows.pl_max), 2 * biflows.pl_max + 1)


def triple_counts(biflows: Biflows, rows: slice = ALL, seed: int = 0) -> PositionCounts:
    """Counts of the bins at the triples of positions that follow from `seed`, of all biflows or of those in `rows`."""
    return _counts(biflows, rows, triples(biflows.packets, seed), binned_symbols(biflows.pl_max), BINNED)


def by_position(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:  # noqa: ARG001 - nothing is random
    """jsd_position and jsd_position_raw: the divergence at each position 1..P, the mean over the positions.

    The symbol at a position is the bin of the signed payload length, for jsd_position_raw the length itself, or the
    absence of a packet. The mean over all P positions is taken in each class; a position that no biflow reaches counts
    0. Then the mean over the classes that `real` has biflows of; a class without synthetic biflows counts 1.

    Returns:
        Each in 0..1.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.

    Source: the JSD of arXiv 2603.25507, and of Lin 1991, position by position.
    """

    def found(counts_of: Callable[[Biflows, slice], PositionCounts]) -> float:
        return position_divergence(counted(counts_of, real), counted(counts_of, synthetic))

    return {"jsd_position": found(position_counts), "jsd_position_raw": found(raw_position_counts)}


def position_divergence(real: PositionCounts, synthetic: PositionCounts) -> float:
    """A metric of `by_position` by the counts of both sides, `position_counts` or `raw_position_counts`."""
    both = _together(real, synthetic)
    classes, positions = len(real.form.classes), len(real.places)
    of_group = divergences(both, both.key // real.symbols, positions * classes)
    of_class = of_group.reshape(positions, classes).mean(axis=0)
    return macro(of_class, real.biflows, synthetic.biflows)


def kmarginal(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:
    """kmarginal: how far the joint distributions of the class and of the bins at three positions are apart.

    The mean over triples of positions of the total variation distance 1/2 Σ |p - q|, where p and q are the shares of
    the real and of the synthetic biflows in each cell: a class and three bins. Absence is a bin. It is 0 for the same
    traffic, 1 where no cell has biflows of both sides.

    There are at most 120 triples, drawn without repetition by `seed`, which is the same for all systems; of ten
    positions or fewer they are all triples, and with fewer than three positions there is one set, that of all.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.

    Source: the k-marginal evaluation of NIST's SDNist (https://github.com/usnistgov/SDNist), with k = 3 and the class
    in each marginal; SDNist prints (1 - value) · 1000 as a score.
    """
    chunk = max(1, CHUNK // TRIPLES)
    sides = [counted(partial(triple_counts, seed=seed), side, chunk) for side in (real, synthetic)]
    return {"kmarginal": marginal_distance(*sides)}


def marginal_distance(real: PositionCounts, synthetic: PositionCounts) -> float:
    """The metric of `kmarginal` by the `triple_counts` of both sides, of one seed."""
    both = _together(real, synthetic)
    shares = both.real / real.biflows.sum() - both.synthetic / synthetic.biflows.sum()
    return min(float(np.abs(shares).sum() / 2 / len(real.places)), 1.0)


def triples(packets: int, seed: int) -> Integers:
    """Distinct ascending triples of 0..packets-1, int64 (M, 3), at most `TRIPLES`; (1, packets) of fewer than three."""
    size = min(packets, 3)
    every = comb(packets, size)
    # A rank C(c, 3) + C(b, 2) + a stands for the triple a < b < c.
    drawn = every > TRIPLES
    rank = np.sort(np.random.default_rng(seed).choice(every, TRIPLES, replace=False)) if drawn else np.arange(every)
    columns = []
    for chosen in range(size, 0, -1):
        ranks = np.array([comb(place, chosen) for place in range(packets)])
        place = np.searchsorted(ranks, rank, side="right") - 1
        columns.append(place)
        rank = rank - ranks[place]
    return np.stack(columns[::-1], axis=1)


def _counts(biflows: Biflows, rows: slice, places: Integers, symbol: Integers, symbols: int) -> PositionCounts:
    """The counts at sets of positions, with the symbol of each signed payload length, indexed by the length."""
    label = biflows.label[rows].astype(np.int64)
    code = symbol[biflows.signed_pl[rows].T]
    classes = len(biflows.classes)
    key = np.arange(len(places))[:, None] * classes + label
    for position in places.T:
        key = key * symbols + code[position]
    times = Counts.of(key.ravel(), len(places) * classes * symbols ** places.shape[1])
    return PositionCounts(Form.of(biflows), symbols, places, np.bincount(label, minlength=classes), times)


def _together(real: PositionCounts, synthetic: PositionCounts) -> Tally:
    """The counts of both sides. Raises TrafficError when a side is empty or the forms differ."""
    require_biflows(real.biflows, synthetic.biflows)
    require_same_form([real.form, synthetic.form])
    return tally(real.times, synthetic.times)
