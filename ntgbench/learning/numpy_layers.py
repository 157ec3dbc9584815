"""Layers and their gradient in numpy, as one function of torch: how token models are trained on the CPU.

A layer is dozens of operations on a dozen tokens. What torch and its autograd do around each of them takes longer than
the arithmetic; numpy does less, and a plugin writes its layer's gradient out.

Shapes: N rows, T tokens, H hidden. What has N T rows has a row for each token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

Array = npt.NDArray[np.floating[Any]]


class Layer(Protocol):
    """What a plugin's layer computes, and its gradient.

    Attributes:
        tensors: how many tensors a layer is handed.
    """

    tensors: int

    def forward(self, x: Array, tensors: list[Array], length: int) -> tuple[Array, Any]:
        """Output for `x`, both (N T, H), for rows of `length` tokens, and what `backward` needs besides."""

    def backward(
        self, gradient: Array, tensors: list[Array], passed: Any, length: int
    ) -> tuple[Array, Sequence[Array]]:
        """Gradients of `x`, (N T, H), and of the tensors."""


class Layers(Function):
    """All layers, and the last norm."""

    @staticmethod
    def forward(ctx: Any, layer: Layer, epsilon: float, x: Tensor, *tensors: Tensor) -> Tensor:
        """What the output embedding reads, float (N, T, H).

        Args:
            ctx: carries what `backward` needs.
            layer: computes a layer.
            epsilon: added to the mean square that the last norm divides by.
            x: what the first layer reads, (N, T, H).
            tensors: those of each layer, and the gain of the last norm.
        """
        *of_layers, gain = [tensor.detach().numpy() for tensor in tensors]
        value, length = x.detach().numpy().reshape(-1, x.shape[2]), x.shape[1]
        ctx.layer, ctx.layers, ctx.length = layer, [], length
        for first in range(0, len(of_layers), layer.tensors):
            own = of_layers[first : first + layer.tensors]
            value, passed = layer.forward(value, own, length)
            ctx.layers.append((own, passed))
        ctx.gain, ctx.normed = gain, norm(value, epsilon)
        return torch.from_numpy(ctx.normed[0] * gain).view(x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the arguments of `forward`."""
        shape = gradients[0].shape
        of_normed = gradients[0].numpy().reshape(-1, shape[2])
        of_tensors = [dots(of_normed, ctx.normed[0])]
        gradient = norm_gradient(of_normed * ctx.gain, *ctx.normed)
        for own, passed in reversed(ctx.layers):
            gradient, of_layer = ctx.layer.backward(gradient, own, passed, ctx.length)
            of_tensors[:0] = of_layer
        return None, None, torch.from_numpy(gradient).view(shape), *map(torch.from_numpy, of_tensors)


def project(x: Array, weight: Array) -> Array:
    """Rows of `x` through a projection, (…, in) to (…, out): torch multiplies by a transposed matrix faster."""
    found: Array = functional.linear(torch.from_numpy(x), torch.from_numpy(weight)).numpy()
    return found


def norm(x: Array, epsilon: float) -> tuple[Array, Array]:
    """RMSNorm of each row but for its gain, and what the row was multiplied by."""
    root: Array = 1.0 / np.sqrt(np.vecdot(x, x)[:, None] / x.shape[1] + epsilon)
    return x * root, root


def norm_gradient(gradient: Array, unit: Array, root: Array) -> Array:
    """Gradient of what `norm` was given."""
    of_x: Array = root * (gradient - unit * (np.vecdot(gradient, unit)[:, None] / unit.shape[1]))
    return of_x


def silu(x: Array) -> tuple[Array, Array]:
    """The slope of SiLU at `x`, and SiLU, by the hyperbolic tangent, which does not overflow."""
    sigmoid = np.tanh(x * 0.5)
    sigmoid *= 0.5
    sigmoid += 0.5
    value = x * sigmoid
    return sigmoid + value * (1 - sigmoid), value


def dots(x: Array, y: Array) -> Array:
    """Dot products of columns."""
    found: Array = np.einsum("md,md->d", x, y)
    return found
