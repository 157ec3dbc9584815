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

FINISHED = 0.1
"""Part of the rows that must have ended before they are taken out of the model's state: moving the others costs."""


class Steps(Protocol):
    """A model at work on some rows, its state preallocated and known to nobody else."""

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row, int64 (rows,); returns logits of what follows, float (rows, vocabulary).

        The logits are the caller's to change.
        """

    def keep(self, rows: Numbers) -> None:
        """Go on with these rows, int64 (…,): indices of the present ones, repeated or left out as wanted."""


Start = Callable[[int], Steps]
"""Makes the state of a model for so many rows at most, before the first token."""


@torch.inference_mode()
def sample(start: Start, mapping: TokenMapping, labels: Labels, rng: np.random.Generator) -> Tokens:
    """Rows of tokens, one for each label and in that order, drawn from the model's distribution at temperature 1.

    Only tokens that make valid biflows are drawn, and P packets end a row. Each packet takes one uniform number, whose
    place in the cumulated distribution is the token (inversion, Devroye 1986, section II.2). Row i uses the numbers
    that `rng` gives it whatever rows are made beside it, and rows of a class share the step that reads the class.

    Args:
        start: the model.
        mapping: what tokens mean.
        labels: class of each row, int32 (N,).
        rng: all randomness.
    """
    uniform = rng.random((len(labels), mapping.packets), np.float32)
    rows = np.full((len(labels), mapping.packets + 2), PAD)
    rows[:, 0] = mapping.class_tokens(labels)
    for begin in range(0, len(labels), LARGEST_BATCH):
        part = slice(begin, begin + LARGEST_BATCH)
        _fill(rows[part], start(len(rows[part])), mapping, uniform[part])
    return rows


def _fill(rows: Tokens, model: Steps, mapping: TokenMapping, uniform: npt.NDArray[np.float32]) -> None:
    """Draw all tokens of `rows` behind the first."""
    # Which rows are at work, which row of the model's state each of them continues, and which have not ended.
    live = np.arange(len(rows))
    tokens, state = np.unique(rows[:, 0], return_inverse=True)
    going = np.ones(len(rows), np.bool_)
    for position in range(mapping.packets):
        logits = model.step(tokens)
        # Only packets and EOS can follow, and EOS only a packet.
        logits[:, EOS + 1 : mapping.first_value] = -torch.inf
        logits[:, : EOS if position else EOS + 1] = -torch.inf
        cumulated = logits.softmax(dim=1).cumsum_(dim=1)
        drawn = draw(cumulated if position else cumulated[state], uniform[live, position])
        tokens = np.where(going, drawn, PAD)
        rows[live, position + 1] = tokens
        going = tokens > EOS
        if position == 0 or np.count_nonzero(going) <= (1 - FINISHED) * len(live):
            model.keep(state[going])
            live, tokens, going = live[going], tokens[going], going[going]
            state = np.arange(len(live))
            if not len(live):
                break
    rows[(rows != EOS).all(axis=1), -1] = EOS


def draw(cumulated: Tensor, uniform: npt.NDArray[np.float32]) -> Numbers:
    """The token of each row, int64 (rows,), at its uniform number, (rows,), in its distribution, (rows, vocabulary)."""
    target = torch.from_numpy(uniform).to(cumulated.device)[:, None] * cumulated[:, -1:]
    tokens: Numbers = torch.searchsorted(cumulated, target, right=True)[:, 0].cpu().numpy()
    return tokens
