"""The sampling loop of models that read and write tokens, one token a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from ntgbench.mapping.tokens import EOS, PAD

if TYPE_CHECKING:
    from ntgbench.interfaces import Labels
    from ntgbench.mapping.tokens import TokenMapping, Tokens

LARGEST_BATCH = 2048
"""Biflows that are made at a time: more is no faster, and the models' state grows with it."""

FINISHED = 0.1
"""Part of the rows that must have ended before they are taken out of the models' state: moving the others costs."""


class Steps(Protocol):
    """A model at work on some rows, its state preallocated and known to nobody else."""

    def step(self, tokens: Tensor) -> Tensor:
        """Read one more token of each row, int64 (rows,); returns logits of what follows, float (rows, vocabulary)."""

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, int64 (…,): indices of the present ones, repeated or left out as wanted."""


Start = Callable[[int], Steps]
"""Makes the state of a model for so many rows at most, before the first token."""


@torch.inference_mode()
def sample(
    start: Start, mapping: TokenMapping, labels: Labels, rng: np.random.Generator, device: torch.device
) -> Tokens:
    """Rows of tokens, one for each label and in that order, drawn from the model's distribution at temperature 1.

    Only tokens that make valid biflows are drawn, and P packets end a row. Each packet takes one uniform number, whose
    place in the cumulated distribution is the token (inversion, Devroye 1986, section III.2). Row i uses the numbers
    `rng` gives it whatever rows are made beside it, and rows of a class share the step that reads the class.

    Args:
        start: the model.
        mapping: what tokens mean.
        labels: class of each row, int32 (N,).
        rng: all randomness.
        device: where the model computes.
    """
    uniform = torch.from_numpy(rng.random((len(labels), mapping.packets), np.float32))
    rows = np.zeros((len(labels), mapping.packets + 2), np.int64)
    for begin in range(0, len(labels), LARGEST_BATCH):
        part = slice(begin, begin + LARGEST_BATCH)
        rows[part] = _sample(start, mapping, labels[part], uniform[part].to(device)).cpu().numpy()
    return rows


def _sample(start: Start, mapping: TokenMapping, labels: Labels, uniform: Tensor) -> Tensor:
    device = uniform.device
    present, of_class = np.unique(labels, return_inverse=True)
    rows = torch.full((len(labels), mapping.packets + 2), PAD, device=device)
    rows[:, 0] = torch.from_numpy(mapping.class_tokens(labels))
    model = start(len(labels))
    tokens = torch.from_numpy(mapping.class_tokens(present)).to(device)
    # Which of `rows` are at work, which row of the model's state each of them continues, and which of them have ended.
    live = torch.arange(len(labels), device=device)
    state = torch.from_numpy(of_class).to(device)
    ended = torch.zeros(len(labels), dtype=torch.bool, device=device)
    for position in range(mapping.packets):
        logits = model.step(tokens).float()
        # Only EOS and packets can follow, and EOS only a packet.
        logits[:, : mapping.first_value if position == 0 else EOS] = -torch.inf
        logits[:, EOS + 1 : mapping.first_value] = -torch.inf
        cumulated = logits.softmax(dim=1).cumsum(dim=1)
        drawn = draw(cumulated[state] if position == 0 else cumulated, uniform[live, position])
        tokens = drawn.where(~ended, PAD)
        rows[live, position + 1] = tokens
        ended = tokens <= EOS
        if position == 0 or int(ended.sum()) >= FINISHED * len(live):
            going = ~ended
            model.keep(state[going])
            live, tokens, ended = live[going], tokens[going], ended[going]
            state = torch.arange(len(live), device=device)
            if not len(live):
                break
    rows[(rows != EOS).all(dim=1), -1] = EOS
    return rows


def draw(cumulated: Tensor, uniform: Tensor) -> Tensor:
    """The token of each row, int64 (rows,), at its uniform number, (rows,), in its distribution, (rows, vocabulary)."""
    target = (uniform * cumulated[:, -1])[:, None]
    return torch.searchsorted(cumulated, target, right=True)[:, 0]
