"""Counts and decoders of folds as one model, one token at a time: for sampling and for likelihoods.

Symbols, beside those of `counts.py`:

| symbol | here |
|---|---|
| q_k(x given h) | decoder k, which has learnt from all folds but fold k |
| q(x given h) | what the decoders say together, see below |
| p(x given h) = share(h x) + left(h) q(x given h) | the model |

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

from ntgbench.mapping.tokens import EOS
from ntgbench_crossfit.counts import MANY, NOWHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.learning.sampling import Numbers, Start, Steps
    from ntgbench.mapping.tokens import TokenMapping
    from ntgbench_crossfit.counts import Counts

LEAST = 1e-30
"""Probability of what cannot be drawn: its logarithm must be finite."""


class Parts:
    """What `CrossfitSteps` is made of.

    Attributes:
        counts: the table of beginnings.
        decoders: each starts the steps of the decoder of a fold.
        possible: float (vocabulary,). Added to logits: 0 for tokens that training biflows have, else -inf.
    """

    def __init__(self, counts: Counts, decoders: Sequence[Start], seen: Tensor, mapping: TokenMapping) -> None:
        """Put them together; `seen`, bool (vocabulary,), are the tokens that training biflows have."""
        self.counts, self.decoders, self.mapping = counts, decoders, mapping
        self.possible = torch.where(seen, 0.0, -torch.inf)


class CrossfitSteps:
    """The model at work: `Steps` of `ntgbench.learning.sampling`."""

    def __init__(self, parts: Parts, rows: int) -> None:
        self.parts = parts
        self.decoders: list[Steps] = [start(rows) for start in parts.decoders]
        self.node: Numbers | None = None
        self.fold = np.full(rows, MANY)

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row; returns the logarithms of p."""
        counts, first = self.parts.counts, self.node is None
        if self.node is None:  # the tokens are classes
            node = tokens - self.parts.mapping.class_tokens(np.zeros(1, np.int32))
        else:
            node = counts.child(self.node, tokens)
        self.node = node
        self.fold = np.where(node == NOWHERE, self.fold, counts.fold[node])
        said = []
        for decoder in self.decoders:
            logits = decoder.step(tokens) + self.parts.possible
            if first:
                logits[:, EOS] = -torch.inf
            said.append(logits.softmax(dim=1))
        together = torch.stack(said)
        base = together.mean(dim=0)
        alone = np.flatnonzero(self.fold != MANY)
        base[alone] = together[self.fold[alone], alone]
        children, row = counts.children(node)
        token, fold = counts.token[children], counts.fold[children]
        own = (fold != MANY) & (self.fold[row] == MANY)
        base[row[own], token[own]] = together[fold[own], row[own], token[own]]
        left = np.where(node == NOWHERE, np.float32(1.0), counts.left[node])
        base *= (torch.from_numpy(left).to(base.device) / base.sum(dim=1))[:, None]
        base[row, token] += torch.from_numpy(counts.share[children]).to(base.device)
        return base.clamp_(min=LEAST).log_()

    def select(self, rows: Numbers) -> CrossfitSteps:
        """A copy for these rows."""
        chosen = type(self)(self.parts, 0)
        chosen.decoders = [decoder.select(rows) for decoder in self.decoders]
        chosen.node = None if self.node is None else self.node[rows]
        chosen.fold = self.fold[rows]
        return chosen
