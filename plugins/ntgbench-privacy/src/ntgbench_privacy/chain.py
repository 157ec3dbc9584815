"""Back-off chains over signed payload lengths: how likely a row is, by counts of what follows what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import SignedPL
    from ntgbench_privacy.singles import Floats, Mask

_SYMBOLS = 16  # bits of a symbol
_LEAST = 2**15  # is added to a symbol, so that none is negative


class Chains:
    """Numbers the contexts of rows once, so that chains can be counted on some of the rows and asked about others.

    The symbols of a row are its start, its signed payload lengths and, before position P, its end. The context of order
    k is the last k symbols. With c(h, s) the occurrences of the symbol s after the context h, c(h) their sum and d(h)
    the number of different symbols,

        p_k(s | h) = (c(h, s) + d(h) p_k-1(s | h')) / (c(h) + d(h)),

    where h' is h without its oldest symbol, p_k = p_k-1 after a context that never occurs and where fewer than k
    symbols come before, and p_-1 is uniform over the 2 pl_max + 1 symbols. Source: interpolated Witten-Bell smoothing,
    Chen & Goodman, "An empirical study of smoothing techniques for language modeling" (1998), section 2.4.
    """

    def __init__(self, signed_pl: SignedPL, order: int, pl_max: int) -> None:
        """Number the contexts of order 0 to `order` of rows, integers (N, P)."""
        self._rows, packets = signed_pl.shape
        self._uniform = 1 / (2 * pl_max + 1)
        there = np.ones(signed_pl.shape, bool)  # the end of a full row is certain
        there[:, 1:] = signed_pl[:, :-1] != 0
        self._row = np.repeat(np.arange(self._rows, dtype=np.int32), there.sum(axis=1))
        symbol = signed_pl[there].astype(np.int64) + _LEAST
        self._before = (np.flatnonzero(there) % packets + 1).astype(np.int32)  # symbols before each one, with the start
        first = self._before == 1
        context = np.zeros(len(symbol), np.int32)
        self._orders = []
        for _ in range(order + 1):
            known, gram = np.unique((context.astype(np.int64) << _SYMBOLS) + symbol, return_inverse=True)
            self._orders.append((context, gram.astype(np.int32), (known >> _SYMBOLS).astype(np.int32)))
            # What a symbol and its context make is the next symbol's context; 0 is the start.
            context = np.where(first, 0, np.concatenate([[0], gram[:-1] + 1])).astype(np.int32)

    def log_probability(self, counted: Mask, asked: Mask) -> Floats:
        """Natural logarithm of the probability of the `asked` rows in a chain of the `counted` ones, both bool (N,)."""
        of, at = counted[self._row], asked[self._row]
        before, p = self._before[at], np.full(np.count_nonzero(at), self._uniform)
        for order, (context, gram, parent) in enumerate(self._orders):
            times = np.bincount(gram[of], minlength=len(parent))
            total, kinds = np.bincount(parent, times), np.bincount(parent, times > 0)
            here = context[at]
            backed = (times[gram[at]] + kinds[here] * p) / np.maximum(total[here] + kinds[here], 1)
            p = np.where((total[here] > 0) & (order <= before), backed, p)
        of_rows: Floats = np.bincount(self._row[at], np.log(p), self._rows)[asked].astype(np.float64)
        return of_rows
