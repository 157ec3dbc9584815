"""Markov chains over signed payload lengths: the next packet depends on the class and on the last few packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.saved import Like
from ntgbench.traffic.biflows import MOST_PACKETS
from ntgbench_baselines.model import read_model, require, require_known, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_baselines.parameters import MarkovParameters

END = 0
"""Symbol after the last packet, which is also the padding of a biflow."""

START = np.iinfo(np.int16).min
"""Symbol before the first packet. It is never a payload length, since pl_max is at most 32767."""

TABLE = {
    "symbol": Like("I16", (None,)),
    "upto": Like("I64", (None,)),
    "following": Like("I64", (None,)),
    "bounds": Like("I64", (None,)),
    "initial": Like("I64", (None,)),
    "packets": Like("I64", (1,)),
}
"""Tensors of a saved model."""


class Markov:
    """A chain of order k per class, fitted by counting.

    A context is a class and the k symbols before a position. The model is a table of the transitions that occur in the
    training set, sorted by context:

    Attributes:
        symbol: int16 (E,). The next symbol: a signed payload length, or END.
        upto: int64 (E,). Cumulative count of transitions, this one included.
        following: int64 (E,). The next context; -1 after END.
        bounds: int64 (contexts + 1,). Context i has the occurrences `bounds[i] <= occurrence < bounds[i + 1]`.
        initial: int64 (classes,). Context of a class's first packet; -1 for a class without training biflows.
        packets: P, the largest number of packets of a biflow.
    """

    def __init__(self, parameters: MarkovParameters) -> None:
        self.order = parameters.order

    def fit(self, train: Biflows, context: Context) -> None:
        """Count what follows each context of the training set."""
        self.classes, self.packets = train.classes, train.packets
        contexts = _contexts(train, self.order)
        here, after, follows = contexts[:, :-1], contexts[:, 1:], train.signed_pl
        seen = here >= 0
        here, after, follows = here[seen], after[seen], follows[seen]

        # A context that occurs only after position P has no transition in the training set: the chain ends there.
        dead_ends = np.setdiff1d(contexts[contexts >= 0], here)
        here = np.concatenate([here, dead_ends])
        after = np.concatenate([after, np.full(len(dead_ends), -1)])
        follows = np.concatenate([follows, np.full(len(dead_ends), END, np.int16)])

        transition = (here << 16) + (follows.astype(np.int64) - START)
        _, first, count = np.unique(transition, return_index=True, return_counts=True)
        self.symbol, self.following, self.upto = follows[first], after[first], np.cumsum(count)
        self.bounds = np.concatenate([[0], np.cumsum(np.bincount(here))])
        self.initial = np.full(len(train.classes), -1)
        self.initial[train.label] = contexts[:, 0]
        context.progress(1, 1)

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """One random walk for each label. Raises PluginError for a class without training biflows."""
        require_known(labels, self.initial >= 0, self.classes)
        biflows = np.zeros((len(labels), self.packets), np.int16)
        going, context = np.arange(len(labels)), self.initial[labels]
        for position in range(self.packets):
            occurrence = rng.integers(self.bounds[context], self.bounds[context + 1])
            drawn = np.searchsorted(self.upto, occurrence, side="right")
            biflows[going, position] = self.symbol[drawn]
            goes_on = self.symbol[drawn] != END
            going, context = going[goes_on], self.following[drawn[goes_on]]
        return biflows

    def save(self, folder: Path) -> None:
        """Write the table of transitions."""
        arrays = {name: getattr(self, name) for name in ("symbol", "upto", "following", "bounds", "initial")}
        write_model(folder, {**arrays, "packets": np.array([self.packets])}, self.classes)

    def load(self, folder: Path) -> None:
        """Read the table of transitions. Raises PluginError when it is damaged."""
        arrays, self.classes = read_model(folder, TABLE)
        self.symbol, self.upto, self.following = arrays["symbol"], arrays["upto"], arrays["following"]
        self.bounds, self.initial, self.packets = arrays["bounds"], arrays["initial"], int(arrays["packets"][0])
        contexts, end = len(self.bounds) - 1, self.symbol == END
        rows = {len(self.symbol), len(self.upto), len(self.following)}
        require(len(rows) == 1 and contexts >= 1, folder, "columns of equal length")
        require((self.symbol != START).all(), folder, "symbols that are payload lengths or the end")
        require(_rises(self.upto) and self.upto[0] >= 1, folder, "rising counts of transitions")
        require(_rises(self.bounds) and self.bounds[0] == 0, folder, "bounds of contexts that rise from 0")
        require(np.isin(self.bounds[1:], self.upto).all(), folder, "contexts that end with one of their transitions")
        require(self.bounds[-1] == self.upto[-1], folder, "a context for every transition")
        require((self.following[end] == -1).all(), folder, "no context after the end")
        require(_are_indices(self.following[~end], contexts), folder, "a context after every packet")
        require(len(self.initial) == len(self.classes), folder, "one first context, or -1, for each class")
        require(_are_indices(self.initial[self.initial != -1], contexts), folder, "first contexts that exist")
        require(1 <= self.packets <= MOST_PACKETS, folder, f"biflows of 1..{MOST_PACKETS} packets")


def _rises(values: npt.NDArray[np.int64]) -> bool:
    # Differences could overflow.
    return len(values) > 0 and bool((values[1:] > values[:-1]).all())


def _are_indices(values: npt.NDArray[np.int64], count: int) -> bool:
    return bool(((values >= 0) & (values < count)).all())


def _contexts(train: Biflows, order: int) -> npt.NDArray[np.int64]:
    """Context before each position, int64 (N, P + 1), numbered from 0; -1 where the biflow has already ended.

    The number of (class, s1, …, sk) is the rank of the pair (number of (class, s1, …, sk-1), sk), so each of the k
    symbols costs one sort of integers.
    """
    count, packets = train.signed_pl.shape
    lasts = np.ones((count, packets + 1), np.bool_)
    lasts[:, 1:] = train.signed_pl != 0
    padded = np.concatenate([np.full((count, order), START, np.int16), train.signed_pl], axis=1)
    number = np.broadcast_to(train.label[:, None].astype(np.int64), lasts.shape)[lasts]
    for age in range(order):
        symbol = padded[:, age : age + packets + 1][lasts].astype(np.int64)
        number = np.unique((number << 16) + (symbol - START), return_inverse=True)[1]
    contexts = np.full(lasts.shape, -1)
    contexts[lasts] = number
    return contexts
