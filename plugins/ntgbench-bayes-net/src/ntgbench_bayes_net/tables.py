"""Conditional tables of counts, each smoothed by a less special one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from collections.abc import Sequence

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WEIGHTS = (1, 4, 16, 64)
"""Weights of a level that are tried, as multiples of the smallest one."""

UNKNOWN = -1
"""In a context: a value that is not known. No level with that column has seen it."""


@dataclass(frozen=True, eq=False)
class Level:
    """Counts of symbols in contexts, sorted by context and symbol.

    Context i has the occurrences `bounds[i] <= occurrence < bounds[i + 1]`.
    """

    columns: tuple[int, ...]  # columns that a context of this level consists of
    contexts: Numbers  # int64 (M,). Code of each context that was seen, rising
    bounds: Numbers  # int64 (M + 1,). Rising from 0
    symbol: Numbers  # int64 (E,)
    upto: Numbers  # int64 (E,). Occurrences up to this symbol of this context, itself included
    weight: float  # s of this level; of level 0 it does not count

    def occurrences(self, code: Numbers) -> tuple[Numbers, Numbers]:
        """The first occurrence of each context, and how many it has: int64 (N,) each. 0 for one that was not seen."""
        if not len(self.contexts):
            return np.zeros(len(code), np.int64), np.zeros(len(code), np.int64)
        place = np.minimum(np.searchsorted(self.contexts, code), len(self.contexts) - 1)
        low = self.bounds[place]
        return low, np.where(self.contexts[place] == code, self.bounds[place + 1] - low, 0)

    def sources(self) -> Numbers:
        """The context of each entry, int64 (E,)."""
        ends = np.searchsorted(self.upto, self.bounds[1:], side="left") + 1
        return np.repeat(self.contexts, np.diff(ends, prepend=0))


@dataclass(frozen=True, eq=False)
class Table:
    """Shares of symbols given a context, with back-off: a hierarchy of Dirichlet priors in their mean.

    With n_l(x, c) the occurrences of symbol x in the part c of the context that level l looks at,

        P_l(x | c) = (n_l(x, c) + s_l P_(l-1)(x | c)) / (n_l(c) + s_l),   P_0(x | c) = n_0(x, c) / n_0(c)

    after MacKay & Peto, "A hierarchical Dirichlet language model", Natural Language Engineering 1(3), 1995. To draw
    from P_l is to draw from the counts of level l with the chance n_l(c) / (n_l(c) + s_l), and otherwise from P_(l-1).
    s_l is the one of `smoothing` times 1, 4, 16 or 64 that predicts the training rows best, each without itself.
    """

    sizes: tuple[int, ...]  # number of values of each column of a context
    symbols: int
    levels: tuple[Level, ...]  # the least special one first

    @staticmethod
    def of(
        columns: Sequence[Numbers],
        symbol: Numbers,
        sizes: Sequence[int],
        symbols: int,
        levels: Sequence[tuple[int, ...]],
        smoothing: float,
    ) -> Table:
        """Count.

        Args:
            columns: int64 (N,) each, 0 <= value < size or `UNKNOWN`.
            symbol: int64 (N,), 0 <= symbol < symbols.
            sizes: number of values of each column.
            symbols: number of symbols.
            levels: the columns that each level looks at, the least special one first.
            smoothing: s at least.
        """
        counted: list[Level] = []
        below: Floats | None = None
        for wanted in levels:
            code = coded(columns, sizes, wanted)
            known = code >= 0
            pair, count = np.unique(code[known] * symbols + symbol[known], return_counts=True)
            contexts, first = np.unique(pair // symbols, return_index=True)
            upto = np.cumsum(count)
            bounds = np.append(0, upto)[np.append(first, len(pair))]
            below, weight = left_out([columns[at] for at in wanted], symbol, symbols, smoothing, below)
            counted.append(Level(tuple(wanted), contexts, bounds, pair % symbols, upto, weight))
        return Table(tuple(sizes), symbols, tuple(counted))

    def draw(self, columns: Sequence[Numbers], rng: np.random.Generator, spread: bool = False) -> Numbers:
        """A symbol for each context, int64 (N,), of columns as in `of`. Level 0 must have seen every context.

        With `spread`, rows of one context share its symbols as evenly as they can: each row has the same shares as
        without, but how often a symbol comes out in all rows varies less (systematic draws).
        """
        drawn = np.zeros(len(columns[0]), np.int64)
        open_rows: Numbers | slice = slice(None)
        for number in range(len(self.levels) - 1, -1, -1):
            level = self.levels[number]
            code = coded([column[open_rows] for column in columns], self.sizes, level.columns)
            low, count = level.occurrences(code)
            share = _spread(code, rng) if spread else rng.random(len(code))
            chance = share * (count + (level.weight if number else 0.0))
            taken = chance < count
            occurrence = low[taken] + chance[taken].astype(np.int64)
            symbol = level.symbol[np.searchsorted(level.upto, occurrence, side="right")]
            if isinstance(open_rows, slice):
                open_rows = np.arange(len(low))
            drawn[open_rows[taken]] = symbol
            open_rows = open_rows[~taken]
            if not len(open_rows):
                break
        return drawn

    def shares(self, columns: Sequence[Numbers], symbol: Numbers) -> Floats:
        """P(symbol | context) of each row, float64 (N,); 0 where level 0 has not seen the context."""
        share = np.zeros(len(symbol))
        for number, level in enumerate(self.levels):
            code = coded(columns, self.sizes, level.columns)
            _, alone = level.occurrences(code)
            entries = level.sources() * self.symbols + level.symbol
            wanted = code * self.symbols + symbol
            found = np.isin(wanted, entries) & (code >= 0)
            together = np.zeros(len(symbol), np.int64)
            together[found] = np.diff(level.upto, prepend=0)[np.searchsorted(entries, wanted[found])]
            weight = level.weight if number else 0.0
            share = np.divide(together + weight * share, alone + weight, where=alone + weight > 0, out=share)
        return share


def _spread(code: Numbers, rng: np.random.Generator) -> Floats:
    """Numbers in 0..1, evenly distributed each, and evenly spread over the rows with the same code, float64 (N,)."""
    order = np.lexsort((rng.random(len(code)), code))
    begins = np.flatnonzero(np.diff(code[order], prepend=code[order[:1]] - 1))
    size = np.diff(np.append(begins, len(code)))
    rank = np.arange(len(code)) - np.repeat(begins, size)
    shares = np.empty(len(code))
    # One random offset for all rows of a code.
    shares[order] = (rank + np.repeat(rng.random(len(size)), size)) / np.repeat(size, size)
    return shares


def coded(columns: Sequence[Numbers], sizes: Sequence[int], wanted: Sequence[int]) -> Numbers:
    """One number for the values of the `wanted` columns, int64 (N,); negative when one of them is not known."""
    code = np.zeros(len(columns[0]), np.int64)
    known = None
    for column in wanted:
        values = columns[column]
        code = code * sizes[column] + values
        known = values >= 0 if known is None else known & (values >= 0)
    return code if known is None else np.where(known, code, UNKNOWN)


def left_out(
    columns: Sequence[Numbers], symbol: Numbers, symbols: int, smoothing: float, below: Floats | None = None
) -> tuple[Floats, float]:
    """Share of each row's symbol in a level counted without this row, float64 (N,), and the weight s of the level.

    Args:
        columns: int64 (N,) each: what the level looks at.
        symbol: int64 (N,).
        symbols: number of symbols.
        smoothing: s at least.
        below: the same of the level below; None for level 0, which is smoothed by equal shares here.
    """
    context = codes(*columns) if columns else np.zeros(len(symbol), np.int64)
    pair = codes(context, symbol)
    together, alone = np.bincount(pair)[pair] - 1, np.bincount(context)[context] - 1
    prior = np.full(len(symbol), 1.0 / symbols) if below is None else below
    best: tuple[Floats, float] = (prior, smoothing)
    highest = -np.inf
    for weight in (smoothing * factor for factor in WEIGHTS[: 1 if below is None else None]):
        shares = (together + weight * prior) / (alone + weight)
        score = float(np.log(shares).sum())
        if score > highest:
            best, highest = (shares, weight), score
    return best
