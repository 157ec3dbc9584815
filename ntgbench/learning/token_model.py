"""Models that read and write tokens, and what training lowers of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from ntgbench.mapping.tokens import PAD

if TYPE_CHECKING:
    from ntgbench.learning.training import Loss


class TokenModel(nn.Module, ABC):
    """A causal model of rows of tokens.

    Attributes:
        head: gives the logits, float (…, vocabulary), of what `hidden` returned.
    """

    head: nn.Module

    @abstractmethod
    def initialise(self, seed: int) -> None:
        """Draw all weights anew."""

    @abstractmethod
    def hidden(self, tokens: Tensor) -> Tensor:
        """What `head` reads, float (N, T, hidden), for tokens (N, T)."""


def next_token_loss(model: TokenModel) -> Loss:
    """The cross-entropy, in nats a token, of rows of tokens under `model`.

    Only packets and EOS count, and only their logits are computed: the class is given, and PAD means nothing.
    """

    def loss(rows: Tensor) -> tuple[Tensor, int]:
        hidden, following = model.hidden(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten()
        real = following != PAD
        if not real.all():
            hidden, following = hidden[real], following[real]
        return functional.cross_entropy(model.head(hidden), following), len(following)

    return loss
