"""Histories of biflows and what follows them, with and without the class: the table under `backoff`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.tracks.biflows.interfaces import SignedPL
    from ntgbench.traffic.biflows import Biflows

Ints = npt.NDArray[np.int64]

END = 0
"""Symbol after the last packet, which is also the padding of a biflow."""

SHIFT = 1 << 15
"""Makes symbols numbers from 0."""


@dataclass(frozen=True, eq=False)
class Table:
    """What a model keeps: E entries, sorted by history. Each is a symbol that follows a history.

    Attributes:
        symbol: int16 (E,). A signed payload length or END, rising within a history.
        count: int32 (E,). How often it follows the history in the training set.
        size: int32 (histories,). Entries of each history.
    """

    symbol: npt.NDArray[np.int16]
    count: npt.NDArray[np.int32]
    size: npt.NDArray[np.int32]


class Histories:
    """A forest of histories of at most `depth` packets, made from its table.

    For class c of K there are two trees, and two more, c = K, for all classes together. In the first tree a history is
    the last packets, whatever came before; its root, number c, is that of no packet. In the second one it is all
    packets from the start of the biflow on; its root, number K + 1 + c, is the start. What is said of a class's tree
    is not said of those of all classes, which have packets only if `shared`.

    Histories are numbered by their packets, the roots first, and then by the entries that lead to them. So the table
    need not hold the numbers.

    Attributes:
        table: see `Table`.
        classes: K.
        depth: packets of the longest histories.
        history: int64 (E,). History of each entry.
        begin: int64 (histories + 1,). First entry of each history.
        root: int64 (histories,). Root of the tree that a history is in.
        level: int64 (histories,). Packets of a history.
        longer: int64 (E,). The history that an entry leads to; -1 after END and where histories are longest.
        shorter: int64 (histories,). The history of a class without what is first in it: the start or a packet. Root c
            has itself. -1 for all classes.
        alike: int64 (histories,). The history of all classes with the same packets; -1 where there is none.
        ways: int64 (E,). Of a history of a class, the number of histories of one more packet, or the start, that the
            symbol follows; of a history of all classes, the number of classes in which it follows.
    """

    def __init__(self, table: Table, classes: int, depth: int, shared: bool) -> None:
        """Work out what the table does not hold.

        Raises ValueError that says what a table must have and this one has not.
        """
        symbol, count, size = table.symbol, table.count, table.size
        roots = 2 * (classes + 1)
        _require(len(symbol) == len(count) > 0, "columns of equal length")
        _require(len(size) >= roots and (size >= 0).all(), "a number of entries for each history")
        _require(int(size.sum(dtype=np.int64)) == len(symbol), "a history for each entry")
        _require((count >= 1).all(), "counts of at least 1")
        self.table, self.classes, self.depth = table, classes, depth
        self.begin = np.concatenate([[0], np.cumsum(size, dtype=np.int64)])
        self.history = np.repeat(np.arange(len(size)), size)
        self._key = keys(self.history, symbol)
        _require((self._key[1:] > self._key[:-1]).all(), "symbols that rise within a history")
        _require((symbol[self.begin[classes + 1] : self.begin[roots]] != END).all(), "a packet at the start")
        self.root, self.level = np.arange(len(size)), np.zeros(len(size), np.int64)
        self.longer = np.full(len(symbol), -1)
        first, end = 0, roots
        for level in range(1, depth + 1):
            entries = np.arange(self.begin[first], self.begin[end])
            entries = entries[symbol[entries] != END]
            first, end = end, end + len(entries)
            _require(end <= len(size), "a history for each packet")
            self.longer[entries] = np.arange(first, end)
            self.root[first:end] = self.root[self.history[entries]]
            self.level[first:end] = level
        _require(end == len(size), "a history for each packet")
        self._link(shared)

    def _link(self, shared: bool) -> None:
        """Find the shorter history and that of all classes for each, from the roots on."""
        symbol, histories, every = self.table.symbol, len(self.table.size), self.classes + 1
        self.shorter, self.alike = np.full(histories, -1), np.full(histories, -1)
        roots = np.arange(2 * every)
        self.shorter[roots], self.alike[roots] = roots % every, np.where(roots < every, every, 2 * every) - 1
        of_class = np.flatnonzero(self.root[self.history] % every != self.classes)
        bounds = np.searchsorted(self.level[self.history[of_class]], np.arange(self.depth + 2))
        self.ways = np.zeros(len(symbol), np.int64)
        for level in range(self.depth + 1):
            entry = of_class[bounds[level] : bounds[level + 1]]
            history, leads = self.history[entry], self.longer[entry] >= 0
            into, bare = self.longer[entry[leads]], history < every
            found = self.find(self.shorter[history], symbol[entry])
            _require((found >= 0).all(), "for each entry one of the shorter history")
            self.ways += np.bincount(found[~bare], minlength=len(symbol))
            # Without its first packet, a history of one packet is that of none.
            self.shorter[into] = np.where(bare, history, self.longer[found])[leads]
            if shared or level == 0:
                found = self.find(self.alike[history], symbol[entry])
                _require((found >= 0).all(), "for each entry one of all classes")
                self.ways += np.bincount(found, minlength=len(symbol))
                self.alike[into] = self.longer[found[leads]]

    def find(self, history: Ints, symbol: npt.NDArray[np.int16]) -> Ints:
        """The entry of each symbol after the history beside it, both (M,); -1 where there is none."""
        key = keys(history, symbol)
        place = np.minimum(np.searchsorted(self._key, key), len(self._key) - 1)
        found: Ints = np.where(self._key[place] == key, place, -1)
        return found

    def after(self, history: Ints, symbol: npt.NDArray[np.int16]) -> Ints:
        """The longest history of the class that a packet leads to, (M,)."""
        new, going, shorter = self.root[history] % (self.classes + 1), np.arange(len(history)), history
        while len(going):
            entry = self.find(shorter, symbol[going])
            leads = np.where(entry >= 0, self.longer[entry], -1)
            new[going[leads >= 0]] = leads[leads >= 0]
            on = (leads < 0) & (shorter > self.classes)
            going, shorter = going[on], self.shorter[shorter[on]]
        return new


def _require(fine: bool | np.bool_, rule: str) -> None:
    if not fine:
        raise ValueError(rule)


def keys(history: Ints, symbol: npt.NDArray[np.int16]) -> Ints:
    """One number for a history and the symbol that follows it, which rises with both."""
    return (history << 16) + (symbol.astype(np.int64) + SHIFT)


def going(signed_pl: SignedPL) -> npt.NDArray[np.bool_]:
    """Whether a packet or the end stands at each position, bool (N, P)."""
    stands = np.ones(signed_pl.shape, np.bool_)
    stands[:, 1:] = signed_pl[:, :-1] != 0
    return stands


def counted(train: Biflows, depth: int, shared: bool) -> Table:
    """What follows each history of at most `depth` packets in the training set.

    Those of all classes together have packets only if `shared`. The end after P packets is not counted: it comes from
    the width of the matrix.
    """
    every, label = len(train.classes) + 1, train.label.astype(np.int64)
    place = np.flatnonzero(going(train.signed_pl))
    start = np.arange(len(train)) * train.packets
    own, own_start = label[place // train.packets], label + every
    # Each symbol with a history before it. Round by round the histories get one packet longer.
    history = np.concatenate([own, np.full_like(own, every - 1), own_start, np.full_like(own_start, 2 * every - 1)])
    place = np.concatenate([place, place, start, start])
    symbols, last = train.signed_pl.ravel(), train.packets - 1
    columns: list[tuple[npt.NDArray[np.int16], npt.NDArray[np.int32], npt.NDArray[np.int32]]] = []
    first, end = 0, 2 * every
    for _ in range(depth + 1):
        key, entry, count = np.unique(keys(history, symbols[place]), return_inverse=True, return_counts=True)
        symbol = ((key & 0xFFFF) - SHIFT).astype(np.int16)
        size = np.bincount((key >> 16) - first, minlength=end - first)
        columns.append((symbol, count.astype(np.int32), size.astype(np.int32)))
        on = (symbols[place] != END) & (place % train.packets < last)
        if first == 0 and not shared:
            on &= history % every != every - 1
        history, place = end + np.cumsum(symbol != END)[entry[on]] - 1, place[on] + 1
        first, end = end, end + int((symbol != END).sum())
    return Table(*(np.concatenate(column) for column in zip(*columns, strict=True)))
