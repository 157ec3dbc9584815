"""The sampling loop of models that read and write tokens, one token a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ntgbench.mapping.tokens import EOS, PAD

if TYPE_CHECKING:
    from ntgbench.interfaces import Labels
    from ntgbench.mapping.tokens import TokenMapping, Tokens

Numbers = npt.NDArray[np.int64]
"""Tokens or indices of rows."""

LARGEST_BATCH = 512
"""Biflows that are made at a time: more is no faster on a CPU, where what a step reads and writes should stay near."""

MANY = 32
"""Rows from which on it is faster to find the block of tokens first, and the token in it, than among all tokens."""

BLOCK = 64
"""Tokens of a block."""

BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))
"""The largest part of a distribution that lies inside it."""

FINISHED = 0.1
"""Part of the rows that must have ended before they are taken out of the model's state: moving the others costs."""


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

    What a class makes of the model is the same for all its biflows: every class is read once, here.
    """

    @torch.inference_mode()
    def __init__(self, start: Start, mapping: TokenMapping) -> None:
        """From the model and what tokens mean."""
        self.mapping = mapping
        self.classes = start(mapping.classes)
        logits = self.classes.step(mapping.class_tokens(np.arange(mapping.classes, dtype=np.int32)))
        # Only packets and EOS can follow, and EOS only a packet.
        self.possible = torch.full_like(logits[0, : mapping.first_value], -torch.inf)
        self.first = _likely(logits, self.possible)
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
        state = labels.astype(np.int64)
        for begin in range(0, len(labels), LARGEST_BATCH):
            part = slice(begin, begin + LARGEST_BATCH)
            self._fill(rows[part], state[part], uniform[part])
        return rows

    def _fill(self, rows: Tokens, state: Numbers, uniform: npt.NDArray[np.float32]) -> None:
        """Draw all tokens of `rows` behind the first, each from the state of its class."""
        model = self.classes.select(state)
        rows[:, 1] = tokens = draw(self.first[state], uniform[:, 0])
        # Which rows are at work, and which of them have not ended.
        live, going = np.arange(len(rows)), np.ones(len(rows), np.bool_)
        for position in range(1, self.mapping.packets):
            drawn = draw(_likely(model.step(tokens), self.possible), uniform[live, position])
            rows[live, position + 1] = tokens = np.where(going, drawn, PAD)
            going = tokens > EOS
            left = np.flatnonzero(going)
            if len(left) <= (1 - FINISHED) * len(live):
                if not len(left):
                    break
                model = model.select(left)
                live, tokens, going = live[left], tokens[left], going[left]
        rows[(rows != EOS).all(axis=1), -1] = EOS


def _likely(logits: Tensor, possible: Tensor) -> Tensor:
    """Distribution of each row, (rows, vocabulary), without those of the first tokens that `possible` rules out."""
    logits[:, : len(possible)] += possible
    return logits.softmax(dim=1)


def draw(likely: Tensor, uniform: npt.NDArray[np.float32]) -> Numbers:
    """The token of each row, int64 (rows,), at its uniform number, (rows,), in its distribution, (rows, vocabulary).

    Distributions need not sum to one, and are overwritten.
    """
    numbers = torch.from_numpy(uniform[:, None]).to(likely.device)
    places = _inverted(likely.cumsum_(dim=1), numbers) if len(likely) < MANY else _inverted_by_blocks(likely, numbers)
    tokens: Numbers = places.cpu().numpy()[:, 0]
    return tokens


def _inverted(cumulated: Tensor, uniform: Tensor) -> Tensor:
    """Where each cumulated distribution, (rows, places), passes the part `uniform`, (rows, 1), of its last number."""
    return torch.searchsorted(cumulated, uniform * cumulated[:, -1:], right=True)


def _inverted_by_blocks(likely: Tensor, uniform: Tensor) -> Tensor:
    """The same of distributions: cumulates the sums of blocks, and the numbers of the one block that passes it."""
    rows, vocabulary = likely.shape
    whole = vocabulary // BLOCK * BLOCK
    blocks, rest = likely[:, :whole].view(rows, whole // BLOCK, BLOCK), likely[:, whole:]
    sums = torch.cat([blocks.sum(dim=2), rest.sum(dim=1, keepdim=True)], dim=1)
    cumulated = sums.cumsum(dim=1)
    block = _inverted(cumulated, uniform)
    own = sums.gather(1, block)
    # Rounding may put this outside 0..1, and so the token outside the block.
    part = (uniform * cumulated[:, -1:] - cumulated.gather(1, block) + own) / own
    places = BLOCK * block + torch.arange(BLOCK, device=likely.device)
    inside = likely.gather(1, places.clamp(max=vocabulary - 1)).masked_fill_(places >= vocabulary, 0.0)
    return BLOCK * block + _inverted(inside.cumsum_(dim=1), part.clamp_(0.0, BELOW_ONE))
