"""Jensen-Shannon divergences of three to five successive signed payload lengths.

Five raw lengths may need more than 64 bits. Exact keys of 64 bits are made in stages: a gram of n symbols is known by
the place of its first n - 1 symbols among the grams that occur, and by its last symbol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ntgbench_fidelity.counts import (
    ALL,
    Counts,
    Form,
    Integers,
    counted,
    require_biflows,
    require_same_form,
    run_starts,
    tally,
)
from ntgbench_fidelity.divergence import divergences, macro
from ntgbench_fidelity.symbols import BINNED, binned_symbols, raw_symbols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.traffic.biflows import Biflows

SHORTEST, LONGEST = 3, 5
"""Symbols of the grams that are compared."""


@dataclass(frozen=True, eq=False)
class LongGramCounts:
    """The grams of one to five symbols of one side, and how often each occurs; `+` adds those of another.

    Attributes:
        form: classes, packets and pl_max.
        symbols: how many symbols a packet may be.
        biflows: int64 (classes,). Biflows of each class.
        grams: of one symbol, of two, …: the keys are place · symbols + last symbol, where place is that of the symbols
            before the last one in the counts of shorter grams, and for grams of one symbol the class.
    """

    form: Form
    symbols: int
    biflows: Integers
    grams: tuple[Counts, ...]

    def __len__(self) -> int:
        return sum(map(len, self.grams))

    def merged(self, others: Sequence[LongGramCounts]) -> LongGramCounts:
        """These counts and others, added. Raises TrafficError when their forms differ."""
        stages = _alike((self, *others))
        biflows = np.sum([self.biflows, *(other.biflows for other in others)], axis=0)
        return LongGramCounts(self.form, self.symbols, biflows, tuple(first.merged(rest) for first, *rest in stages))

    def __add__(self, other: LongGramCounts) -> LongGramCounts:
        return self.merged([other])


def binned_grams(biflows: Biflows, rows: slice = ALL) -> LongGramCounts:
    """Counts with the bins of signed payload lengths as symbols, of all biflows or of those in `rows`."""
    return _grams(biflows, rows, binned_symbols(biflows.pl_max), BINNED)


def raw_grams(biflows: Biflows, rows: slice = ALL) -> LongGramCounts:
    """Counts with signed payload lengths as symbols, of all biflows or of those in `rows`."""
    return _grams(biflows, rows, raw_symbols(biflows.pl_max), 2 * biflows.pl_max + 1)


def binned(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:  # noqa: ARG001 - nothing is random
    """jsd_3gram, jsd_4gram, jsd_5gram: divergences of n successive bins of signed payload lengths in a biflow.

    As jsd_2gram of `ntgbench_fidelity.divergence.binned`, with more symbols: the JSD of each class, and the mean over
    the classes that `real` has biflows of. A class without synthetic biflows counts 1. A class whose biflows are all
    shorter than n packets counts 0 where this is so on both sides, 1 where it is so on one.

    Returns:
        Each in 0..1.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.

    Source: the JSD of arXiv 2603.25507, and of Lin 1991, for longer grams.
    """
    return gram_divergences(counted(binned_grams, real), counted(binned_grams, synthetic))


def raw(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:  # noqa: ARG001 - nothing is random
    """jsd_3gram_raw, jsd_4gram_raw, jsd_5gram_raw: as `binned`, of signed payload lengths as they are.

    Most long grams are rare, so two halves of the same real traffic differ a lot: compare with their score.
    """
    found = gram_divergences(counted(raw_grams, real), counted(raw_grams, synthetic))
    return {f"{name}_raw": value for name, value in found.items()}


def gram_divergences(real: LongGramCounts, synthetic: LongGramCounts) -> dict[str, float]:
    """The metrics of `binned` by the counts of both sides, `binned_grams` or `raw_grams`."""
    require_biflows(real.biflows, synthetic.biflows)
    classes = len(real.form.classes)
    of_class = np.arange(classes)
    found = {}
    for n, stage in enumerate(_alike((real, synthetic)), start=1):
        both = tally(*stage)
        of_class = of_class[both.key // real.symbols]
        if n >= SHORTEST:
            found[f"jsd_{n}gram"] = macro(divergences(both, of_class, classes), real.biflows, synthetic.biflows)
    return found


def _grams(biflows: Biflows, rows: slice, symbol: Integers, symbols: int) -> LongGramCounts:
    """The counts of some biflows, with the symbol of each signed payload length, int64, indexed by the length."""
    signed_pl, label = biflows.signed_pl[rows], biflows.label[rows].astype(np.int64)
    present = signed_pl != 0
    code = symbol[signed_pl]
    place, places = np.broadcast_to(label[:, None], present.shape), len(biflows.classes)
    grams = []
    for n in range(1, LONGEST + 1):
        whole = present[:, n - 1 :]
        key = (place[:, : whole.shape[1]] * symbols + code[:, n - 1 :])[whole]
        if n == LONGEST:
            grams.append(Counts.of(key, places * symbols))
        else:
            found, of_gram, times = np.unique(key, return_inverse=True, return_counts=True)
            grams.append(Counts(found, times))
            place, places = np.zeros(whole.shape, np.int64), len(found)
            place[whole] = of_gram
    return LongGramCounts(Form.of(biflows), symbols, np.bincount(label, minlength=len(biflows.classes)), tuple(grams))


def _alike(parts: Sequence[LongGramCounts]) -> list[list[Counts]]:
    """Of one symbol, of two, …: the counts of each part, with the keys that the grams have in all parts together.

    Raises TrafficError when the forms of the parts differ.
    """
    require_same_form([part.form for part in parts])
    symbols = parts[0].symbols
    places = [np.arange(len(parts[0].form.classes))] * len(parts)
    stages = []
    for own in zip(*(part.grams for part in parts), strict=True):
        stage = []
        for counts, new_place in zip(own, places, strict=True):
            old_place, last = np.divmod(counts.key.astype(np.int64), symbols)
            # The order of places stays the same, so the keys stay ascending.
            stage.append(Counts(new_place[old_place] * symbols + last, counts.times))
        # Much faster here than `np.unique`, which hashes.
        together = np.sort(np.concatenate([counts.key for counts in stage]))
        together = together[run_starts(together)]
        places = [np.searchsorted(together, counts.key) for counts in stage]
        stages.append(stage)
    return stages
