"""A back-off chain over signed payload lengths: the next packet depends on all packets before it, as far as known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import PluginError
from ntgbench.mapping.codes import Codes
from ntgbench.saved import Like
from ntgbench.traffic.biflows import MOST_PACKETS
from ntgbench_baselines.histories import END, Histories, Table, counted, keys
from ntgbench_baselines.model import FILE, read_model, require, require_known, write_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ntgbench.interfaces import Context, Likelihood
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_baselines.histories import Ints
    from ntgbench_baselines.parameters import BackoffParameters

Floats = npt.NDArray[np.float64]

CELLS = 1 << 22
"""Entries of the largest dense array of probabilities."""

TABLE = {
    "symbol": Like("I16", (None,)),
    "count": Like("I32", (None,)),
    "size": Like("I32", (None,)),
    "layout": Like("I64", (2,)),
}
"""Tensors of a saved model."""


class Backoff:
    """A chain per class that mixes histories of all lengths, from the longest that was seen to none.

    Let h be a history, that is the start of the biflow and all packets since, or the last few packets; h' the same
    without what is first in it, the start or a packet; and c a class, or * for all classes together. With n(c, h, x)
    counts of what follows, d the discount, C the sum of n and D that of the discounts taken from them,

        p(x | c, h) = max(n(c, h, x) - d, 0) / C(c, h) + D(c, h) / C(c, h) · q(x | c, h)
        q(x | c, h) = p(x | c, h')                                                    where C(c, h) >= shared
                      max(n(*, h, x) - d, 0) / C(*, h) + D(*, h) / C(*, h) · p(x | c, h')      where it is less.

    Before the first packet and without any history, the second form of q always holds, with a uniform distribution in
    the place of p(x | c, h'): over all payload lengths of both signs up to pl_max, and the end, which is impossible
    before the first packet. Thus any biflow of a class of the training set has a probability above 0 if D is above 0.
    A history of the class that nothing follows in the training set is left out: p(x | c, h) = p(x | c, h').

    Counts of the longest histories, and of those from the start, are those of the training set. For `absolute` counts
    this is so for all others too (absolute discounting: Ney, Essen & Kneser 1994, doi 10.1006/csla.1994.1001). For
    `kneser-ney`, n(c, h, x) is the number of histories one packet longer, or the start and h, that x follows, and
    n(*, h, x) the number of classes in which x follows h (Kneser & Ney 1995, doi 10.1109/ICASSP.1995.479394; with
    interpolation as of Chen & Goodman 1999, doi 10.1006/csla.1999.0128). An `estimated` discount is section 3 of the
    latter: see `_estimated`.
    """

    def __init__(self, parameters: BackoffParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:
        """Count what follows the histories of the training set."""
        self.classes, self.packets, self.pl_max = train.classes, train.packets, train.pl_max
        self._weigh(counted(train, self._depth(), self.parameters.shared > 0))
        context.progress(1, 1)

    def _depth(self) -> int:
        return min(self.parameters.order, self.packets - 1)

    def _weigh(self, table: Table) -> None:
        """Work out the weights of entries. Raises ValueError for a table that makes no sense."""
        self.histories = own = Histories(table, len(self.classes), self._depth(), self.parameters.shared > 0)
        every, histories = len(self.classes) + 1, len(table.size)
        count = table.count.astype(np.int64)
        if self.parameters.counts == "kneser-ney":
            longest = (own.root >= every) | ((own.level == own.depth) & (self.packets - 1 > own.depth))
            lower = ~longest[own.history] | (own.root[own.history] % every == every - 1)
            count = np.where(lower & (own.ways > 0), own.ways, count)
        if self.parameters.discount == "estimated":
            # Levels: histories of as many packets, of the same kind of tree.
            kind = 2 * (own.root >= every) + (own.root % every == every - 1)
            discount = _estimated(count, (4 * own.level + kind)[own.history])
        else:
            discount = np.full(len(count), self.parameters.discount)
        self.kept = np.maximum(count - discount, 0.0)
        self.upto = np.concatenate([[0.0], np.cumsum(self.kept)])
        self.total = np.bincount(own.history, count, histories)
        known = np.maximum(self.total, 1.0)
        self.stays = np.bincount(own.history, self.kept, histories) / known
        self.leaves = np.where(self.total > 0, np.bincount(own.history, count - self.kept, histories) / known, 1.0)
        self.share = self.kept / known[own.history]

    def _known(self) -> npt.NDArray[np.bool_]:
        """Whether each class has training biflows."""
        first = len(self.classes) + 1
        known: npt.NDArray[np.bool_] = self.histories.table.size[first : 2 * first - 1] > 0
        return known

    def _started(self, label: Labels) -> Ints:
        return label.astype(np.int64) + len(self.classes) + 1

    def _levels(self, history: Ints, alive: npt.NDArray[np.bool_]) -> Iterator[tuple[Ints, Ints]]:
        """The histories that are mixed, of longest histories (M,): which of the M are at it, and the history.

        What is not `alive` any more, bool (M,), is left out from then on.
        """
        roots = 2 * (len(self.classes) + 1)
        rows, own = np.arange(len(history)), history
        while len(rows):
            yield rows, own
            total = self.total[own]
            few = alive[rows] & ((own < roots) | ((total > 0) & (total < self.parameters.shared)))
            yield rows[few], self.histories.alike[own[few]]
            on = alive[rows] & (own >= roots)
            rows, own = rows[on], self.histories.shorter[own[on]]

    def _uniform(self, history: Ints, symbol: npt.NDArray[np.int16]) -> Floats:
        """The probability of each symbol where nothing is known, (M,)."""
        start = (history > len(self.classes)) & (history < 2 * (len(self.classes) + 1))
        size = np.abs(symbol.astype(np.int64))
        possible = (size <= self.pl_max) & ~(start & (symbol == END))
        probability: Floats = possible / (2 * self.pl_max + 1 - start)
        return probability

    def _probability(self, history: Ints, symbol: npt.NDArray[np.int16]) -> Floats:
        """That of each symbol after the history beside it, both (M,)."""
        found, left = np.zeros(len(history)), np.ones(len(history))
        for rows, at in self._levels(history, np.ones(len(history), np.bool_)):
            entry = self.histories.find(at, symbol[rows])
            found[rows] += left[rows] * np.where(entry >= 0, self.share[entry], 0.0)
            left[rows] *= self.leaves[at]
        return found + left * self._uniform(history, symbol)

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """One random walk for each label, drawn as `BackoffParameters.sampling` says.

        Raises PluginError for a class without training biflows.
        """
        require_known(labels, self._known(), self.classes)
        biflows = np.zeros((len(labels), self.packets), np.int16)
        going, history = np.arange(len(labels)), self._started(labels)
        codes = Codes(labels, self.packets, rng) if self.parameters.sampling == "systematic" else None
        for position in range(self.packets):
            if codes is None:
                drawn = self._drawn(history, rng.random(len(going)))
            else:
                drawn = self._decoded(history, codes, going, position)
            biflows[going, position] = drawn
            on = drawn != END
            going, history = going[on], self.histories.after(history[on], drawn[on])
        return biflows

    def _drawn(self, history: Ints, uniform: Floats) -> npt.NDArray[np.int16]:
        """A symbol after each history, (M,), by a uniform number for each: first a level, then an entry of it."""
        drawn, alive, begin = np.zeros(len(history), np.int16), np.ones(len(history), np.bool_), self.histories.begin
        for rows, at in self._levels(history, alive):
            wanted, leaves = uniform[rows], self.leaves[at]
            stays = wanted >= leaves
            # Within its part, the number is uniform again.
            uniform[rows[~stays]] = wanted[~stays] / leaves[~stays]
            rows, at, leaves = rows[stays], at[stays], leaves[stays]
            share = (wanted[stays] - leaves) / (1.0 - leaves)
            low, high = self.upto[begin[at]], self.upto[begin[at + 1]]
            entry = np.searchsorted(self.upto, low + share * (high - low), side="right") - 1
            drawn[rows] = self.histories.table.symbol[np.clip(entry, begin[at], begin[at + 1] - 1)]
            alive[rows] = False
        rest = np.flatnonzero(alive)
        start = self._uniform(history[rest], np.full(len(rest), END, np.int16)) == 0
        place = np.floor(uniform[rest] * (2 * self.pl_max + 1 - start)).astype(np.int64)
        place = np.minimum(place, 2 * self.pl_max - start) - self.pl_max
        drawn[rest] = place + (start & (place >= 0))
        return drawn

    def _decoded(self, history: Ints, codes: Codes, rows: Ints, position: int) -> npt.NDArray[np.int16]:
        """A symbol after each history, (M,), by codes.

        Where one row at most is expected to begin as it does, its code is a uniform number, and no other row's depends
        on how it is used. The others need the whole distribution.
        """
        drawn = np.zeros(len(rows), np.int16)
        wide = codes.width[rows] > 1.0
        drawn[~wide] = self._drawn(history[~wide], codes.at(rows[~wide], position))
        distinct, of = np.unique(history[wide], return_inverse=True)
        wide_rows, symbols = np.flatnonzero(wide), 2 * self.pl_max + 1
        step = max(CELLS // symbols, 1)
        for first in range(0, len(distinct), step):
            here = (of >= first) & (of < first + step)
            upto = np.cumsum(self._distributions(distinct[first : first + step]))
            bounds = np.concatenate([[0.0], upto[symbols - 1 :: symbols]])
            table = of[here] - first
            place = codes.pick(rows[wide_rows[here]], position, upto, bounds[table], bounds[table + 1])
            drawn[wide_rows[here]] = place % symbols - self.pl_max
        return drawn

    def _distributions(self, history: Ints) -> Floats:
        """The probabilities of -pl_max..pl_max after each history, (M, 2 pl_max + 1)."""
        own, left = self.histories, np.ones((len(history), 1))
        found = np.zeros((len(history), 2 * self.pl_max + 1))
        for rows, at in self._levels(history, np.ones(len(history), np.bool_)):
            size = own.table.size[at]
            row = np.repeat(rows, size)
            entry = np.arange(len(row)) + np.repeat(own.begin[at] - np.cumsum(size) + size, size)
            found[row, own.table.symbol[entry].astype(np.int64) + self.pl_max] += left[row, 0] * self.share[entry]
            left[rows, 0] *= self.leaves[at]
        uniform = [self._uniform(history, np.full(len(history), symbol, np.int16)) for symbol in (1, END)]
        found += left * uniform[0][:, None]
        found[:, self.pl_max] += left[:, 0] * (uniform[1] - uniform[0])
        return found

    def log_likelihood(self, biflows: Biflows) -> Likelihood:
        """Logarithms of the probabilities with which `sample` draws.

        Biflows of more than P packets, or of longer payloads than pl_max, are impossible, and so are those of classes
        without training biflows. Raises PluginError for labels that are no class.
        """
        require_known(biflows.label, np.ones(len(self.classes), np.bool_), self.classes)
        symbols = np.pad(biflows.signed_pl, ((0, 0), (0, 1)))
        told = np.zeros(symbols.shape)
        rows, history = np.arange(len(biflows)), self._started(biflows.label)
        for position in range(min(symbols.shape[1], self.packets)):
            symbol = symbols[rows, position]
            _, first, same = np.unique(keys(history, symbol), return_index=True, return_inverse=True)
            with np.errstate(divide="ignore"):  # an impossible symbol
                told[rows, position] = np.log(self._probability(history[first], symbol[first]))[same]
            on = symbol != END
            rows, history = rows[on], self.histories.after(history[on], symbol[on])
        if biflows.packets > self.packets:
            told[symbols[:, self.packets] != END, self.packets] = -np.inf
        told[~self._known()[biflows.label], 0] = -np.inf
        return told

    def save(self, folder: Path) -> None:
        """Write the table of what follows the histories."""
        layout = np.array([self.packets, self.pl_max])
        write_model(folder, {**vars(self.histories.table), "layout": layout}, self.classes)

    def load(self, folder: Path) -> None:
        """Read the table. Raises PluginError when it is damaged or of other parameters."""
        arrays, self.classes = read_model(folder, TABLE)
        self.packets, self.pl_max = arrays.pop("layout").tolist()
        require(1 <= self.packets <= MOST_PACKETS, folder, f"biflows of 1..{MOST_PACKETS} packets")
        require(1 <= self.pl_max <= np.iinfo(np.int16).max, folder, "payload lengths of 16 bits")
        table = Table(**arrays)
        fits = (table.symbol <= self.pl_max) & (table.symbol >= -self.pl_max)
        require(fits.all(), folder, "symbols that are payload lengths or the end")
        try:
            self._weigh(table)
        except ValueError as error:
            raise PluginError(f"{folder / FILE} is damaged, or of other parameters; it must have {error}") from error


def _estimated(count: Ints, level: Ints) -> Floats:
    """Discounts D1, D2 and D3 of counts of 1, 2 and more, estimated for each level; float64 (E,).

    With n_j the number of counts of j at the level and Y = n1 / (n1 + 2 n2), D_j = j - (j + 1) Y n_(j + 1) / n_j (Chen
    & Goodman 1999, equation 17). Where this is not above 0, or n_j is 0, half of j stands for it: there are too few
    counts to tell, and without a discount nothing new would be possible. So it does where all of a count of more than 1
    would be taken: what occurs again is not left to chance because nothing occurs once, or nothing j + 1 times.
    """
    levels = int(level.max()) + 1
    of = np.bincount(5 * level + np.minimum(count, 5) - 1, minlength=5 * levels).reshape(levels, 5)[:, :4]
    rank, number = np.arange(1, 4), np.maximum(of[:, :3], 1)
    share = of[:, :1] / np.maximum(of[:, :1] + 2 * of[:, 1:2], 1)
    found = rank - (rank + 1) * share * of[:, 1:] / number
    told = (found > 0) & ((found < rank) | (rank == 1)) & (of[:, :3] > 0)
    found = np.where(told, found, rank / 2)
    discount: Floats = found[level, np.minimum(count, 3) - 1]
    return discount
