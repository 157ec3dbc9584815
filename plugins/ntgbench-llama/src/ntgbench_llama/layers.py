"""LLaMA's layers and their gradient in numpy: how the model is trained on the CPU.

What is computed is what the modules of `model.py` compute.

Shapes: N rows, T tokens, H hidden, A heads of 2P components each, I intermediate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ntgbench.learning.numpy_layers import dots, norm, norm_gradient, project, silu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.learning.numpy_layers import Array


class Tensors(NamedTuple):
    """What a layer is handed, or its gradients."""

    attention_gain: Array  # (H,)
    qkv: Array  # (3H, H)
    output: Array  # (H, H)
    feed_forward_gain: Array  # (H,)
    gate_up: Array  # (2I, H)
    down: Array  # (H, I)


class Passed(NamedTuple):
    """What a layer remembers of a pass for its gradient.

    Attributes:
        attention_norm: what the first norm gave, but for its gain, (N T, H), and what it multiplied by, (N T, 1).
        query, key, value: turned and scaled, each (N, A, T, 2P).
        likely: what part each token takes of each other one, (N, A, T, T).
        attended: what the output projection read, (N T, H).
        feed_forward_norm: as `attention_norm`, of the second norm.
        slope, gate: of SiLU, and what it gave, (N T, I).
        up: what the gate was multiplied by, (N T, I).
    """

    attention_norm: tuple[Array, Array]
    query: Array
    key: Array
    value: Array
    likely: Array
    attended: Array
    feed_forward_norm: tuple[Array, Array]
    slope: Array
    gate: Array
    up: Array


class NumpyLayer:
    """A layer: `Layer` of `ntgbench.learning.numpy_layers`.

    Args:
        heads: attention heads.
        rotation: the rotary embedding of T positions or more as `model.rotary` gives it.
        epsilon: added to the mean square that a norm divides by.
        dtype: type that projections are multiplied in.
    """

    tensors = len(Tensors._fields)

    def __init__(self, heads: int, rotation: Array, epsilon: float, dtype: torch.dtype) -> None:
        self.heads, self.epsilon, self.dtype = heads, epsilon, dtype
        scale = np.ones((rotation.shape[1], 1), rotation.real.dtype)
        scale[:heads] = (2 * rotation.shape[2]) ** -0.5
        self.turn = rotation * scale
        length = len(rotation)
        self.later = np.triu(np.full((length, length), -np.inf, scale.dtype), 1)

    def forward(self, x: Array, tensors: list[Array], length: int) -> tuple[Array, Passed]:
        """Output of a layer, (N T, H), and what its gradient needs."""
        w = Tensors(*tensors)
        attention_norm = norm(x, self.epsilon)
        qkv = self.project(attention_norm[0] * w.attention_gain, w.qkv)
        turn = self.turn[:length]
        turned = qkv.view(turn.dtype).reshape(-1, *turn.shape) * turn
        parts = turned.view(x.dtype).reshape(-1, length, 3, self.heads, 2 * turn.shape[2])
        query, key, value = parts.transpose(2, 0, 3, 1, 4)
        likely = query @ key.swapaxes(2, 3)
        likely += self.later[:length, :length]
        likely -= likely.max(axis=3, keepdims=True)
        np.exp(likely, out=likely)
        likely /= likely.sum(axis=3, keepdims=True)
        attended = (likely @ value).transpose(0, 2, 1, 3).reshape(x.shape)
        x = x + self.project(attended, w.output)
        feed_forward_norm = norm(x, self.epsilon)
        gate_up = self.project(feed_forward_norm[0] * w.feed_forward_gain, w.gate_up)
        inner = gate_up.shape[1] // 2
        up = gate_up[:, inner:]
        slope, gate = silu(gate_up[:, :inner])
        x = x + self.project(gate * up, w.down)
        return x, Passed(attention_norm, query, key, value, likely, attended, feed_forward_norm, slope, gate, up)

    def backward(
        self, gradient: Array, tensors: list[Array], passed: Passed, length: int
    ) -> tuple[Array, Sequence[Array]]:
        """Gradients of a layer's input, (N T, H), and of its weights."""
        w, p, times = Tensors(*tensors), passed, self.times
        unit, root = p.feed_forward_norm
        of_fed = times(gradient, w.down)
        of_gate_up = np.concatenate([of_fed * p.up * p.slope, of_fed * p.gate], axis=1)
        of_normed = times(of_gate_up, w.gate_up)
        feed_forward_gain = dots(of_normed, unit)
        gate_up = times(of_gate_up.T, unit * w.feed_forward_gain)
        down = times(gradient.T, p.gate * p.up)
        gradient = gradient + norm_gradient(of_normed * w.feed_forward_gain, unit, root)
        rows, heads, _, components = p.query.shape
        of_attended = times(gradient, w.output).reshape(rows, length, heads, components).swapaxes(1, 2)
        of_likely = of_attended @ p.value.swapaxes(2, 3)
        of_likely -= np.vecdot(of_likely, p.likely)[..., None]
        of_likely *= p.likely
        of_parts = np.empty((rows, length, 3, heads, components), gradient.dtype)
        of_query, of_key, of_value = of_parts.transpose(2, 0, 3, 1, 4)
        of_query[:] = of_likely @ p.key
        of_key[:] = of_likely.swapaxes(2, 3) @ p.query
        of_value[:] = p.likely.swapaxes(2, 3) @ of_attended
        turn = self.turn[:length]
        of_turned = of_parts.view(turn.dtype).reshape(rows, *turn.shape) * turn.conj()
        of_qkv = of_turned.view(gradient.dtype).reshape(len(gradient), -1)
        unit, root = p.attention_norm
        of_normed = times(of_qkv, w.qkv)
        of_tensors = Tensors(
            attention_gain=dots(of_normed, unit),
            qkv=times(of_qkv.T, unit * w.attention_gain),
            output=times(gradient.T, p.attended),
            feed_forward_gain=feed_forward_gain,
            gate_up=gate_up,
            down=down,
        )
        return gradient + norm_gradient(of_normed * w.attention_gain, unit, root), of_tensors

    def project(self, x: Array, weight: Array) -> Array:
        """Rows of `x` through a projection, in the type of projections."""
        if self.dtype != torch.bfloat16:
            return project(x, weight)
        return self.times(x, weight.T)

    def times(self, x: Array, y: Array) -> Array:
        """Matrix product, in the type of projections."""
        if self.dtype != torch.bfloat16:
            return x @ y
        product: Array = (torch.from_numpy(x).bfloat16() @ torch.from_numpy(y).bfloat16()).float().numpy()
        return product
