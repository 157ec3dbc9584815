"""Variants of the LLaMA decoder that `benchmarks.front_trials` compares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from ntgbench_llama.model import Llama
from ntgbench_llama.parameters import LlamaParameters
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ntgbench.mapping.tokens import PAD, TokenMapping, Tokens

SCALES = 11
"""Waves of the numeric features: lengths of 2, 4, … 2^SCALES bytes."""


@dataclass(frozen=True)
class Traits:
    """What a variant has; any of these together.

    Attributes:
        distinct: each distinct row is trained on once, not as often as it occurs.
        smoothing: probability that label smoothing gives to all tokens alike.
        noise: probability with which a packet that is read in training is hidden.
        class_everywhere: the embedding of the class is added to that of each packet.
        position: a learned embedding of the position is added to each embedding.
        numeric_in: a projection of numeric features of the signed length is added to the embedding of a packet.
        numeric_out: so are those of the output embedding.
        factorised: direction first, then the length given direction; both directions share embeddings of lengths.
        class_counts: logits get a learned multiple of the logarithm of how many other rows of the class have a token.
        seen_only: the vocabulary is that of the training set.
        tied: input and output embeddings are the same.
        shared: epochs of training on another data set before.
    """

    distinct: bool = True
    smoothing: float = 0.0
    noise: float = 0.0
    class_everywhere: bool = False
    position: bool = False
    numeric_in: bool = False
    numeric_out: bool = False
    factorised: bool = False
    class_counts: bool = False
    seen_only: bool = False
    tied: bool = False
    shared: int = 0


class Decoder(Llama):
    """A decoder with traits; `tokens` are those of its vocabulary, `rows` what it learns from, int64 (N, T)."""

    def __init__(
        self, parameters: LlamaParameters, traits: Traits, mapping: TokenMapping, tokens: Tensor, rows: Tensor
    ) -> None:
        super().__init__(parameters, len(tokens), mapping.packets + 2)
        self.traits, hidden = traits, parameters.hidden
        direction, length = signed(tokens, mapping)
        self.first_value = int((direction != 0).int().argmax())
        self.register_buffer("features", numeric(direction, length, mapping.pl_max))
        width = self.features.shape[1]
        self.numeric_in = nn.Linear(width, hidden, bias=False) if traits.numeric_in else None
        self.numeric_out = nn.Linear(width, hidden, bias=False) if traits.numeric_out else None
        self.position = nn.Embedding(mapping.packets + 2, hidden) if traits.position else None
        if traits.class_counts:
            self.register_buffer("counts", counts(rows, len(tokens)))
            self.slope, self.offset = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(0.0))
        if traits.factorised:
            lengths, index = length.unique(return_inverse=True)  # the first, 0, is that of EOS, PAD and classes
            self.register_buffer("index", index)
            self.register_buffer("turn", torch.where(direction > 0, 1, torch.where(direction < 0, 2, 0)))
            self.register_buffer("length_features", numeric((lengths > 0).int(), lengths, mapping.pl_max))
            self.embedding = nn.Embedding(self.first_value + len(lengths), hidden)
            self.turn_embedding = nn.Embedding(3, hidden)
            self.head = nn.Linear(hidden, len(lengths), bias=False)
            self.turn_head = nn.Linear(hidden, 3, bias=False)
            self.turned = nn.Linear(hidden, 2 * hidden, bias=False)
        if traits.tied:
            self.head.weight = self.embedding.weight

    def embedded(self, tokens: Tensor) -> Tensor:
        """The input of the first layer, float (N T, hidden)."""
        flat = tokens.flatten()
        if self.traits.factorised:
            turn = self.turn[flat]
            x = self.embedding(torch.where(turn > 0, self.index[flat] + self.first_value, flat))
            x = x + self.turn_embedding(turn)
        else:
            x = self.embedding(flat)
        if self.numeric_in is not None:
            x = x + self.numeric_in(self.features[flat])
        if self.position is not None:
            x = x + self.position.weight[: tokens.shape[1]].repeat(len(tokens), 1)
        if self.traits.class_everywhere:
            every = x.view(*tokens.shape, -1)
            x = torch.cat([every[:, :1], every[:, 1:] + every[:, :1]], dim=1).flatten(0, 1)
        return x

    def nats(self, rows: Tensor) -> Tensor:
        """-log p of each packet and EOS of rows, one after the other; what is trained on, with label smoothing."""
        tokens, following = rows[:, :-1], rows[:, 1:]
        real = following != PAD
        if self.training and self.traits.noise:
            hide = (torch.rand(tokens.shape) < self.traits.noise) & (tokens >= self.first_value)
            tokens = tokens.masked_fill(hide, PAD)
        h, target = self.hidden(tokens)[real], following[real]
        smoothing = self.traits.smoothing if self.training else 0.0
        if self.traits.factorised:
            turn = self.turn[target]
            nats = F.cross_entropy(self.turn_head(h), turn, reduction="none", label_smoothing=smoothing)
            packet = turn.nonzero()[:, 0]
            both = self.turned(h[packet]).view(len(packet), 2, -1)
            h = both[torch.arange(len(packet)), turn[packet] - 1] + h[packet]
            said = F.cross_entropy(
                self.scored(h, self.length_features),
                self.index[target[packet]],
                reduction="none",
                label_smoothing=smoothing,
            )
            return nats.index_add(0, packet, said)
        logits = self.scored(h, self.features)
        if self.traits.class_counts:
            logits = logits + self.usual(rows)[real.nonzero()[:, 0]]
        return F.cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)

    def scored(self, h: Tensor, features: Tensor) -> Tensor:
        """The logits of `h`; `features` are those of what they are of."""
        logits: Tensor = self.head(h)
        return logits if self.numeric_out is None else logits + h @ self.numeric_out.weight @ features.T

    def usual(self, rows: Tensor) -> Tensor:
        """What `class_counts` adds to logits, float (N, vocabulary); a row in training does not count itself."""
        count = self.counts[rows[:, 0]]
        if self.training:
            count = count - torch.zeros_like(count).scatter_(1, rows, 1.0)
        return self.slope * torch.log(count.clamp(min=0) + self.offset.exp())


def signed(tokens: Tensor, mapping: TokenMapping) -> tuple[Tensor, Tensor]:
    """Direction, 1 or -1, and length of each token; 0 and 0 of those that are no packets."""
    value = tokens - (mapping.first_value - 1)
    direction = torch.where(value > mapping.pl_max, -1, torch.where(value > 0, 1, 0))
    return direction, torch.where(value > mapping.pl_max, value - mapping.pl_max, value.clamp(min=0))


def numeric(direction: Tensor, length: Tensor, pl_max: int) -> Tensor:
    """Numeric features of tokens, float (tokens, …), of a norm near 1; 0 of those that are no packets."""
    size = length.double()
    angles = 2 * math.pi * torch.outer(size, 2.0 ** -torch.arange(1, SCALES + 1).double())
    one = torch.stack([torch.ones_like(size), size / pl_max, torch.log1p(size) / math.log1p(pl_max)], dim=1)
    one = torch.cat([one, angles.sin(), angles.cos()], dim=1) * (direction != 0)[:, None]
    return (torch.cat([one, one * direction[:, None]], dim=1) / one.shape[1] ** 0.5).float()


def counts(rows: Tensor, vocabulary: int) -> Tensor:
    """How many rows of each class have each token, float (highest token of a class + 1, vocabulary)."""
    has = torch.zeros(len(rows), vocabulary).scatter_(1, rows, 1.0)
    return torch.zeros(int(rows[:, 0].max()) + 1, vocabulary).index_add_(0, rows[:, 0], has)


def vocabulary(rows: Tokens, mapping: TokenMapping) -> Tokens:
    """The tokens of training rows, ascending, with PAD, EOS and all classes, so that these keep their numbers."""
    found: Tokens = np.union1d(np.arange(mapping.first_value), rows)
    return found
