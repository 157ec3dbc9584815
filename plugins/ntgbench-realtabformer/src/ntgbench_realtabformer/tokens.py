"""Rows as tokens, by the package, and the layout of these tokens, by which rows are read from them again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.learning.quiet import quiet

if TYPE_CHECKING:
    import numpy.typing as npt

    from ntgbench_realtabformer.rows import Rows

SPECIAL = 11
"""Special tokens of the package, before all others."""

BOS, EOS, RMASK = 5, 6, 9
"""Tokens that begin a row, end it, and stand for what is masked."""

SEPARATOR = "___"


@dataclass(frozen=True)
class Layout:
    """What stands where in a row of tokens.

    Attributes:
        columns: names of columns, in order, and at how many places after one another their digits stand.
        parts: for each place, the digits that its tokens stand for, as text in order; at least one.
    """

    columns: dict[str, int]
    parts: tuple[tuple[str, ...], ...]

    @cached_property
    def first(self) -> list[int]:
        """The first token of each place, and the number of all tokens."""
        return [int(at) for at in SPECIAL + np.cumsum([0, *map(len, self.parts)])]

    def read(self, tokens: npt.NDArray[np.int64]) -> Rows:
        """The rows that tokens, (N, places) without BOS and EOS, stand for; each token must be one of its place."""
        rows, place = {}, 0
        for column, places in self.columns.items():
            number = np.zeros(len(tokens), np.int64)
            for at in range(place, place + places):
                values = np.array([int(part) for part in self.parts[at]], np.int64)
                number = number * 10 ** len(self.parts[at][0]) + values[tokens[:, at] - self.first[at]]
            rows[column] = number
            place += places
        return rows


def tokenised(rows: Rows, digits: int) -> tuple[Layout, npt.NDArray[np.int64]]:
    """The package's tokens of rows, int64 (N, places + 2) from BOS to EOS, and their layout."""
    import pandas as pd

    with quiet():
        from realtabformer.data_utils import SpecialTokens, build_vocab, process_data

    table, _ = process_data(pd.DataFrame(rows), numeric_nparts=digits)
    vocabulary = build_vocab(table, special_tokens=SpecialTokens.tokens(), add_columns=False)
    names, known = vocabulary["id2token"], vocabulary["column_token_ids"]
    columns: dict[str, int] = {}
    for place in table.columns:
        column = place.rpartition("_")[0].rpartition(SEPARATOR)[2]
        columns[column] = columns.get(column, 0) + 1
    parts = tuple(tuple(names[one].rpartition(SEPARATOR)[2] for one in known[place]) for place in table.columns)
    tokens = np.full((len(table), len(parts) + 2), BOS, np.int64)
    tokens[:, -1] = EOS
    for at, place in enumerate(table.columns):
        tokens[:, at + 1] = table[place].map(vocabulary["token2id"])
    return Layout(columns, parts), tokens
