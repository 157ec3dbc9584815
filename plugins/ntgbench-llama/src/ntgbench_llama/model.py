"""The LLaMA decoder, compact: fused projections and rotary embeddings as complex numbers.

What it computes is what transformers' LlamaForCausalLM computes, with the same weights (`to_hf` and `from_hf`).
Architecture: Touvron et al. 2023, arXiv 2302.13971; rotary embeddings: Su et al. 2021, arXiv 2104.09864.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ntgbench.learning.numpy_layers import NumpyModel, product_type
from ntgbench.learning.token_model import TokenModel
from ntgbench_llama.layers import NumpyLayer

if TYPE_CHECKING:
    from ntgbench_llama.parameters import LlamaParameters

EPSILON = 1e-6
"""Added to the mean square that RMSNorm divides by."""

ROPE_BASE = 10_000.0
"""Base of the rotary embeddings' wavelengths."""

INITIAL_DEVIATION = 0.02
"""Standard deviation of weights before training, as transformers has it."""

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
"""What transformers calls each weight, or the parts of it from the top."""

TURNED = ("q_proj.weight", "k_proj.weight")
"""Weights whose rows transformers has in another order."""


class Layer(nn.Module):
    """Attention and feed-forward block, each behind its RMSNorm.

    Attributes:
        qkv: queries, keys and values of all heads; in queries and keys the two components that the rotary embedding
            turns together are neighbours.
        gate_up: gate and up projection.
    """

    def __init__(self, hidden: int, intermediate: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.RMSNorm(hidden, EPSILON)
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.output = nn.Linear(hidden, hidden, bias=False)
        self.feed_forward_norm = nn.RMSNorm(hidden, EPSILON)
        self.gate_up = nn.Linear(hidden, 2 * intermediate, bias=False)
        self.down = nn.Linear(intermediate, hidden, bias=False)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        """The layer's output for `x`, float (N T, hidden); `rotation` is that of T positions."""
        qkv = self.qkv(self.attention_norm(x))
        # Heads are so small that bfloat16, where a training uses it for projections, makes attention slower.
        with torch.autocast(x.device.type, enabled=False):
            length, heads, pairs = rotation.shape
            turned = torch.view_as_complex(qkv.to(rotation.real.dtype).view(-1, length, heads, pairs, 2)) * rotation
            parts = torch.view_as_real(turned).view(-1, length, 3, self.heads, 2 * pairs)
            query, key, value = parts.transpose(1, 3).unbind(2)
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(attended.transpose(1, 2).reshape(x.shape))
        gate, up = self.gate_up(self.feed_forward_norm(x)).chunk(2, dim=-1)
        after: Tensor = x + self.down(F.silu(gate) * up)
        return after


class Llama(TokenModel):
    """A causal decoder over `vocabulary` tokens, input and output embeddings untied."""

    head: nn.Linear
    rotation: Tensor

    def __init__(self, parameters: LlamaParameters, vocabulary: int, length: int) -> None:
        super().__init__()
        self.heads = parameters.heads
        self.embedding = nn.Embedding(vocabulary, parameters.hidden)
        self.layers = nn.ModuleList(
            Layer(parameters.hidden, parameters.intermediate, parameters.heads) for _ in range(parameters.layers)
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

    def hidden(self, tokens: Tensor) -> Tensor:
        """What the output embedding reads, float (N, T, hidden), for tokens (N, T)."""
        x = self.embedding(tokens.flatten())
        for layer in self.layers:
            x = layer(x, self.rotation[: tokens.shape[1]])
        normed: Tensor = self.norm(x).view(*tokens.shape, -1)
        return normed

    def in_numpy(self) -> NumpyModel:
        """The same, as it is trained on the CPU: faster than the modules, at any number of rows."""
        embedding, head = self.embedding.weight, self.head.weight
        dtype = product_type(head)
        layer = numpy_layer(self.heads, self.rotation.shape[2], len(self.rotation), head.dtype, dtype)
        return NumpyModel(layer, EPSILON, embedding, self.of_layers, self.norm.weight, head, dtype)

    @cached_property
    def of_layers(self) -> list[Tensor]:
        """The weights of all layers, each in the order of `layers.Tensors`; to look them up takes a while."""
        names = ("attention_norm", "qkv", "output", "feed_forward_norm", "gate_up", "down")
        return [layer.get_parameter(f"{name}.weight") for layer in self.layers for name in names]

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each of `tokens`, float (N, T, vocabulary)."""
        logits: Tensor = self.head(self.hidden(tokens))
        return logits


def rotary(length: int, dimensions: int, heads: int) -> Tensor:
    """The unit number that turns each pair of components at each position, complex64 (length, 3 heads, dimensions / 2).

    Heads stand as in `Layer.qkv`; those of values are turned by 1, which costs less than to take them apart.
    """
    # On the CPU also where a model is only sketched: arithmetic on the "meta" device imports for seconds.
    frequencies = ROPE_BASE ** -(torch.arange(0, dimensions, 2, device="cpu") / dimensions)
    angles = torch.outer(torch.arange(length, device="cpu"), frequencies)[:, None]
    turns = torch.cat([angles.expand(-1, 2 * heads, -1), torch.zeros_like(angles).expand(-1, heads, -1)], dim=1)
    return torch.polar(torch.ones_like(turns), turns)


@cache
def numpy_layer(heads: int, pairs: int, length: int, dtype: torch.dtype, product_dtype: torch.dtype) -> NumpyLayer:
    """A layer in numpy, made once: to make it takes a tenth as long as its work."""
    rotation = rotary(length, 2 * pairs, heads).to(dtype.to_complex())
    return NumpyLayer(heads, rotation.numpy(), EPSILON, product_dtype)


def to_hf(model: Llama) -> dict[str, Tensor]:
    """The weights under the names, and in the order of rows, that transformers' LlamaForCausalLM has."""
    weights = {}
    for own, weight in model.state_dict().items():
        names = _hf_names(own)
        for name, part in zip(names, weight.chunk(len(names)), strict=True):
            weights[name] = _halves(part, model.heads) if name.endswith(TURNED) else part
    return weights


def from_hf(model: Llama, weights: dict[str, Tensor]) -> None:
    """Put the weights that `to_hf` gave, or that transformers saved, into `model`.

    Raises:
        RuntimeError: when a weight is missing, is none of the model's, or has another shape.
    """
    names = {own: _hf_names(own) for own in model.state_dict()}
    different = {name for parts in names.values() for name in parts} ^ weights.keys()
    if different:
        raise RuntimeError(f"the model and the file differ in {', '.join(sorted(different))}")
    own_weights = {
        own: torch.cat([_pairs(weights[n], model.heads) if n.endswith(TURNED) else weights[n] for n in parts])
        for own, parts in names.items()
    }
    model.load_state_dict(own_weights)


def _hf_names(own: str) -> tuple[str, ...]:
    """Names that transformers has for the weight `own`: several when they are the parts of it, from the top."""
    *block, name, kind = own.split(".")
    return tuple(".".join(["model"] * (part != "lm_head") + [*block, part, kind]) for part in HF_NAMES[name])


def _halves(weight: Tensor, heads: int) -> Tensor:
    """Rows of each head with the first components of all pairs before the second ones, as transformers has them."""
    return weight.view(heads, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def _pairs(weight: Tensor, heads: int) -> Tensor:
    """The inverse of `_halves`."""
    return weight.view(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape)
