"""A third party's token generator: an embedding, a norm and a head, which is transformers' GPT-NeoX without layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ntgbench.learning.recipe import TokenRecipe
from ntgbench.learning.token_generator import TokenGenerator
from ntgbench.learning.token_model import TokenModel

HIDDEN = 16
HF_NAMES = {"embedding": "gpt_neox.embed_in", "norm": "gpt_neox.final_layer_norm", "head": "embed_out"}


class Bigram(TokenModel):
    """What follows depends on the last token alone."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.head = nn.Linear(HIDDEN, vocabulary, bias=False)

    def initialise(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for layer in (self.embedding, self.head):
            nn.init.normal_(layer.weight, generator=generator)

    def hidden(self, tokens: Tensor) -> Tensor:
        return self.norm(self.embedding(tokens))


class BigramSteps:
    def __init__(self, model: Bigram) -> None:
        self.model = model

    def step(self, tokens) -> Tensor:
        return self.model.head(self.model.hidden(torch.from_numpy(tokens)))

    def select(self, rows) -> BigramSteps:  # noqa: ARG002
        return self


class PlainGenerator(TokenGenerator[TokenRecipe]):
    """As little as a token generator can declare."""

    kind = "bigram"
    model: Bigram

    def new_model(self) -> Bigram:
        return Bigram(self.mapping.vocabulary)

    def steps(self):
        return lambda rows: BigramSteps(self.model)


class BigramGenerator(PlainGenerator):
    """With all that int8 and ONNX need."""

    def hf_config(self) -> dict[str, Any]:
        return {
            "architectures": ["GPTNeoXForCausalLM"],
            "model_type": "gpt_neox",
            "vocab_size": self.mapping.vocabulary,
            "hidden_size": HIDDEN,
            "intermediate_size": HIDDEN,
            "num_hidden_layers": 0,
            "num_attention_heads": 2,
            "tie_word_embeddings": False,
        }

    def hf_weights(self) -> dict[str, Tensor]:
        own = {name: name.partition(".") for name in self.model.state_dict()}
        return {f"{HF_NAMES[layer]}.{kind}": self.model.state_dict()[name] for name, (layer, _, kind) in own.items()}

    def take_hf_weights(self, weights: dict[str, Tensor]) -> None:
        own = {hf: layer for layer, hf in HF_NAMES.items()}
        names = {name: name.rpartition(".") for name in weights}
        self.model.load_state_dict({f"{own[layer]}.{kind}": weights[n] for n, (layer, _, kind) in names.items()})

    def onnx_step(self, graph) -> str:
        norm = graph.weight("norm.weight"), graph.weight("norm.bias")
        x = graph.node("LayerNormalization", graph.embedding(graph.tokens, "embedding"), *norm, epsilon=1e-5)
        return graph.integer_linear(x, "head")
