"""Counts and decoders of folds as one model, one token at a time: for sampling and for likelihoods.

Symbols, beside those of `counts.py`:

| symbol | here |
|---|---|
| q_k(x given h) | decoder k, which has learnt from all folds but fold k |
| q(x given h) | what the decoders say together, see below |
| r(x given h) | q among the x that are not common after h, scaled to sum to 1 |
| p(x given h) = share(h x) + rest(h) q(x given h) + novel(h) r(x given h) | the model |

Where all biflows that begin with h are of fold k, q is q_k. Elsewhere q(x given h) is that of q_k where all biflows
that begin with h x are of fold k, and the mean of all decoders for any other x, scaled to sum to 1. So no decoder
speaks of what it has learnt from, unless biflows of other folds say the same.

The fold of a beginning that no training biflow has is that of the longest beginning of it that one has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ntgbench.mapping.tokens import EOS, FIRST_CLASS
from ntgbench_crossfit.counts import MANY, NOWHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.learning.sampling import Numbers, Start, Steps
    from ntgbench.mapping.tokens import TokenMapping, Tokens
    from ntgbench_crossfit.counts import Counts

LEAST = 1e-30
"""Probability of what cannot be drawn: its logarithm must be finite."""

FEWEST = 1e-6
"""What decoders give to all tokens together that are not common is taken to be at least this when it is scaled up."""

UNSEEN = 3.0
"""Taken from the logits of packets that a class lacks where a decoder has learnt: they come e^3, about 20, times more
rarely than it says. Were they impossible, biflows that alone have one could not be made."""


class Parts:
    """What `CrossfitSteps` is made of.

    Attributes:
        counts: the table of beginnings.
        decoders: each starts the steps of the decoder of a fold.
        usual: float (folds, classes, vocabulary). Added to the logits of each decoder: 0 for tokens that the class has
            where it has learnt, -UNSEEN for other packets, and -inf for what is no packet.
    """

    def __init__(self, counts: Counts, decoders: Sequence[Start], seen: Tensor) -> None:
        """Put them together; `seen` is what `seen_in` gives of the rows that each decoder has learnt from."""
        self.counts, self.decoders = counts, decoders
        self.usual = torch.where(seen, 0.0, -UNSEEN)
        self.usual[:, :, : FIRST_CLASS + seen.shape[1]] = -torch.inf
        self.usual[:, :, EOS] = 0.0


class CrossfitSteps:
    """The model at work: `Steps` of `ntgbench.learning.sampling`."""

    def __init__(self, parts: Parts, rows: int) -> None:
        self.parts = parts
        self.decoders: list[Steps] = [start(rows) for start in parts.decoders]
        self.packets = -1  # that were read; the class comes before them
        self.of_class = self.node = np.full(rows, NOWHERE)
        self.fold = np.full(rows, MANY)

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row; returns the logarithms of p."""
        self._follow(tokens)
        children, row = self.parts.counts.children(self.node)
        return self._counted(self._decoded(tokens, children, row), children, row).clamp_(min=LEAST).log_()

    def _follow(self, tokens: Numbers) -> None:
        """Find the beginnings in the table, and the folds that they are of."""
        counts = self.parts.counts
        self.packets += 1
        if self.packets == 0:  # the tokens are classes, which are the first nodes
            self.of_class = self.node = tokens - FIRST_CLASS
        else:
            self.node = counts.child(self.node, tokens)
        self.fold = np.where(self.node == NOWHERE, self.fold, counts.fold[self.node])

    def _decoded(self, tokens: Numbers, children: Numbers, row: Numbers) -> Tensor:
        """q, float (rows, vocabulary); `children` are those in the table, each of the beginning of a `row`."""
        counts = self.parts.counts
        logits = torch.stack([decoder.step(tokens) for decoder in self.decoders])
        logits += self.parts.usual[:, torch.from_numpy(self.of_class)]
        if self.packets == 0:
            logits[:, :, EOS] = -torch.inf
        every = logits.softmax(dim=2)
        said = every.mean(dim=0)
        alone = np.flatnonzero(self.fold != MANY)
        said[alone] = every[self.fold[alone], alone]
        token, fold = counts.token[children], counts.fold[children]
        own = (fold != MANY) & (self.fold[row] == MANY)
        said[row[own], token[own]] = every[fold[own], row[own], token[own]]
        return said.div_(said.sum(dim=1, keepdim=True).clamp(min=LEAST))

    def _counted(self, said: Tensor, children: Numbers, row: Numbers) -> Tensor:
        """p, float (rows, vocabulary), of q, which is overwritten."""
        counts, device = self.parts.counts, said.device
        token, common = counts.token[children], counts.common[children]
        known = row[common], token[common]
        of_common = said[known]
        together = said.new_zeros(len(said)).index_add_(0, torch.from_numpy(known[0]).to(device), of_common)
        rest, novel = (torch.from_numpy(one).to(device) for one in counts.left(self.node))
        said *= (rest + novel / (1.0 - together).clamp(min=FEWEST))[:, None]
        said[known] = of_common * rest[known[0]]
        said[row, token] += torch.from_numpy(counts.share[children]).to(device)
        return said

    def select(self, rows: Numbers) -> CrossfitSteps:
        """A copy for these rows."""
        chosen = type(self)(self.parts, 0)
        chosen.decoders = [decoder.select(rows) for decoder in self.decoders]
        chosen.packets, chosen.of_class = self.packets, self.of_class[rows]
        chosen.node, chosen.fold = self.node[rows], self.fold[rows]
        return chosen


def seen_in(rows: Tokens, mapping: TokenMapping) -> Tensor:
    """Which tokens follow the class in the rows of each class, bool (classes, vocabulary).

    A class without rows has all that others have.
    """
    seen = np.zeros((mapping.classes, mapping.vocabulary), np.bool_)
    seen[np.repeat(rows[:, 0] - FIRST_CLASS, rows.shape[1] - 1), rows[:, 1:].ravel()] = True
    seen[~seen.any(axis=1)] = seen.any(axis=0)
    return torch.from_numpy(seen)
