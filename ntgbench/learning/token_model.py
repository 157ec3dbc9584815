"""Models that read and write tokens, and what training lowers of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from ntgbench.learning.numpy_layers import mean_loss
from ntgbench.mapping.tokens import PAD

if TYPE_CHECKING:
    from ntgbench.learning.numpy_layers import NumpyModel
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

    def in_numpy(self) -> NumpyModel | None:
        """The form in which the model is trained on the CPU; None is the modules."""
        return None


def next_token_loss(model: TokenModel) -> Loss:
    """The cross-entropy, in nats a token, of rows of tokens under `model`.

    Only packets and EOS count, and only their logits are computed: the class is given, and PAD means nothing.
    """

    def loss(rows: Tensor) -> tuple[Tensor, int]:
        tokens, following = rows[:, :-1], rows[:, 1:]
        real = following != PAD
        trains = torch.is_grad_enabled() and rows.device.type == "cpu" and not torch.compiler.is_compiling()
        in_numpy = model.in_numpy() if trains else None
        if in_numpy:
            return mean_loss(in_numpy, tokens, following, real), int(real.sum())
        hidden, following = model.hidden(tokens)[real], following[real]
        return functional.cross_entropy(model.head(hidden), following), len(following)

    return loss
