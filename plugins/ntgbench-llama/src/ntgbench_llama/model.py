"""The LLaMA decoder: fused projections and rotary embeddings as complex numbers.

It computes what LlamaForCausalLM of transformers computes, with the same weights (`to_hf` and `from_hf`).
Architecture: Touvron et al. 2023, arXiv 2302.13971.

Symbols, for input x of a layer at position t:
    RMSNorm(x) = gain x / sqrt(mean(x^2) + EPSILON)           attention_norm, feed_forward_norm, norm
    [q, k, v] = W_qkv RMSNorm(x), split into heads            qkv, query, key, value
    q_t, k_t <- q_t e^(i t theta), k_t e^(i t theta)          rotation; pairs of components as complex numbers,
        theta_j = ROPE_BASE^(-2j / d), d components a head    Su et al. 2021, arXiv 2104.09864, equation 15
    a = softmax(q k^T / sqrt(d)) v over tokens up to t        attended
    x <- x + W_o a                                            output
    x <- x + W_down (SiLU(W_gate n) * W_up n), n = RMSNorm(x) gate_up, down; Shazeer 2020, arXiv 2002.05202
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ntgbench.learning.token_model import TokenModel

if TYPE_CHECKING:
    from ntgbench_llama.parameters import LlamaParameters

EPSILON = 1e-6
"""Added to the mean square that RMSNorm divides by."""

ROPE_BASE = 10_000.0
"""Base of the wavelengths of the rotary embedding."""

INITIAL_DEVIATION = 0.02
"""Standard deviation of weights before training, the default of transformers."""

HF_NAMES = {
    "embedding": ("embed_tokens",),
    "attention_norm": ("input_layernorm",),
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "output": ("self_attn.o_proj",),
    "feed_forward_norm": ("post_attention_layernorm",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
    "norm": ("norm",),
    "head": ("lm_head",),
}
"""Names in transformers of each weight, or of the parts that it consists of, from the first row to the last."""

REORDERED = ("q_proj.weight", "k_proj.weight")
"""Weights whose rows have another order in transformers."""


class Layer(nn.Module):
    """Attention and feed-forward block, each behind its RMSNorm.

    Attributes:
        qkv: queries, keys and values of all heads. The two components that the rotary embedding rotates together are
            neighbours.
        gate_up: gate and up projection.
    """

    def __init__(self, hidden: int, intermediate: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention_norm = nn.RMSNorm(hidden, EPSILON)
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.output = nn.Linear(hidden, hidden, bias=False)
        self.feed_forward_norm = nn.RMSNorm(hidden, EPSILON)
        self.gate_up = nn.Linear(hidden, 2 * intermediate, bias=False)
        self.down = nn.Linear(intermediate, hidden, bias=False)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        """The layer's output for `x`, float (N T, hidden); `rotation` is that of T positions."""
        qkv = self.qkv(self.attention_norm(x))
        # The heads are so small that attention is slower in bfloat16.
        with torch.autocast(x.device.type, enabled=False):
            length, heads, pairs = rotation.shape
            rotated = torch.view_as_complex(qkv.to(rotation.real.dtype).view(-1, length, heads, pairs, 2)) * rotation
            parts = torch.view_as_real(rotated).view(-1, length, 3, self.heads, 2 * pairs)
            query, key, value = parts.transpose(1, 3).unbind(2)
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + dropped(self.output(attended.transpose(1, 2).reshape(x.shape)), self)
        gate, up = self.gate_up(self.feed_forward_norm(x)).chunk(2, dim=-1)
        after: Tensor = x + dropped(self.down(F.silu(gate) * up), self)
        return after


class Llama(TokenModel):
    """A causal decoder over `vocabulary` tokens, input and output embeddings untied."""

    head: nn.Linear
    rotation: Tensor

    def __init__(self, parameters: LlamaParameters, vocabulary: int, length: int) -> None:
        super().__init__()
        self.recipe = parameters
        self.heads, self.dropout = parameters.heads, parameters.dropout
        self.embedding = nn.Embedding(vocabulary, parameters.hidden)
        self.layers = nn.ModuleList(
            Layer(parameters.hidden, parameters.intermediate, parameters.heads, parameters.dropout)
            for _ in range(parameters.layers)
        )
        self.norm = nn.RMSNorm(parameters.hidden, EPSILON)
        self.head = nn.Linear(parameters.hidden, vocabulary, bias=False)
        rotation = rotary(length, parameters.hidden // parameters.heads, parameters.heads)
        self.register_buffer("rotation", rotation, persistent=False)

    def initialise(self, seed: int) -> None:
        """Draw all weights anew."""
        generator = torch.Generator().manual_seed(seed)
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.normal_(weight, std=INITIAL_DEVIATION, generator=generator)

    def embedded(self, tokens: Tensor) -> Tensor:
        """The input of the first layer, float (N T, hidden), for tokens (N, T)."""
        x: Tensor = self.embedding(tokens.flatten())
        return x

    def hidden(self, tokens: Tensor) -> Tensor:
        """The input of the output embedding, float (N, T, hidden), for tokens (N, T)."""
        x = dropped(self.embedded(tokens), self)
        for layer in self.layers:
            x = layer(x, self.rotation[: tokens.shape[1]])
        normed: Tensor = dropped(self.norm(x).view(*tokens.shape, -1), self)
        return normed


def dropped(x: Tensor, module: Layer | Llama) -> Tensor:
    """`x` without a random part of its numbers, and the rest scaled up, where the module trains with dropout."""
    # Without dropout nothing is called, which keeps a step short.
    return F.dropout(x, module.dropout, module.training) if module.dropout else x


def rotary(length: int, dimensions: int, heads: int) -> Tensor:
    """The rotation of each pair of components at each position, complex64 (length, 3 heads, dimensions / 2).

    Heads are ordered as in `Layer.qkv`. Those of values are multiplied by 1, which is faster than to separate them.
    """
    # On the CPU even for a sketched model: arithmetic on the "meta" device imports for seconds.
    frequencies = ROPE_BASE ** -(torch.arange(0, dimensions, 2, device="cpu") / dimensions)
    angles = torch.outer(torch.arange(length, device="cpu"), frequencies)[:, None]
    angles = torch.cat([angles.expand(-1, 2 * heads, -1), torch.zeros_like(angles).expand(-1, heads, -1)], dim=1)
    return torch.polar(torch.ones_like(angles), angles)


def to_hf(model: Llama) -> dict[str, Tensor]:
    """The weights with the names and the order of rows of transformers' LlamaForCausalLM."""
    weights = {}
    for own, weight in model.state_dict().items():
        names = _hf_names(own)
        for name, part in zip(names, weight.chunk(len(names)), strict=True):
            weights[name] = _halves(part, model.heads) if name.endswith(REORDERED) else part
    return weights


def from_hf(model: Llama, weights: dict[str, Tensor]) -> None:
    """Put the weights that `to_hf` gave, or that transformers saved, into `model`.

    Raises RuntimeError when a weight is missing, unknown, or of another shape.
    """
    names = {own: _hf_names(own) for own in model.state_dict()}
    different = {name for parts in names.values() for name in parts} ^ weights.keys()
    if different:
        raise RuntimeError(f"the model and the file differ in {', '.join(sorted(different))}")
    own_weights = {
        own: torch.cat([_pairs(weights[n], model.heads) if n.endswith(REORDERED) else weights[n] for n in parts])
        for own, parts in names.items()
    }
    model.load_state_dict(own_weights)


def _hf_names(own: str) -> tuple[str, ...]:
    """Names in transformers of the weight `own`, or of its parts."""
    *block, name, kind = own.split(".")
    return tuple(".".join(["model"] * (part != "lm_head") + [*block, part, kind]) for part in HF_NAMES[name])


def _halves(weight: Tensor, heads: int) -> Tensor:
    """Rows of each head reordered as in transformers: the first components of all pairs, then the second ones."""
    return weight.view(heads, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def _pairs(weight: Tensor, heads: int) -> Tensor:
    """The inverse of `_halves`."""
    return weight.view(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape)
