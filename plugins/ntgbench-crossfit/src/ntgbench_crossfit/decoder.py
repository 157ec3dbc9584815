"""A LLaMA decoder that knows what lengths are, and what class a biflow is of at every packet.

Symbols, for a token x and a position t:

| symbol | here |
|---|---|
| φ(x) | `features`: fixed numbers that tell direction and length; 0 for tokens that are no packets |
| e(x) = E_x + A φ(x) | `embedded`: so lengths that are near each other begin near each other |
| e(x_t) + e(class) for t > 0 | the input of the first layer |
| o(x) = O_x + B φ(x) | `Head.effective`: the output embedding, likewise |

Sines and cosines of lengths as features: as of positions by Vaswani et al. 2017, arXiv 1706.03762, section 3.5.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from ntgbench_llama.model import Llama
from ntgbench_llama.steps import LlamaSteps
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

if TYPE_CHECKING:
    from ntgbench.learning.sampling import Numbers
    from ntgbench.mapping.tokens import TokenMapping
    from ntgbench_crossfit.parameters import CrossfitParameters

WAVES = 11
"""Waves of the features: of 2, 4, … 2^WAVES bytes."""


class Head(nn.Linear):
    """The output embedding, to which features of tokens add."""

    features: Tensor

    def __init__(self, hidden: int, features: Tensor) -> None:
        super().__init__(hidden, len(features), bias=False)
        self.numeric = nn.Linear(features.shape[1], hidden, bias=False)
        self.register_buffer("features", features, persistent=False)

    def effective(self) -> Tensor:
        """What tokens are compared with, float (vocabulary, hidden)."""
        found: Tensor = self.weight + self.features @ self.numeric.weight.T
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Logits, float (…, vocabulary)."""
        return F.linear(x, self.effective())


class Decoder(Llama):
    """A causal decoder over the tokens of a mapping."""

    features: Tensor
    head: Head

    def __init__(self, parameters: CrossfitParameters, mapping: TokenMapping) -> None:
        super().__init__(parameters, mapping.vocabulary, mapping.packets + 2)
        features = features_of(mapping)
        self.register_buffer("features", features, persistent=False)
        self.numeric = nn.Linear(features.shape[1], parameters.hidden, bias=False)
        self.head = Head(parameters.hidden, features)

    def embedded(self, tokens: Tensor) -> Tensor:
        """The input of the first layer, float (N T, hidden), for tokens (N, T)."""
        flat = tokens.flatten()
        x = (self.embedding(flat) + self.numeric(self.features[flat])).view(*tokens.shape, -1)
        return torch.cat([x[:, :1], x[:, 1:] + x[:, :1]], dim=1).flatten(0, 1)

    def folded(self) -> Llama:
        """A plain decoder with the features folded into its embeddings: what `DecoderSteps` runs."""
        plain = Llama(self.recipe, len(self.features), self.rotation.shape[0])
        own = {name: weight for name, weight in self.state_dict().items() if "numeric" not in name}
        own["embedding.weight"] = self.embedding.weight + self.numeric(self.features)
        plain.load_state_dict({**own, "head.weight": self.head.effective()})
        return plain.to(self.rotation.device)


class DecoderSteps(LlamaSteps):
    """A folded decoder at work; the first tokens that it reads are classes."""

    of_class: Any = None

    def embedded(self, tokens: Numbers) -> Any:
        """The input of the first layer, float (rows, hidden)."""
        x = super().embedded(tokens)
        if self.of_class is None:
            # `step` changes what this returns.
            self.of_class = super().embedded(tokens)
            return x
        return x + self.of_class

    def select(self, rows: Numbers) -> DecoderSteps:
        """A copy for these rows."""
        chosen = super().select(rows)
        assert isinstance(chosen, DecoderSteps)
        chosen.of_class = None if self.of_class is None else self.of_class[rows]
        return chosen


def features_of(mapping: TokenMapping) -> Tensor:
    """Numbers that tell direction and length of each token, float (vocabulary, 2 (3 + 2 WAVES)), of a norm near 1.

    A constant, the length as a share of the largest, its logarithm likewise, and sines and cosines; and all of these
    with the sign of the direction. Tokens that are no packets have zeros.
    """
    # On the CPU even for a sketched model, see `ntgbench_llama.model.rotary`.
    value = torch.arange(mapping.vocabulary, device="cpu") - (mapping.first_value - 1)
    direction = torch.sign(value) * torch.where(value > mapping.pl_max, -1, 1) * (value > 0)
    size = torch.where(value > mapping.pl_max, value - mapping.pl_max, value).clamp(min=0).double()
    angles = 2 * math.pi * torch.outer(size, 2.0 ** -torch.arange(1, WAVES + 1, device="cpu").double())
    plain = torch.stack([torch.ones_like(size), size / mapping.pl_max, size.log1p() / math.log1p(mapping.pl_max)], 1)
    found = torch.cat([plain, angles.sin(), angles.cos()], dim=1)
    found = torch.cat([found * (value > 0)[:, None], found * direction[:, None]], dim=1)
    features: Tensor = (found / math.sqrt(found.shape[1] / 2)).float()
    return features
