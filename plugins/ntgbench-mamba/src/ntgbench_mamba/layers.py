"""Mamba's layers and their gradient in numpy, as one function of torch: how the model is trained on the CPU.

A layer is some sixty operations on a dozen tokens. What torch and its autograd do around each of them takes several
times as long as the arithmetic; numpy does less, and the gradient is written out here. What is computed is what the
modules of `model.py` compute.

Shapes: N rows, T tokens, H hidden, D inner, S state, R rank of the step sizes, K taps. What has N T rows has a row for
each token.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Array = npt.NDArray[np.floating[Any]]

IN_CACHE = 1 << 16
"""Numbers in the states of the rows that go through the scan together: few enough to stay in the processor's cache."""


class Weights(NamedTuple):
    """Weights of a layer, or their gradients."""

    gain: Array  # (H,)
    in_proj: Array  # (2D, H)
    taps: Array  # (D, 1, K)
    tap_bias: Array  # (D,)
    x_proj: Array  # (R + 2S, D)
    dt_proj: Array  # (D, R)
    dt_bias: Array  # (D,)
    log_rate: Array  # (D, S)
    skip: Array  # (D,)
    out_proj: Array  # (H, D)


class Passed(NamedTuple):
    """What a layer remembers of a pass for its gradient, float (N T, …)."""

    normed: tuple[Array, Array]
    signal: Array
    convolved: tuple[Array, Array]
    projected: Array
    size: Array
    gate: tuple[Array, Array]
    y: Array
    scanned: tuple[Array, Array] | None


class Layers(Function):
    """Embedding, all layers, and the last norm."""

    @staticmethod
    def forward(ctx: Any, epsilon: float, tokens: Tensor, *weights: Tensor) -> Tensor:
        """What the output embedding reads, float (N, T, H).

        Args:
            ctx: carries what `backward` needs.
            epsilon: added to the mean square that a norm divides by.
            tokens: tokens, int64 (N, T).
            weights: the embedding, those of each layer in the order of `Weights`, and the gain of the last norm.
        """
        embedding, *of_layers, gain = [weight.detach().numpy() for weight in weights]
        many = len(Weights._fields)
        ctx.layers = []
        value = embedding[tokens.numpy().ravel()]
        for first in range(0, len(of_layers), many):
            layer = Weights(*of_layers[first : first + many])
            value, passed = _forward(value, layer, tokens.shape[1], epsilon)
            ctx.layers.append((layer, passed))
        ctx.tokens, ctx.embeddings, ctx.gain, ctx.normed = tokens, len(embedding), gain, _norm(value, epsilon)
        return torch.from_numpy(ctx.normed[0] * gain).view(*tokens.shape, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the arguments of `forward`."""
        of_normed = gradients[0].numpy().reshape(-1, gradients[0].shape[-1])
        of_gain = _dots(of_normed, ctx.normed[0])
        gradient = _norm_gradient(of_normed * ctx.gain, *ctx.normed)
        of_weights = [of_gain]
        for layer, passed in reversed(ctx.layers):
            gradient, of_layer = _backward(gradient, layer, passed, ctx.tokens.shape[1])
            of_weights[:0] = of_layer
        of_embedding = gradients[0].new_zeros(ctx.embeddings, gradient.shape[1])
        of_embedding.index_add_(0, ctx.tokens.flatten(), torch.from_numpy(gradient))
        return (None, None, of_embedding, *map(torch.from_numpy, of_weights))


def _forward(x: Array, w: Weights, length: int, epsilon: float) -> tuple[Array, Passed]:
    """Output of a layer, (N T, H), and what its gradient needs."""
    inner, state = w.log_rate.shape
    rank = w.dt_proj.shape[1]
    normed = _norm(x, epsilon)
    both = (normed[0] * w.gain) @ w.in_proj.T
    signal, before_gate = both[:, :inner], both[:, inner:]
    convolved = signal * w.taps[:, 0, -1]
    convolved += w.tap_bias
    for back, earlier, later in _shifts(w, signal, convolved, length):
        later += earlier * w.taps[:, 0, -1 - back]
    slope, u = _silu(convolved)
    projected = u @ w.x_proj.T
    size = _softplus(projected[:, :rank] @ w.dt_proj.T + w.dt_bias)
    y = u * w.skip
    chunks = _chunks(len(u) // length, length * w.log_rate.size)
    for rows in chunks:
        scanned = _scan(w, rank, *(_of_rows(part, length, rows) for part in (projected, size, u)))
        _of_rows(y, length, rows)[:] += (_of_rows(projected, length, rows)[:, :, None, rank + state :] @ scanned[1])[
            :, :, 0
        ]
    gate = _silu(before_gate)
    after = (y * gate[1]) @ w.out_proj.T
    after += x
    kept = scanned if len(chunks) == 1 else None
    return after, Passed(normed, signal, (slope, u), projected, size, gate, y, kept)


def _scan(w: Weights, rank: int, projected: Array, size: Array, u: Array) -> tuple[Array, Array]:
    """Decay and states, both (N, T, S, D): the state after token t is decay_t * state_(t-1) + b_t size_t u_t."""
    decay = size[:, :, None] * -np.exp(w.log_rate.T, order="C")
    np.exp(decay, out=decay)
    states = projected[:, :, rank : rank + w.log_rate.shape[1], None] * (size * u)[:, :, None]
    carried = np.empty_like(states[:, 0])
    before, *others = states.swapaxes(0, 1)
    for decays, after in zip(decay.swapaxes(0, 1)[1:], others, strict=True):
        np.multiply(decays, before, out=carried)
        after += carried
        before = after
    return decay, states


def _backward(gradient: Array, w: Weights, passed: Passed, length: int) -> tuple[Array, Weights]:
    """Gradients of a layer's input, (N T, H), and of its weights."""
    inner, state = w.log_rate.shape
    rank = w.dt_proj.shape[1]
    (unit, root), signal, (slope, u), projected, size, (gate_slope, gate), y, kept = passed
    rate = -np.exp(w.log_rate.T, order="C")
    of_gated = gradient @ w.out_proj
    of_both = np.empty((len(gradient), 2 * inner), gradient.dtype)
    of_signal = of_both[:, :inner]
    np.multiply(of_gated * y, gate_slope, out=of_both[:, inner:])
    of_y = of_gated * gate
    v = size * u
    of_projected, of_v, of_size, of_rate = (np.zeros_like(like) for like in (projected, v, v, rate))
    for rows in _chunks(len(u) // length, length * w.log_rate.size):
        part, here_size, here_u, here_v, here_y = (
            _of_rows(whole, length, rows) for whole in (projected, size, u, v, of_y)
        )
        of_part = _of_rows(of_projected, length, rows)
        # Several chunks together are not kept: making them again is faster than fetching them from beyond the cache.
        decay, states = kept or _scan(w, rank, part, here_size, here_u)
        of_states = part[:, :, rank + state :, None] * here_y[:, :, None]
        # What reaches the state before token t is decay_t times what reaches the state after it.
        of_exponent = np.empty_like(of_states[:, 1:])
        for t in range(length - 1, 0, -1):
            np.multiply(decay[:, t], of_states[:, t], out=of_exponent[:, t - 1])
            of_states[:, t - 1] += of_exponent[:, t - 1]
        of_exponent *= states[:, :-1]
        of_part[:, :, rank + state :] = (states @ here_y[..., None])[..., 0]
        of_part[:, :, rank : rank + state] = (of_states @ here_v[..., None])[..., 0]
        _of_rows(of_v, length, rows)[:] = (part[:, :, None, rank : rank + state] @ of_states)[:, :, 0]
        np.einsum("ntsd,sd->ntd", of_exponent, rate, out=_of_rows(of_size, length, rows)[:, 1:])
        of_rate += np.einsum("ntsd,ntd->sd", of_exponent, here_size[:, 1:])
    of_size += of_v * u
    # The slope of softplus, a sigmoid, in terms of its value.
    of_size *= -np.expm1(-size)
    of_projected[:, :rank] = of_size @ w.dt_proj
    of_convolved = of_projected @ w.x_proj
    of_convolved += of_v * size
    of_convolved += of_y * w.skip
    of_convolved *= slope
    np.multiply(of_convolved, w.taps[:, 0, -1], out=of_signal)
    of_taps = np.zeros_like(w.taps)
    of_taps[:, 0, -1] = _dots(of_convolved, signal)
    for back, earlier, later in _shifts(w, of_signal, of_convolved, length):
        earlier += later * w.taps[:, 0, -1 - back]
    for back, earlier, later in _shifts(w, signal, of_convolved, length):
        of_taps[:, 0, -1 - back] = np.einsum("ntd,ntd->d", earlier, later)
    of_normed = of_both @ w.in_proj
    return gradient + _norm_gradient(of_normed * w.gain, unit, root), Weights(
        gain=_dots(of_normed, unit),
        in_proj=of_both.T @ (unit * w.gain),
        taps=of_taps,
        tap_bias=of_convolved.sum(axis=0),
        x_proj=of_projected.T @ u,
        dt_proj=of_size.T @ projected[:, :rank],
        dt_bias=of_size.sum(axis=0),
        log_rate=(of_rate * rate).T,
        skip=_dots(of_y, u),
        out_proj=gradient.T @ (y * gate),
    )


def _shifts(w: Weights, x: Array, y: Array, length: int) -> list[tuple[int, Array, Array]]:
    """For each tap but the last: how far back it reads, tokens of `x` that it reads, and tokens of `y` it reads for."""
    x, y = (part.reshape(-1, length, part.shape[1]) for part in (x, y))
    return [(back, x[:, :-back], y[:, back:]) for back in range(1, min(w.taps.shape[2], length))]


def _chunks(rows: int, size: int) -> list[slice]:
    """Slices of `rows` rows that go through the scan together, when the states of a row are `size` numbers."""
    at_once = max(1, IN_CACHE // size)
    return [slice(first, first + at_once) for first in range(0, rows, at_once)]


def _of_rows(x: Array, length: int, rows: slice) -> Array:
    """The part of `x`, (N T, …), that is of some rows, (…, T, …)."""
    return x.reshape(-1, length, x.shape[1])[rows]


def _norm(x: Array, epsilon: float) -> tuple[Array, Array]:
    """RMSNorm of each row but for its gain, and what the row was multiplied by."""
    root: Array = 1.0 / np.sqrt(np.vecdot(x, x)[:, None] / x.shape[1] + epsilon)
    return x * root, root


def _norm_gradient(gradient: Array, unit: Array, root: Array) -> Array:
    """Gradient of what `_norm` was given."""
    of_x: Array = root * (gradient - unit * (np.vecdot(gradient, unit)[:, None] / unit.shape[1]))
    return of_x


def _silu(x: Array) -> tuple[Array, Array]:
    """The slope of SiLU at `x`, and SiLU, by the hyperbolic tangent, which does not overflow."""
    sigmoid = np.tanh(x * 0.5)
    sigmoid *= 0.5
    sigmoid += 0.5
    value = x * sigmoid
    return sigmoid + value * (1 - sigmoid), value


def _softplus(x: Array) -> Array:
    """log(1 + exp(x)), which does not overflow."""
    value: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return value


def _dots(x: Array, y: Array) -> Array:
    """Dot products of columns."""
    dots: Array = np.einsum("md,md->d", x, y)
    return dots
