"""The decoder one token at a time, over a preallocated cache: in numpy on the CPU, in torch elsewhere.

The same lines serve both. A step is so short that what a library does around each operation counts; numpy does less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ntgbench_llama.model import EPSILON, Layer, Llama

if TYPE_CHECKING:
    from ntgbench.learning.sampling import Numbers


class Weights:
    """The weights of a fitted decoder as a step wants them, as arrays of `library`, numpy or torch.

    Gains of norms and sqrt(hidden) are folded into the projections behind them, 1 / sqrt(dimensions of a head) into the
    queries, and projections are transposed.
    """

    def __init__(self, model: Llama, library: Any) -> None:
        def array(weight: Tensor) -> Any:
            return weight.detach().numpy() if library is np else weight.detach()

        def projection(weight: Tensor, gain: Tensor | None = None) -> Any:
            return array((weight if gain is None else weight * gain * len(gain) ** 0.5).t().contiguous())

        self.library = library
        self.embedding = array(model.embedding.weight)
        self.rotation = array(model.rotation)
        self.head = projection(model.head.weight, model.norm.weight)
        self.heads = model.heads
        self.layers = []
        for layer in model.layers:
            assert isinstance(layer, Layer)
            hidden = layer.qkv.in_features
            scale = torch.ones(3 * hidden, 1, device=model.rotation.device)
            scale[:hidden] = (layer.heads / hidden) ** 0.5
            self.layers.append(
                (
                    projection(layer.qkv.weight * scale, layer.attention_norm.weight),
                    projection(layer.output.weight),
                    projection(layer.gate_up.weight, layer.feed_forward_norm.weight),
                    projection(layer.down.weight),
                )
            )


class LlamaSteps:
    """A decoder at work: `Steps` of `ntgbench.learning.sampling`."""

    def __init__(self, weights: Weights, rows: int) -> None:
        self.weights, self.position = weights, 0
        length, _, pairs = weights.rotation.shape
        shape = (len(weights.layers), 2, rows, weights.heads, length, 2 * pairs)
        self.cache: Any = (
            np.empty(shape, np.float32)
            if weights.library is np
            else torch.empty(shape, device=weights.embedding.device)
        )

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row."""
        w, xp, here = self.weights, self.weights.library, self.position
        rows = len(tokens)
        x = w.embedding[tokens]
        for (qkv_weight, output, gate_up, down), cache in zip(w.layers, self.cache, strict=True):
            qkv = (_normed(x, xp) @ qkv_weight).reshape(rows, 3, w.heads, -1)
            turned = (qkv[:, :2].view(xp.complex64) * w.rotation[here, 0]).view(xp.float32)
            keys, values = cache[0, :rows], cache[1, :rows]
            keys[:, :, here], values[:, :, here] = turned[:, 1], qkv[:, 2]
            scores = keys[:, :, : here + 1] @ turned[:, 0, :, :, None]
            likely = xp.exp(scores - xp.amax(scores, axis=2, keepdims=True))
            likely /= likely.sum(axis=2, keepdims=True)
            x = x + (likely.swapaxes(2, 3) @ values[:, :, : here + 1]).reshape(rows, -1) @ output
            gate_and_up = _normed(x, xp) @ gate_up
            gate, up = gate_and_up[:, : len(down)], gate_and_up[:, len(down) :]
            # SiLU by the hyperbolic tangent, which does not overflow.
            x = x + (gate * (0.5 + 0.5 * xp.tanh(0.5 * gate)) * up) @ down
        self.position += 1
        logits = _normed(x, xp) @ w.head
        return torch.from_numpy(logits) if xp is np else logits

    def keep(self, rows: Numbers) -> None:
        """Go on with these rows."""
        self.cache[:, :, : len(rows), :, : self.position] = self.cache[:, :, rows, :, : self.position]


def _normed(x: Any, xp: Any) -> Any:
    """RMSNorm of rows, but for the factor sqrt(hidden) that `Weights` has in the projections."""
    return x / xp.sqrt((x * x).sum(axis=-1, keepdims=True) + EPSILON * x.shape[-1])
