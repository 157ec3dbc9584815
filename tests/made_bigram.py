"""A model small enough to know what must come of its training, and the traffic that it learns."""

from __future__ import annotations

import torch
from torch import nn

from ntgbench.interfaces import Context
from ntgbench.learning import training
from ntgbench.learning.recipe import Recipe
from ntgbench.learning.token_model import TokenModel, next_token_loss
from ntgbench.mapping.tokens import TokenMapping
from ntgbench.testing import example_traffic

RECIPE = Recipe(epochs=20, batch=16, learning_rate=0.1, weight_decay=0.0, patience=50)


class Bigram(TokenModel):
    """What follows depends on the last token alone."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, vocabulary)
        nn.init.zeros_(self.embedding.weight)
        self.head = nn.Identity()

    def initialise(self, seed: int) -> None:
        """Any seed is the same."""

    def hidden(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.embedding(tokens)


MAPPING = TokenMapping(classes=4, packets=4, pl_max=8)


def rows(part: slice = slice(None)) -> torch.Tensor:
    traffic = example_traffic(MAPPING.packets, MAPPING.pl_max)
    return torch.from_numpy(MAPPING.encode(traffic.signed_pl, traffic.label))[part]


def train(recipe: Recipe = RECIPE, validation: torch.Tensor | None = None, **context):
    model = Bigram(MAPPING.vocabulary)
    held_out = rows()[:0] if validation is None else validation
    loss = next_token_loss(model)
    return model, training.fit(model, loss, rows(), held_out, recipe, Context(**{"seed": 1, **context}))
