"""The sampling loop of models that read and write tokens, one token a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ntgbench.errors import PluginError
from ntgbench.mapping.tokens import EOS, PAD

if TYPE_CHECKING:
    from ntgbench.interfaces import Labels
    from ntgbench.mapping.tokens import TokenMapping, Tokens

Numbers = npt.NDArray[np.int64]
"""Tokens or indices of rows."""

LARGEST_BATCH = 512
"""Biflows made at a time: more is no faster on a CPU, where what a step reads and writes should stay near."""

MANY = 32
"""Rows from which on it is faster to find the block of tokens first, and the token in it, than among all tokens."""

BLOCK = 64
"""Tokens of a block."""

BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))
"""The largest part of a distribution that lies inside it."""

FINISHED = 0.1
"""Part of the model's state that no row needs any more before it is taken out: moving the rest costs."""


class Steps(Protocol):
    """A model at work on some rows, its state preallocated and known to nobody else."""

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row, int64 (rows,); returns logits of what follows, float (rows, vocabulary).

        The logits are the caller's to change.
        """

    def select(self, rows: Numbers) -> Steps:
        """A copy that goes on with these rows, int64 (…,): indices of the present ones, repeated or left out."""


Start = Callable[[int], Steps]
"""Makes the state of a model for so many rows, before the first token."""


class Sampler:
    """Draws from a model's distribution at temperature 1.

    What a model makes of some tokens is the same for all biflows that begin with them, and it reads them once: those of
    all classes here, others whenever biflows are made.
    """

    @torch.inference_mode()
    def __init__(self, start: Start, mapping: TokenMapping) -> None:
        """From the model and what tokens mean. Raises PluginError when the model gives numbers that are not finite."""
        self.mapping = mapping
        self.classes = start(mapping.classes)
        logits = self.classes.step(mapping.class_tokens(np.arange(mapping.classes, dtype=np.int32)))
        if not torch.isfinite(logits).all():
            raise PluginError("the weights of the model give no probabilities")
        # Only packets and EOS can follow, and EOS only a packet.
        self.possible = torch.full_like(logits[0, : mapping.first_value], -torch.inf)
        self.first = _probabilities(logits, self.possible)
        self.possible[EOS] = 0.0

    @torch.inference_mode()
    def sample(self, labels: Labels, rng: np.random.Generator) -> Tokens:
        """Rows of tokens, one for each label and in that order.

        Only tokens that make valid biflows are drawn, and P packets end a row. Each packet takes one uniform number,
        whose place in the cumulated distribution is the token (inversion, Devroye 1986, section II.2). Row i uses the
        numbers that `rng` gives it whatever rows are made beside it.

        Args:
            labels: class of each row, int32 (N,).
            rng: all randomness.
        """
        uniform = rng.random((len(labels), self.mapping.packets), np.float32)
        rows = np.full((len(labels), self.mapping.packets + 2), PAD)
        rows[:, 0] = self.mapping.class_tokens(labels)
        states = labels.astype(np.int64)
        for part in _batches(np.arange(len(labels))):
            rows[part, 1] = draw(self.first, states[part], uniform[part, 0])
        # Those that begin alike are made together.
        for part in _batches(np.lexsort((rows[:, 1], labels))):
            rows[part] = self._continued(rows[part], states[part], uniform[part])
        rows[(rows != EOS).all(axis=1), -1] = EOS
        return rows

    def _continued(self, rows: Tokens, state: Numbers, uniform: npt.NDArray[np.float32]) -> Tokens:
        """`rows`, whose first two tokens are known, to their ends; `state` is the class of each."""
        # Which rows have not ended; each goes on from one of the `count` rows of the model's state.
        live, model, count = np.arange(len(rows)), self.classes, 0
        for position in range(1, self.mapping.packets):
            parents, tokens, own = _distinct(state, rows[live, position])
            if len(parents) > (1 - FINISHED) * count > 0 and (np.diff(parents) > 0).all():
                state, read = parents[own], np.full(count, PAD)
                read[parents] = tokens
            else:
                model, state, read, count = model.select(parents), own, tokens, len(parents)
            probs = _probabilities(model.step(read), self.possible)
            rows[live, position + 1] = drawn = draw(probs, state, uniform[live, position])
            going = drawn > EOS
            live, state = live[going], state[going]
            if not len(live):
                break
        return rows


def _batches(rows: Numbers) -> Iterator[Numbers]:
    """`rows` in parts that are made at a time."""
    for begin in range(0, len(rows), LARGEST_BATCH):
        yield rows[begin : begin + LARGEST_BATCH]


def _distinct(states: Numbers, tokens: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """The distinct pairs of `states` and `tokens`, (rows,), as two columns in their order, and the pair of each row."""
    if len(tokens) == 1:
        return states, tokens, np.zeros(1, np.int64)
    base = tokens.max() + 1
    pairs, own = np.unique(states * base + tokens, return_inverse=True)
    return pairs // base, pairs % base, own


def _probabilities(logits: Tensor, possible: Tensor) -> Tensor:
    """Distribution of each row, (rows, vocabulary), without those of the first tokens that `possible` rules out."""
    logits[:, : len(possible)] += possible
    return logits.softmax(dim=1)


def draw(probs: Tensor, state: Numbers, uniform: npt.NDArray[np.float32]) -> Numbers:
    """The token of each row, int64 (rows,): where its uniform number falls in its distribution.

    Args:
        probs: distributions, (distributions, vocabulary), which need not sum to one.
        state: which of them is a row's, int64 (rows,).
        uniform: number of each row in 0..1, float32 (rows,).
    """
    numbers = torch.from_numpy(uniform[:, None]).to(probs.device)
    own = torch.from_numpy(state).to(probs.device)
    if len(own) < MANY:
        places = _inverted(probs[own].cumsum_(dim=1), numbers)
    else:
        places = _inverted_by_blocks(probs, own, numbers)
    tokens: Numbers = places.cpu().numpy()[:, 0]
    return tokens


def _inverted(cumulated: Tensor, uniform: Tensor) -> Tensor:
    """Where each cumulated distribution, (rows, places), passes the part `uniform`, (rows, 1), of its last number."""
    return torch.searchsorted(cumulated, uniform * cumulated[:, -1:], right=True)


def _inverted_by_blocks(probs: Tensor, own: Tensor, uniform: Tensor) -> Tensor:
    """The same in the distributions `own`, (rows,): cumulates sums of blocks, then the numbers of a block."""
    count, vocabulary = probs.shape
    whole = vocabulary // BLOCK * BLOCK
    blocks, rest = probs[:, :whole].view(count, whole // BLOCK, BLOCK), probs[:, whole:]
    sums = torch.cat([blocks.sum(dim=2), rest.sum(dim=1, keepdim=True)], dim=1)
    cumulated = sums.cumsum(dim=1)[own]
    block = _inverted(cumulated, uniform)
    passing = sums[own[:, None], block]
    # Rounding may put this outside 0..1, and so the token outside the block.
    part = (uniform * cumulated[:, -1:] - cumulated.gather(1, block) + passing) / passing
    places = BLOCK * block + torch.arange(BLOCK, device=probs.device)
    inside = probs[own[:, None], places.clamp(max=vocabulary - 1)].masked_fill_(places >= vocabulary, 0.0)
    return BLOCK * block + _inverted(inside.cumsum_(dim=1), part.clamp_(0.0, BELOW_ONE))
