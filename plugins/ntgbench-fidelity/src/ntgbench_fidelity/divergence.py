"""Jensen-Shannon divergences between real and synthetic biflows of a class, averaged over classes.

The divergence of two distributions p and q, with m = (p + q) / 2, is

    JSD(p, q) = 1/2 Σ p log2(p / m) + 1/2 Σ q log2(q / m),

in 0..1. It is the divergence itself, not its square root, which is a distance. Source: Lin, "Divergence measures based
on the Shannon entropy", IEEE Transactions on Information Theory 37 (1991).

arXiv 2603.25507 names these measures without formulas; bins, weights and values for empty classes are our choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench_fidelity.tally import Integers, Tally, require_comparable, tally

if TYPE_CHECKING:
    from ntgbench.traffic.biflows import Biflows

BINS = 10
"""Bins of each direction."""

Floats = npt.NDArray[np.float64]


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
    require_comparable(real, synthetic)
    lengths = [_of_classes(side.label, side.lengths() - 1, side.packets) for side in (real, synthetic)]
    counts = tally(lengths[0], lengths[1], len(real.classes) * real.packets)
    return {
        "jsd_numpackets": _macro(_divergences(counts, counts.key // real.packets, len(real.classes)), real, synthetic),
        **_ngrams(real, synthetic, [_bins(side) for side in (real, synthetic)], 2 * BINS, ""),
    }


def raw(real: Biflows, synthetic: Biflows, seed: int) -> dict[str, float]:  # noqa: ARG001 - nothing is random
    """Divergences of n-grams of signed payload lengths as they are: jsd_1gram_raw, jsd_2gram_raw, jsd_markov_raw.

    As `binned`, without bins. Even two halves of the same real traffic differ a lot, since most pairs of lengths are
    rare: compare with the score of held-out real traffic.
    """
    require_comparable(real, synthetic)
    codes = [side.signed_pl.astype(np.int64) + side.pl_max for side in (real, synthetic)]
    return _ngrams(real, synthetic, codes, 2 * real.pl_max + 1, "_raw")


def _bins(side: Biflows) -> Integers:
    """Bin of each entry, int64 (N, P) in 0..2 BINS - 1, downstream first; undefined where there is no packet."""
    # The bin of every possible length, indexed by the length; a negative index counts from the end.
    length = np.concatenate([np.arange(side.pl_max + 1), np.arange(-side.pl_max, 0)])
    of_direction = (np.abs(length) - 1) * BINS // side.pl_max
    bins: Integers = np.where(length > 0, BINS + of_direction, BINS - 1 - of_direction)
    return bins[side.signed_pl]


def _ngrams(real: Biflows, synthetic: Biflows, codes: list[Integers], symbols: int, suffix: str) -> dict[str, float]:
    """Divergences of the symbols of packets, of pairs of successive ones, and of what follows each symbol.

    - jsd_1gram: symbols of all packets.
    - jsd_2gram: pairs (symbol of packet t, symbol of packet t + 1) of the same biflow.
    - jsd_markov: for each symbol b, the JSD of the symbols after b, weighted by the share of pairs that start with b
      (the mean over both sides). A symbol that starts pairs on one side only counts 1.

    Args:
        real: real biflows.
        synthetic: synthetic biflows.
        codes: symbol of each entry, one int64 (N, P) in 0..symbols-1 for each side; ignored where there is no packet.
        symbols: number of symbols.
        suffix: of the metrics' names.
    """
    classes = len(real.classes)
    singles, pairs = [], []
    for side, code in zip((real, synthetic), codes, strict=True):
        present = side.signed_pl != 0
        coded = _of_classes(side.label[:, None], code, symbols)
        singles.append(coded[present])
        goes_on = present[:, 1:]
        pairs.append(_of_classes(coded[:, :-1][goes_on], code[:, 1:][goes_on], symbols))
    gram1 = tally(singles[0], singles[1], classes * symbols)
    gram2 = tally(pairs[0], pairs[1], classes * symbols**2)
    divergences = {
        "jsd_1gram": _divergences(gram1, gram1.key // symbols, classes),
        "jsd_2gram": _divergences(gram2, gram2.key // symbols**2, classes),
        "jsd_markov": _markov(gram2, symbols, classes),
    }
    return {name + suffix: _macro(values, real, synthetic) for name, values in divergences.items()}


def _of_classes(prefix: npt.NDArray[np.signedinteger[Any]], code: Integers, symbols: int) -> Integers:
    """Keys that are unique for each pair of `prefix` and `code`, which is in 0..symbols-1."""
    return prefix.astype(np.int64) * symbols + code


def _divergences(counts: Tally, group: Integers, groups: int) -> Floats:
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
    m = (p + q) / 2
    terms = (_entropy_terms(p, m) + _entropy_terms(q, m)) / 2
    divergences: Floats = np.clip(np.bincount(group, terms, groups), 0.0, 1.0)
    divergences[(on_real == 0) != (on_synthetic == 0)] = 1.0
    return divergences


def _entropy_terms(p: Floats, m: Floats) -> Floats:
    """P log2(p / m), and 0 where p is 0."""
    return p * np.log2(p / m, out=np.zeros_like(p), where=p > 0)


def _markov(pairs: Tally, symbols: int, classes: int) -> Floats:
    """Weighted divergence of the symbols after each symbol, float64 (classes,).

    Args:
        pairs: pairs of symbols, key (class · symbols + first) · symbols + second.
        symbols: number of symbols.
        classes: number of classes.
    """
    starts, row = np.unique(pairs.key // symbols, return_inverse=True)
    label = starts // symbols
    by_row = _divergences(pairs, row, len(starts))
    weight = np.zeros(len(starts))
    missing = np.zeros(classes, np.int64)
    for occurrences in (pairs.real, pairs.synthetic):
        of_row = np.bincount(row, occurrences, len(starts))
        of_class = np.bincount(label, of_row, classes)
        weight += of_row / np.maximum(of_class, 1)[label] / 2
        missing += of_class == 0
    divergences: Floats = np.clip(np.bincount(label, weight * by_row, classes), 0.0, 1.0)
    divergences[missing == 1] = 1.0
    return divergences


def _macro(of_class: Floats, real: Biflows, synthetic: Biflows) -> float:
    """Mean over the classes of `real`, 1 for those without synthetic biflows."""
    values = np.where(synthetic.class_counts() > 0, of_class, 1.0)
    return float(values[real.class_counts() > 0].mean())
