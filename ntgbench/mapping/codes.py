"""Systematic draws: the rows of a request share out a model's distribution, instead of each drawing for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import Labels

Sampling = Literal["independent", "systematic"]
"""How a model's rows are drawn: each for itself, or by `Codes`."""

Rows = npt.NDArray[np.int64]
"""Indices of rows."""

Floats = npt.NDArray[np.float64]
"""A number of each row."""

BELOW_ONE = float(np.nextafter(1.0, 0.0))
"""The largest float64 below 1."""


class Codes:
    """A code of each row, from which it is decoded token by token.

    The n rows of a class have the codes (i + U) / n for i = 0..n-1, in random order, with one uniform number U for the
    class: systematic sampling (Cochran 1977, chapter 8). Arithmetic decoding (Vilnis et al. 2023, arXiv 2210.15458)
    gives each token that can follow a part of the interval of the tokens before it, as wide as it is probable; a row
    gets the token in whose part its code lies. So of n rows, a beginning of probability p, given the class, is that of
    n p, rounded down or up: as many codes as lie in an interval of length p. (One number U for each row, in its own
    n-th, would allow one row more or less.) Each row alone has the distribution of the model, but the rows of a request
    are not independent.

    An interval of at most 1 / n has at most one code, and so has every part of it. From there on any choice of a part
    rounds all n p down or up, and the row goes on by uniform numbers of its own, which do not lose precision. A wider
    interval may also have a single code, but then a part of more than 1 / n must get it.

    Codes are kept in units of rows, n times as large: as such their rounding errors do not grow with the tokens.

    Attributes:
        place: float64 (N,). Distance of each row's code from the lower end of its present interval, in rows.
        width: float64 (N,). Length of this interval: the number of rows that are expected to begin as this one does.
        uniform: float64 (N, steps). The uniform numbers that replace the code in narrow intervals.
    """

    def __init__(self, labels: Labels, steps: int, rng: np.random.Generator) -> None:
        """Codes of new rows.

        Args:
            labels: class of each row, at least 0, int32 (N,).
            steps: the most tokens, or other choices, that a row is made of.
            rng: source of all random numbers.
        """
        count = np.bincount(labels)
        order = rng.permutation(len(labels))
        order = order[np.argsort(labels[order], kind="stable")]
        rank = np.empty(len(labels))
        rank[order] = np.arange(len(labels)) - np.repeat(np.cumsum(count) - count, count)
        self.place: Floats = rank + rng.random(len(count))[labels]
        self.width: Floats = count[labels].astype(np.float64)
        self.uniform: Floats = rng.random((len(labels), steps))

    def at(self, rows: Rows, step: int) -> Floats:
        """Where the code of each of `rows` lies in its interval, from 0 to below 1; `step` is the choice to be made."""
        width = self.width[rows]
        share = np.minimum(self.place[rows] / np.maximum(width, 1.0), BELOW_ONE)
        return np.where(width > 1.0, share, self.uniform[rows, step])

    def narrow(self, rows: Rows, low: Floats, high: Floats) -> None:
        """Let the intervals of `rows` be their parts from `low` to `high`, 0..1, in which `at` must lie."""
        width = self.width[rows]
        # By rounding the code may lie a little outside.
        self.place[rows] = np.maximum(self.place[rows] - width * low, 0.0)
        self.width[rows] = width * (high - low)

    def pick(
        self, rows: Rows, step: int, upto: npt.NDArray[Any], begin: npt.NDArray[Any], end: npt.NDArray[Any]
    ) -> Rows:
        """The entry of a table that each of `rows` gets, int64 (rows,); its interval becomes that of the entry.

        Args:
            rows: which rows choose.
            step: which choice of the row this is, from 0.
            upto: cumulated weights of the whole table, this entry included: rising from above 0, integers or float64.
            begin: cumulated weights before the first entry that each row can get, (rows,).
            end: cumulated weights up to the last entry that each row can get, (rows,).
        """
        total = (end - begin).astype(np.float64)
        wanted = np.minimum(begin + self.at(rows, step) * total, np.nextafter(end, begin, dtype=np.float64))
        found: Rows = np.searchsorted(upto, wanted, side="right")
        before = np.where(found > 0, upto[found - 1], 0)
        self.narrow(rows, (before - begin) / total, (upto[found] - begin) / total)
        return found
