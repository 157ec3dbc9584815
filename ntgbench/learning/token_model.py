"""Models that read and write tokens, and the loss that they are trained with."""

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
        head: maps what `hidden` returns to logits, float (…, vocabulary).
    """

    head: nn.Module

    @abstractmethod
    def initialise(self, seed: int) -> None:
        """Draw all weights anew."""

    @abstractmethod
    def hidden(self, tokens: Tensor) -> Tensor:
        """The input of `head`, float (N, T, hidden), for tokens (N, T)."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the token that follows each of `tokens`, float (N, T, vocabulary)."""
        logits: Tensor = self.head(self.hidden(tokens))
        return logits


def next_token_loss(model: TokenModel) -> Loss:
    """The cross-entropy, in nats a token, of rows of tokens under `model`.

    Only packets and EOS count, and only their logits are computed: the class is given, and PAD means nothing.
    """

    def loss(rows: Tensor) -> tuple[Tensor, int]:
        tokens, following = rows[:, :-1], rows[:, 1:]
        real = following != PAD
        hidden, following = model.hidden(tokens)[real], following[real]
        return functional.cross_entropy(model.head(hidden), following), len(following)

    return loss
