"""A token model's loss with layers in numpy, and its gradient: how token models are trained on the CPU.

A layer is dozens of operations on a dozen tokens. What torch and its autograd do around each of them takes longer than
the arithmetic; numpy does less, and a plugin writes its layer's gradient out.

Shapes: N rows, T tokens, H hidden. What has N T rows has a row for each token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

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


class NumpyModel(NamedTuple):
    """A token model on the CPU, with layers in numpy.

    Attributes:
        layer: computes a layer.
        epsilon: added to the mean square that the last norm divides by.
        embedding: what the first layer reads of each token, (vocabulary, H).
        of_layers: weights of the first layer, of the second, and so on.
        gain: of the last norm, (H,).
        head: makes logits of what the last norm gives, (vocabulary, H); `embedding` itself where the two are tied.
        dtype: type that logits, and their gradient, are multiplied in.
    """

    layer: Layer
    epsilon: float
    embedding: Tensor
    of_layers: Sequence[Tensor]
    gain: Tensor
    head: Tensor
    dtype: torch.dtype


def mean_loss(model: NumpyModel, tokens: Tensor, following: Tensor, real: Tensor) -> Tensor:
    """The mean cross-entropy, in nats, of what follows tokens under the model.

    Its `backward`, once, adds to the `grad` of the weights. To autograd they are unknown: what it does for each of
    dozens of weights takes a tenth of a step of one biflow.

    Args:
        model: the model.
        tokens: int64 (N, T).
        following: the token that follows each, int64 (N, T).
        real: which of these count, bool (N, T).
    """
    mean: Tensor = _MeanLoss.apply(_KNOWN, model, tokens, following.flatten(), real.flatten())  # type: ignore[no-untyped-call]
    return mean


_KNOWN = torch.zeros((), requires_grad=True)
"""What autograd is told that the loss depends on."""


class _MeanLoss(Function):
    """`mean_loss` and its gradient."""

    @staticmethod
    def forward(ctx: Any, _known: Tensor, model: NumpyModel, tokens: Tensor, following: Tensor, real: Tensor) -> Tensor:
        ctx.model, ctx.tokens, ctx.real, ctx.length = model, tokens.flatten(), real, tokens.shape[1]
        value: Array = functional.embedding(ctx.tokens, model.embedding).numpy()
        weights, count = [weight.detach().numpy() for weight in model.of_layers], model.layer.tensors
        ctx.layers = []
        for own in (weights[first : first + count] for first in range(0, len(weights), count)):
            value, passed = model.layer.forward(value, own, ctx.length)
            ctx.layers.append((own, passed))
        ctx.normed = norm(value, model.epsilon)
        ctx.hidden = torch.from_numpy(ctx.normed[0] * model.gain.detach().numpy())[real]
        ctx.following = following[real]
        ctx.logs = _times(ctx.hidden, model.head.mT, model.dtype).log_softmax(dim=1)
        return functional.nll_loss(ctx.logs, ctx.following)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_mean: Tensor) -> tuple[None, ...]:
        model, of_logits = ctx.model, ctx.logs.exp_()
        of_logits[torch.arange(len(of_logits)), ctx.following] -= 1
        of_logits *= of_mean / len(of_logits)
        of_hidden = np.zeros_like(ctx.normed[0])
        of_hidden[ctx.real.numpy()] = _times(of_logits, model.head, model.dtype).numpy()
        of_weights = [dots(of_hidden, ctx.normed[0])]
        gradient = norm_gradient(of_hidden * model.gain.detach().numpy(), *ctx.normed)
        for own, passed in reversed(ctx.layers):
            gradient, of_layer = model.layer.backward(gradient, own, passed, ctx.length)
            of_weights[:0] = of_layer
        of_head = _times(of_logits.mT, ctx.hidden, model.dtype)
        tied = model.embedding is model.head
        of_embedding = of_head if tied else torch.zeros_like(model.embedding)
        of_embedding.index_add_(0, ctx.tokens, torch.from_numpy(gradient))
        _add(model.head, of_head)
        if not tied:
            _add(model.embedding, of_embedding)
        for weight, of_weight in zip([*model.of_layers, model.gain], of_weights, strict=True):
            _add(weight, torch.from_numpy(np.ascontiguousarray(of_weight)))
        return (None,) * 5


def _times(x: Tensor, y: Tensor, dtype: torch.dtype) -> Tensor:
    """Matrix product in `dtype`, of the type of x."""
    return (x.to(dtype) @ y.to(dtype)).to(x.dtype)


def _add(weight: Tensor, gradient: Tensor) -> None:
    """Add to the gradient of a weight."""
    weight.grad = gradient if weight.grad is None else weight.grad + gradient


def product_type(weight: Tensor) -> torch.dtype:
    """The type that a training multiplies matrices in: autocast's where that is on, else the weight's."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else weight.dtype


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
