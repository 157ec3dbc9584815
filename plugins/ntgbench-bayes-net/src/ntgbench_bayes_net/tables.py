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

        P_l(x | c) = (n_l(x, c) + s P_(l-1)(x | c)) / (n_l(c) + s),   P_0(x | c) = n_0(x, c) / n_0(c)

    after MacKay & Peto, "A hierarchical Dirichlet language model", Natural Language Engineering 1(3), 1995. To draw from
    P_l is to draw from the counts of level l with the chance n_l(c) / (n_l(c) + s), and otherwise from P_(l-1).
    """

    sizes: tuple[int, ...]  # number of values of each column of a context
    symbols: int
    smoothing: float
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
            smoothing: s.
        """
        counted = []
        for wanted in levels:
            code = coded(columns, sizes, wanted)
            known = code >= 0
            pair, count = np.unique(code[known] * symbols + symbol[known], return_counts=True)
            contexts, first = np.unique(pair // symbols, return_index=True)
            upto = np.cumsum(count)
            bounds = np.append(0, upto)[np.append(first, len(pair))]
            counted.append(Level(tuple(wanted), contexts, bounds, pair % symbols, upto))
        return Table(tuple(sizes), symbols, smoothing, tuple(counted))

    def draw(self, columns: Sequence[Numbers], rng: np.random.Generator) -> Numbers:
        """A symbol for each context, int64 (N,), of columns as in `of`. Level 0 must have seen every context."""
        drawn = np.zeros(len(columns[0]), np.int64)
        open_rows: Numbers | slice = slice(None)
        for number in range(len(self.levels) - 1, -1, -1):
            level = self.levels[number]
            low, count = level.occurrences(coded([column[open_rows] for column in columns], self.sizes, level.columns))
            chance = rng.random(len(low)) * (count + (self.smoothing if number else 0.0))
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
            weight = self.smoothing if number else 0.0
            share = np.divide(together + weight * share, alone + weight, where=alone + weight > 0, out=share)
        return share


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
) -> Floats:
    """Share that each row's symbol has in a level counted without this row, float64 (N,).

    Args:
        columns: int64 (N,) each: what the level looks at.
        symbol: int64 (N,).
        symbols: number of symbols.
        smoothing: s.
        below: the same of the level below; None for level 0, which is smoothed by equal shares here.
    """
    context = codes(*columns) if columns else np.zeros(len(symbol), np.int64)
    pair = codes(context, symbol)
    together, alone = np.bincount(pair)[pair], np.bincount(context)[context]
    prior = 1.0 / symbols if below is None else below
    shares: Floats = (together - 1 + smoothing * prior) / (alone - 1 + smoothing)
    return shares
