"""Systems whose model is the training set: `real`, `copy` and `marginals`, which sample it in different ways."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import PluginError, TrafficError
from ntgbench.saved import Like
from ntgbench.traffic.biflows import MOST_PACKETS, Biflows
from ntgbench_baselines.model import read_model, require, require_known, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context, Likelihood, NoParameters
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL


class Replay(ABC):
    """Keeps the training biflows, sorted by class and then by length, the longest first.

    The biflows of class c are `rows[first[c] : first[c] + count[c]]`.
    """

    def __init__(self, parameters: NoParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:
        """Keep the training biflows, sorted."""
        order = np.lexsort((-train.lengths(), train.label))
        self._keep(train.signed_pl[order], train.class_counts(), train.classes)
        context.progress(1, 1)

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """New biflows of the wanted classes. Raises PluginError for a class without training biflows."""
        require_known(labels, self.count > 0, self.classes)
        return self.take(labels, rng)

    @abstractmethod
    def take(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """New biflows of classes that all have training biflows."""

    def save(self, folder: Path) -> None:
        """Write the training biflows."""
        write_model(folder, {"rows": self.rows, "count": self.count}, self.classes)

    def load(self, folder: Path) -> None:
        """Read the training biflows. Raises PluginError when they are damaged or in another order."""
        arrays, classes = read_model(folder, {"rows": Like("I16", (None, None)), "count": Like("I64", (None,))})
        rows, count = arrays["rows"], arrays["count"]
        require(rows.shape[1] in range(1, MOST_PACKETS + 1), folder, f"biflows of 1..{MOST_PACKETS} packets")
        require(len(count) == len(classes), folder, "a number of biflows for each class")
        require((count >= 0).all() and (count <= len(rows)).all(), folder, "no more biflows in a class than in all")
        require(count.sum() == len(rows), folder, "a class for every biflow")
        label = np.repeat(np.arange(len(count), dtype=np.int32), count)
        try:
            lengths = Biflows(rows, label, classes, pl_max=np.iinfo(np.int16).max).lengths()
        except TrafficError as error:
            raise PluginError(f"{folder} holds invalid biflows: {error}") from error
        shorter = (np.diff(lengths) <= 0) | (np.diff(label) > 0)
        require(shorter.all(), folder, "the longest biflows of a class first")
        self._keep(rows, count, classes)

    def _keep(self, rows: npt.NDArray[np.int16], count: npt.NDArray[np.int64], classes: tuple[str, ...]) -> None:
        self.rows, self.count, self.classes = rows, count, classes
        self.first = np.cumsum(count) - count
        self.label = np.repeat(np.arange(len(count)), count)


class Real(Replay):
    """The training biflows in a random order; none is repeated before all are taken.

    Asked for the training set's own labels it gives back exactly the training set, in another order.
    """

    def take(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """For each class, random permutations of its biflows, one after the other, as many biflows as are wanted."""
        chosen = np.empty(len(labels), np.int64)
        for wanted in np.unique(labels):
            places = np.flatnonzero(labels == wanted)
            have = self.count[wanted]
            rounds = np.tile(np.arange(have), (-(-len(places) // have), 1))
            chosen[places] = self.first[wanted] + rng.permuted(rounds, axis=1).ravel()[: len(places)]
        return self.rows.take(chosen, axis=0)


class Copy(Replay):
    """The bootstrap: training biflows of the class, uniformly and with replacement."""

    def take(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """One training biflow for each label."""
        return self.rows.take(self.first[labels] + rng.integers(self.count[labels]), axis=0)


class Marginals(Replay):
    """Independent positions: the number of packets is drawn first, then each packet by itself.

    Packet t is packet t of a random training biflow of the class that has at least t packets, drawn anew for each t. So
    the number of packets and each position have the training set's distribution, and all dependence between positions
    is lost.
    """

    def take(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """A biflow for each label, made of one packet from each of several training biflows."""
        positions = np.arange(self.rows.shape[1])
        lengths = np.count_nonzero(self.rows, axis=1)
        wanted = lengths[self.first[labels] + rng.integers(self.count[labels])]
        # The longest biflows of a class come first, so its first `having` biflows are those with a packet t.
        having = np.array([np.bincount(self.label[lengths > t], minlength=len(self.count)) for t in positions]).T
        chosen = self.first[labels][:, None] + rng.integers(np.maximum(having, 1)[labels])
        return np.where(positions < wanted[:, None], self.rows[chosen, positions], 0)

    def log_likelihood(self, biflows: Biflows) -> Likelihood:
        """Logarithms of relative frequencies among the training biflows that reach a position.

        Biflows of more than P packets are impossible. Raises PluginError for labels that are no class.
        """
        require_known(biflows.label, np.ones(len(self.classes), np.bool_), self.classes)
        own, wanted = self.rows.astype(np.int64), np.pad(biflows.signed_pl.astype(np.int64), ((0, 0), (0, 1)))
        found = np.full(wanted.shape, -np.inf)
        found[:, 1:][wanted[:, :-1] == 0] = 0.0
        label, asked = self.label.astype(np.int64), biflows.label.astype(np.int64)
        for t in range(min(own.shape[1], wanted.shape[1])):
            have, rows = (np.flatnonzero(side[:, max(t - 1, 0)]) for side in (own, wanted))
            if not len(have):
                break
            kind, times = np.unique((label[have] << 16) + own[have, t], return_counts=True)
            key = (asked[rows] << 16) + wanted[rows, t]
            place = np.minimum(np.searchsorted(kind, key), len(kind) - 1)
            seen = kind[place] == key
            reaching = np.bincount(label[have], minlength=len(self.count))[asked[rows[seen]]]
            found[rows[seen], t] = np.log(times[place[seen]] / reaching)
        if wanted.shape[1] > own.shape[1]:
            found[wanted[:, own.shape[1]] == 0, own.shape[1]] = 0.0  # the end after P packets is certain
        return found
