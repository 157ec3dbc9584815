"""Markov chains over signed payload lengths: the next packet depends on the class and on the last few packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.mapping.codes import Codes
from ntgbench.saved import Like
from ntgbench.traffic.biflows import MOST_PACKETS
from ntgbench_baselines.model import read_model, require, require_known, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context, Likelihood
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
        self.order, self.sampling = parameters.order, parameters.sampling

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

        transition = _transitions(here, follows)
        _, first, count = np.unique(transition, return_index=True, return_counts=True)
        self.symbol, self.following, self.upto = follows[first], after[first], np.cumsum(count)
        self.bounds = np.concatenate([[0], np.cumsum(np.bincount(here))])
        self.initial = np.full(len(train.classes), -1)
        self.initial[train.label] = contexts[:, 0]
        context.progress(1, 1)

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """One random walk for each label, drawn as `MarkovParameters.sampling` says.

        Raises PluginError for a class without training biflows.
        """
        require_known(labels, self.initial >= 0, self.classes)
        biflows = np.zeros((len(labels), self.packets), np.int16)
        going, context = np.arange(len(labels)), self.initial[labels]
        codes = Codes(labels, self.packets, rng) if self.sampling == "systematic" else None
        for position in range(self.packets):
            begin, end = self.bounds[context], self.bounds[context + 1]
            if codes is None:
                drawn = np.searchsorted(self.upto, rng.integers(begin, end), side="right")
            else:
                drawn = codes.pick(going, position, self.upto, begin, end)
            biflows[going, position] = self.symbol[drawn]
            goes_on = self.symbol[drawn] != END
            going, context = going[goes_on], self.following[drawn[goes_on]]
        return biflows

    def log_likelihood(self, biflows: Biflows) -> Likelihood:
        """Logarithms of relative frequencies in the training set, given the class and the k packets before.

        What follows packets that the chain has never seen in this order is impossible, and so are biflows of more than
        P packets. Raises PluginError for labels that are no class.
        """
        require_known(biflows.label, np.ones(len(self.classes), np.bool_), self.classes)
        context, going = self._found(biflows), _going(biflows.signed_pl)
        context[:, self.packets :] = -1  # nothing but the end follows
        symbol = np.pad(biflows.signed_pl, ((0, 0), (0, 1)))
        transition = _transitions(self._sources(), self.symbol)
        wanted = _transitions(context, symbol)
        place = np.minimum(np.searchsorted(transition, wanted), len(transition) - 1)
        share = np.diff(self.upto, prepend=0) / np.diff(self.bounds)[self._sources()]
        found = np.where(transition[place] == wanted, np.log(share)[place], -np.inf)
        found[~going] = 0.0
        if biflows.packets >= self.packets:
            found[symbol[:, self.packets] == END, self.packets] = 0.0
        return found

    def _sources(self) -> npt.NDArray[np.int64]:
        """The context of each transition, int64 (E,)."""
        return np.searchsorted(self.bounds, self.upto, side="left") - 1

    def _found(self, biflows: Biflows) -> npt.NDArray[np.int64]:
        """The context before each position, int64 (N, P + 1); -1 for one that the training set does not have."""
        contexts, source = len(self.bounds) - 1, self._sources()
        label, past = np.full(contexts, -1), np.full((contexts, self.order), START, np.int16)
        label[self.initial[self.initial >= 0]] = np.flatnonzero(self.initial >= 0)
        # What a context is follows from that before it: from the first ones on, step by step.
        for _ in range(self.packets):
            new = (self.following >= 0) & (label[source] >= 0) & (label[self.following] < 0)
            of, before = self.following[new], source[new]
            label[of], past[of] = label[before], np.column_stack([past[before, 1:], self.symbol[new]])
        going = _going(biflows.signed_pl)
        rows, pasts = _pasts(biflows, self.order)
        number = _numbered(np.concatenate([label, rows]), np.concatenate([past, pasts]))
        context_of = np.full(int(number.max()) + 1, -1)
        context_of[number[:contexts]] = np.where(label >= 0, np.arange(contexts), -1)
        found = np.full(going.shape, -1)
        found[going] = context_of[number[contexts:]]
        return found

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
        require(_rises(_transitions(self._sources(), self.symbol)), folder, "symbols that rise within each context")
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


def _transitions(context: npt.NDArray[np.int64], symbol: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """One number for a context and the symbol that follows it, which rises with both."""
    return (context << 16) + (symbol.astype(np.int64) - START)


def _going(signed_pl: SignedPL) -> npt.NDArray[np.bool_]:
    """Whether a packet or the end stands at each position, bool (N, P + 1)."""
    going = np.ones((len(signed_pl), signed_pl.shape[1] + 1), np.bool_)
    going[:, 1:] = signed_pl != 0
    return going


def _contexts(train: Biflows, order: int) -> npt.NDArray[np.int64]:
    """Context before each position, int64 (N, P + 1), numbered from 0; -1 where the biflow has already ended."""
    going = _going(train.signed_pl)
    contexts = np.full(going.shape, -1)
    contexts[going] = _numbered(*_pasts(train, order))
    return contexts


def _pasts(biflows: Biflows, order: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int16]]:
    """The class, int64 (M,), and the `order` symbols, int16 (M, order), before each position of biflows, row by row."""
    going = _going(biflows.signed_pl)
    padded = np.pad(biflows.signed_pl, ((0, 0), (order, 0)), constant_values=START)
    label = np.broadcast_to(biflows.label[:, None].astype(np.int64), going.shape)[going]
    return label, np.lib.stride_tricks.sliding_window_view(padded, order, axis=1)[going]


def _numbered(label: npt.NDArray[np.int64], past: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Contexts of classes, (M,), and symbols, (M, k), numbered from 0: equal ones have the same number.

    The number of (class, s1, …, sk) is the rank of the pair (number of (class, s1, …, sk-1), sk), so each of the k
    symbols costs one sort of integers.
    """
    number = label
    for symbol in past.T:
        number = np.unique(_transitions(number, symbol), return_inverse=True)[1]
    return number
