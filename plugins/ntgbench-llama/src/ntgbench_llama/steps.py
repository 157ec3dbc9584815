"""The decoder one token at a time, with a preallocated cache of keys and values: for sampling.

The same lines run on numpy arrays on the CPU and on torch tensors elsewhere. A step is so short that the overhead of
each operation matters, and numpy's is smaller. Symbols are those of `model.py`.
"""

from __future__ import annotations

from operator import matmul
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ntgbench.learning.device import matrix_type
from ntgbench_llama.model import EPSILON, Layer, Llama

if TYPE_CHECKING:
    from ntgbench.learning.recipe import Precision
    from ntgbench.learning.sampling import Numbers


class Weights:
    """The weights of a fitted decoder, laid out for a step.

    Projections are transposed. Gains of norms and sqrt(hidden) are folded into the projections behind them,
    1 / sqrt(components of a head) into the queries, and 1/2 into the gates.

    Attributes:
        library: numpy or torch, the library of all arrays but the projections.
        matmul: product of an array and a projection, in the precision of projections.
        softmax: softmax of an array over its last axis.
    """

    def __init__(self, model: Llama, library: Any, precision: Precision = "float32") -> None:
        in_numpy, dtype = library is np, matrix_type(precision, model.rotation.device)

        def array(weight: Tensor) -> Any:
            return weight.detach().numpy() if in_numpy else weight.detach()

        def projection(weight: Tensor, gain: Tensor | None = None) -> Any:
            folded = (weight if gain is None else weight * gain * len(gain) ** 0.5).t().contiguous()
            return array(folded) if dtype == torch.float32 else folded.detach().to(dtype)

        self.library = library
        self.matmul = matmul if dtype == torch.float32 else _matmul_in_numpy if in_numpy else _matmul
        self.softmax = _softmax_in_numpy if in_numpy else _softmax
        self.embedding = array(model.embedding.weight)
        self.rotation = array(model.rotation)
        self.head = projection(model.head.weight, model.norm.weight)
        self.heads = model.heads
        self.layers = []
        for layer in model.layers:
            assert isinstance(layer, Layer)
            hidden, intermediate = layer.qkv.in_features, layer.down.in_features
            query = _scale(layer.qkv.weight, hidden, (layer.heads / hidden) ** 0.5)
            self.layers.append(
                (
                    projection(query, layer.attention_norm.weight),
                    projection(layer.output.weight),
                    projection(_scale(layer.gate_up.weight, intermediate, 0.5), layer.feed_forward_norm.weight),
                    projection(layer.down.weight),
                )
            )


class LlamaSteps:
    """A decoder at work: `Steps` of `ntgbench.learning.sampling`."""

    def __init__(self, weights: Weights, rows: int) -> None:
        self.weights, self.position = weights, 0
        length, _, pairs = weights.rotation.shape
        shape = (len(weights.layers), length, rows, 2 * weights.heads, 2 * pairs)
        self.cache: Any = (
            np.empty(shape, np.float32)
            if weights.library is np
            else torch.empty(shape, device=weights.embedding.device)
        )

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row."""
        w, xp, matmul, here = self.weights, self.weights.library, self.weights.matmul, self.position
        rows, heads, rotation = len(tokens), w.heads, w.rotation[here]
        x = self.embedded(tokens)
        for (qkv, output, gate_up, down), cache in zip(w.layers, self.cache[:, : here + 1], strict=True):
            components = matmul(_normed(x, xp), qkv).view(xp.complex64).reshape(rows, *rotation.shape)
            rotated = (components * rotation).view(xp.float32)
            cache[here] = rotated[:, heads:]
            past = cache.swapaxes(0, 1).swapaxes(1, 2)
            probs = w.softmax((past[:, :heads] @ rotated[:, :heads, :, None])[..., 0])
            x += matmul((probs[:, :, None] @ past[:, heads:]).reshape(rows, -1), output)
            gate_and_up = matmul(_normed(x, xp), gate_up)
            gate, up = gate_and_up[:, : len(down)], gate_and_up[:, len(down) :]
            # The gate is halved: SiLU(2z) = z (1 + tanh z), which does not overflow.
            fed = xp.tanh(gate)
            fed += 1
            fed *= gate
            fed *= up
            x += matmul(fed, down)
        self.position += 1
        logits = matmul(_normed(x, xp), w.head)
        return torch.from_numpy(logits) if xp is np else logits

    def embedded(self, tokens: Numbers) -> Any:
        """The input of the first layer, float (rows, hidden)."""
        return self.weights.embedding[tokens]

    def select(self, rows: Numbers) -> LlamaSteps:
        """A copy for these rows."""
        chosen = type(self)(self.weights, len(rows))
        chosen.position = self.position
        for old, new in zip(self.cache, chosen.cache, strict=True):
            for position in range(self.position):  # one at a time: an index on an inner axis is slower
                new[position] = old[position][rows]
        return chosen


def _normed(x: Any, xp: Any) -> Any:
    """RMSNorm of rows, without the gain and the factor sqrt(hidden), which `Weights` folds into the projections."""
    return x / xp.sqrt(xp.linalg.vecdot(x, x) + EPSILON * x.shape[-1])[:, None]


def _scale(weight: Tensor, rows: int, factor: float) -> Tensor:
    """`weight` with its first rows multiplied by `factor`."""
    return torch.cat([weight[:rows] * factor, weight[rows:]])


def _matmul(x: Tensor, weight: Tensor) -> Tensor:
    return (x.to(weight.dtype) @ weight).float()


def _matmul_in_numpy(x: Any, weight: Tensor) -> Any:
    return _matmul(torch.from_numpy(x), weight).numpy()


def _softmax(scores: Tensor) -> Tensor:
    return scores.softmax(-1)


def _softmax_in_numpy(scores: Any) -> Any:
    # Numpy reduces fastest along the first axis.
    probs = scores.transpose(2, 0, 1).copy()
    probs -= probs.max(axis=0)
    np.exp(probs, out=probs)
    probs /= probs.sum(axis=0)
    return probs.transpose(1, 2, 0)
