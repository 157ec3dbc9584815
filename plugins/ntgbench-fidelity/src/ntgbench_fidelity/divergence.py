"""Jensen-Shannon divergences between real and synthetic biflows of a class, averaged over classes.

The divergence of two distributions p and q, with m = (p + q) / 2, is

    JSD(p, q) = 1/2 Σ p log2(p / m) + 1/2 Σ q log2(q / m),

in 0..1. It is the divergence itself, not its square root, which is a distance. Source: Lin, "Divergence measures based
on the Shannon entropy", IEEE Transactions on Information Theory 37 (1991).

arXiv 2603.25507 names these measures without formulas; bins, weights and values for empty classes are our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench_fidelity.counts import (
    ALL,
    Counts,
    Form,
    Integers,
    Tally,
    counted,
    key_type,
    require_biflows,
    require_same_form,
    run_starts,
    tally,
)
from ntgbench_fidelity.symbols import BINS, binned_symbols, raw_symbols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.traffic.biflows import Biflows

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GramCounts:
    """What the divergences need of one side; `+` gives the counts of both sides' biflows together.

    Attributes:
        form: classes, packets and pl_max.
        symbols: how many symbols a packet may be.
        biflows: int64 (classes,). Biflows of each class.
        lengths: of the number of packets of biflows, keys class · P + packets - 1.
        singles: of the symbols of packets, keys class · symbols + symbol.
        pairs: of successive symbols of a biflow, keys (class · symbols + first) · symbols + second.
    """

    form: Form
    symbols: int
    biflows: Integers
    lengths: Counts
    singles: Counts
    pairs: Counts

    def __len__(self) -> int:
        return len(self.lengths) + len(self.singles) + len(self.pairs)

    def merged(self, others: Sequence[GramCounts]) -> GramCounts:
        """These counts and others, added. Raises TrafficError when their forms differ."""
        require_same_form([self.form, *(other.form for other in others)])
        return GramCounts(
            self.form,
            self.symbols,
            np.sum([self.biflows, *(other.biflows for other in others)], axis=0),
            self.lengths.merged([other.lengths for other in others]),
            self.singles.merged([other.singles for other in others]),
            self.pairs.merged([other.pairs for other in others]),
        )

    def __add__(self, other: GramCounts) -> GramCounts:
        return self.merged([other])


def binned_counts(biflows: Biflows, rows: slice = ALL) -> GramCounts:
    """Counts with the bins of signed payload lengths as symbols, of all biflows or of those in `rows`."""
    return _grams(biflows, rows, binned_symbols(biflows.pl_max), 2 * BINS)


def raw_counts(biflows: Biflows, rows: slice = ALL) -> GramCounts:
    """Counts with signed payload lengths as symbols, of all biflows or of those in `rows`."""
    return _grams(biflows, rows, raw_symbols(biflows.pl_max), 2 * biflows.pl_max + 1)


def binned(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:  # noqa: ARG001 - nothing is random
    """Divergences of the number of packets and of n-grams of binned signed payload lengths.

    There are 20 equal bins over -pl_max..pl_max, 10 for each direction. Bin i of a direction holds the payload lengths
    in (i pl_max / 10, (i + 1) pl_max / 10].

    - jsd_numpackets: packets of a biflow, 1..P.
    - jsd_1gram, jsd_2gram, jsd_markov: see `_ngrams`.

    Args:
        real: real biflows.
        synthetic: biflows of the same classes, packets and pl_max.
        seed: not used.

    Returns:
        Each in 0..1: the mean over the classes that `real` has biflows of. A class without synthetic biflows counts 1.
        A class without pairs of packets counts 0 where both sides have none, 1 where one side has some.

    Raises:
        TrafficError: a side is empty, or classes, packets or pl_max differ.
    """
    return binned_divergences(counted(binned_counts, real), counted(binned_counts, synthetic))


def binned_divergences(real: GramCounts, synthetic: GramCounts) -> dict[str, float]:
    """The metrics of `binned` by the `binned_counts` of both sides."""
    found = _ngrams(real, synthetic, "")
    lengths = tally(real.lengths, synthetic.lengths)
    by_class = divergences(lengths, lengths.key // real.form.packets, len(real.form.classes))
    return {"jsd_numpackets": macro(by_class, real.biflows, synthetic.biflows), **found}


def raw(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:  # noqa: ARG001 - nothing is random
    """Divergences of n-grams of signed payload lengths as they are: jsd_1gram_raw, jsd_2gram_raw, jsd_markov_raw.

    As `binned`, without bins. Even two halves of the same real traffic differ a lot, since most pairs of lengths are
    rare: compare with the score of held-out real traffic.
    """
    return raw_divergences(counted(raw_counts, real), counted(raw_counts, synthetic))


def raw_divergences(real: GramCounts, synthetic: GramCounts) -> dict[str, float]:
    """The metrics of `raw` by the `raw_counts` of both sides."""
    return _ngrams(real, synthetic, "_raw")


def _grams(biflows: Biflows, rows: slice, symbol: Integers, symbols: int) -> GramCounts:
    """The counts of some biflows.

    Args:
        biflows: the biflows.
        rows: which of them.
        symbol: symbol of each signed payload length, int64, indexed by the length; that of 0 is not used.
        symbols: number of symbols.
    """
    classes, packets = len(biflows.classes), biflows.packets
    signed_pl, label = biflows.signed_pl[rows], biflows.label[rows]
    present = signed_pl != 0
    # Keys of 32 bits where they fit: this is most of the work.
    kind = key_type(classes * symbols**2)
    code = symbol.astype(kind)[signed_pl]
    coded = label.astype(kind)[:, None] * kind(symbols) + code
    goes_on = present[:, 1:]
    pairs = (coded[:, :-1] * kind(symbols) + code[:, 1:])[goes_on]
    lengths = label.astype(np.int64) * packets + np.count_nonzero(present, axis=1) - 1
    return GramCounts(
        Form.of(biflows),
        symbols,
        np.bincount(label, minlength=classes),
        Counts.of(lengths, classes * packets),
        Counts.of(coded[present], classes * symbols),
        Counts.of(pairs, classes * symbols**2),
    )


def _ngrams(real: GramCounts, synthetic: GramCounts, suffix: str) -> dict[str, float]:
    """Divergences of the symbols of packets, of pairs of successive ones, and of what follows each symbol.

    - jsd_1gram: symbols of all packets.
    - jsd_2gram: pairs (symbol of packet t, symbol of packet t + 1) of the same biflow.
    - jsd_markov: for each symbol b, the JSD of the symbols after b, weighted by the share of pairs that start with b
      (the mean over both sides). A symbol that starts pairs on one side only counts 1.

    `suffix` ends the metrics' names. Raises TrafficError when a side is empty or the forms differ.
    """
    require_biflows(real.biflows, synthetic.biflows)
    require_same_form([real.form, synthetic.form])
    classes, symbols = len(real.form.classes), real.symbols
    gram1, gram2 = tally(real.singles, synthetic.singles), tally(real.pairs, synthetic.pairs)
    of_class = {
        "jsd_1gram": divergences(gram1, gram1.key // symbols, classes),
        "jsd_2gram": divergences(gram2, gram2.key // symbols**2, classes),
        "jsd_markov": _markov(gram2, symbols, classes),
    }
    return {name + suffix: macro(values, real.biflows, synthetic.biflows) for name, values in of_class.items()}


def divergences(counts: Tally, group: Integers, groups: int) -> Floats:
    """JSD of the two sides in each group, float64 (groups,): 0 where both sides are empty, 1 where one is.

    Args:
        counts: counts of keys.
        group: group of each key, int64 (K,) in 0..groups-1.
        groups: number of groups.
    """
    on_real = np.bincount(group, counts.real, groups)
    on_synthetic = np.bincount(group, counts.synthetic, groups)
    p = counts.real / np.maximum(on_real, 1)[group]
    q = counts.synthetic / np.maximum(on_synthetic, 1)[group]
    terms = (p + q) / 2  # m, which is the term too where one of p and q is 0, since log2(p / m) is 1 then
    shared = np.flatnonzero((counts.real > 0) & (counts.synthetic > 0))
    p, q, m = p[shared], q[shared], terms[shared]
    terms[shared] = (p * np.log2(p / m) + q * np.log2(q / m)) / 2
    found: Floats = np.clip(np.bincount(group, terms, groups), 0.0, 1.0)
    found[(on_real == 0) != (on_synthetic == 0)] = 1.0
    return found


def _markov(pairs: Tally, symbols: int, classes: int) -> Floats:
    """Weighted divergence of the symbols after each symbol, float64 (classes,).

    Args:
        pairs: pairs of symbols, key (class · symbols + first) · symbols + second.
        symbols: number of symbols.
        classes: number of classes.
    """
    start = pairs.key // symbols
    new = run_starts(start)
    row = np.cumsum(new) - 1
    starts = start[new]
    label = starts // symbols
    by_row = divergences(pairs, row, len(starts))
    weight = np.zeros(len(starts))
    missing = np.zeros(classes, np.int64)
    for occurrences in (pairs.real, pairs.synthetic):
        of_row = np.bincount(row, occurrences, len(starts))
        of_class = np.bincount(label, of_row, classes)
        weight += of_row / np.maximum(of_class, 1)[label] / 2
        missing += of_class == 0
    found: Floats = np.clip(np.bincount(label, weight * by_row, classes), 0.0, 1.0)
    found[missing == 1] = 1.0
    return found


def macro(of_class: Floats, real: Integers, synthetic: Integers) -> float:
    """Mean over the classes that `real` counts biflows of, 1 for those that `synthetic` counts none of."""
    return float(np.where(synthetic > 0, of_class, 1.0)[real > 0].mean())
