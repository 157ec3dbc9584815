"""Mamba's layers and their gradient in numpy: how the model is trained on the CPU.

What is computed is what the modules of `model.py` compute.

Shapes: N rows, T tokens, H hidden, D inner, S state, R rank of the step sizes, K taps. What has N T rows has a row for
each token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ntgbench.learning.numpy_layers import dots, norm, norm_gradient, project, silu

if TYPE_CHECKING:
    from ntgbench.learning.numpy_layers import Array

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
    """What a layer remembers of a pass for its gradient.

    Attributes:
        unit, root: what the norm made of the input but for its gain, (N T, H), and what it multiplied by, (N T, 1).
        windows: the last K signals of each token, (N, T, K, D).
        slope, u_gate: of SiLU, and what it gave, of the convolved signal and the gate, (N T, 2D).
        projected: what step sizes are made from, b and c, (N T, R + 2S).
        size: step sizes, (N T, D).
        rate: rates at which states decay, negative, (S, D).
        scanned: decay and states, (N, T, S, D); None when they are to be made again.
        y: what leaves the scan, before the gate, (N T, D).
    """

    unit: Array
    root: Array
    windows: Array
    slope: Array
    u_gate: Array
    projected: Array
    size: Array
    rate: Array
    scanned: tuple[Array, Array] | None
    y: Array


class NumpyLayer:
    """A layer: `Layer` of `ntgbench.learning.numpy_layers`."""

    tensors = len(Weights._fields)

    def __init__(self, epsilon: float) -> None:
        self.epsilon = epsilon

    def forward(self, x: Array, tensors: list[Array], length: int) -> tuple[Array, Passed]:
        """Output of a layer, (N T, H), and what its gradient needs."""
        w = Weights(*tensors)
        inner, state = w.log_rate.shape
        rank, taps = w.dt_proj.shape[1], w.taps.shape[2]
        unit, root = norm(x, self.epsilon)
        both = project(unit * w.gain, w.in_proj)
        windows = _windows(both[:, :inner], length, taps, taps - 1)
        kernel = np.ascontiguousarray(w.taps[:, 0].T)
        np.einsum("ntkd,kd->ntd", windows, kernel, out=both.reshape(-1, length, 2 * inner)[:, :, :inner])
        both[:, :inner] += w.tap_bias
        slope, u_gate = silu(both)
        u, gate = u_gate[:, :inner], u_gate[:, inner:]
        projected = u @ w.x_proj.T
        size = _softplus(projected[:, :rank] @ w.dt_proj.T + w.dt_bias)
        rate = -np.exp(w.log_rate.T, order="C")
        y = u * w.skip
        sequences = [part.reshape(-1, length, part.shape[1]) for part in (projected[:, rank:], size, size * u, y)]
        chunks = _chunks(len(sequences[0]), length * rate.size)
        for rows in chunks:
            b_c, *size_v, of_y = (part[rows] for part in sequences)
            scanned = _scan(rate, b_c[:, :, :state], *size_v)
            of_y += (b_c[:, :, None, state:] @ scanned[1])[:, :, 0]
        after = (y * gate) @ w.out_proj.T
        after += x
        kept = scanned if len(chunks) == 1 else None
        return after, Passed(unit, root, windows, slope, u_gate, projected, size, rate, kept, y)

    def backward(self, gradient: Array, tensors: list[Array], passed: Passed, length: int) -> tuple[Array, Weights]:
        """Gradients of a layer's input, (N T, H), and of its weights."""
        w = Weights(*tensors)
        unit, root, windows, slope, u_gate, projected, size, rate, kept, y = passed
        state, inner = rate.shape
        rank, taps = w.dt_proj.shape[1], w.taps.shape[2]
        u, gate = u_gate[:, :inner], u_gate[:, inner:]
        v = size * u
        of_gated = gradient @ w.out_proj
        of_both = np.empty_like(u_gate)
        of_u, of_gate = of_both[:, :inner], of_both[:, inner:]
        np.multiply(of_gated, y, out=of_gate)
        of_y = of_gated * gate
        of_projected, of_v, of_size, of_rate = np.empty_like(projected), np.empty_like(v), np.empty_like(v), 0.0 * rate
        sequences = [
            part.reshape(-1, length, part.shape[1])
            for part in (projected[:, rank:], size, v, of_y, of_projected[:, rank:], of_v, of_size)
        ]
        for rows in _chunks(len(sequences[0]), length * rate.size):
            b_c, *size_v, at_y, of_b_c, to_v, to_size = (part[rows] for part in sequences)
            # Several chunks together are not kept: to make them again is faster than to fetch them from memory.
            decay, states = kept or _scan(rate, b_c[:, :, :state], *size_v)
            of_states = np.einsum("nts,ntd->ntsd", b_c[:, :, state:], at_y)
            # What reaches the state before token t is decay_t times what reaches the state after it.
            of_exponent = np.empty_like(of_states[:, 1:])
            after, *others = of_states.swapaxes(0, 1)[::-1]
            steps = zip(decay.swapaxes(0, 1)[:0:-1], of_exponent.swapaxes(0, 1)[::-1], others, strict=True)
            for decays, carried, before in steps:
                np.multiply(decays, after, out=carried)
                before += carried
                after = before
            of_exponent *= states[:, :-1]
            of_b_c[:, :, :state] = (of_states @ size_v[1][..., None])[..., 0]
            of_b_c[:, :, state:] = (states @ at_y[..., None])[..., 0]
            to_v[:] = (b_c[:, :, None, :state] @ of_states)[:, :, 0]
            to_size[:, 0] = 0
            np.einsum("ntsd,sd->ntd", of_exponent, rate, out=to_size[:, 1:])
            of_rate += np.einsum("ntsd,ntd->sd", of_exponent, size_v[0][:, 1:])
        of_size += of_v * u
        # The slope of softplus, a sigmoid, in terms of its value.
        of_size *= -np.expm1(-size)
        of_projected[:, :rank] = of_size @ w.dt_proj
        np.matmul(of_projected, w.x_proj, out=of_u)
        of_u += of_v * size
        of_u += of_y * w.skip
        of_both *= slope
        # From here on the first half is the gradient of what was convolved, and then of the signal.
        of_tap_bias = of_u.sum(axis=0)
        of_taps = np.einsum("ntkd,ntd->dk", windows, of_u.reshape(-1, length, inner))
        later, kernel = _windows(of_u, length, taps, 0), np.ascontiguousarray(w.taps[:, 0, ::-1].T)
        np.einsum("ntkd,kd->ntd", later, kernel, out=of_both.reshape(-1, length, 2 * inner)[:, :, :inner])
        of_normed = of_both @ w.in_proj
        return gradient + norm_gradient(of_normed * w.gain, unit, root), Weights(
            gain=dots(of_normed, unit),
            in_proj=of_both.T @ (unit * w.gain),
            taps=of_taps[:, None],
            tap_bias=of_tap_bias,
            x_proj=of_projected.T @ u,
            dt_proj=of_size.T @ projected[:, :rank],
            dt_bias=of_size.sum(axis=0),
            log_rate=(of_rate * rate).T,
            skip=dots(of_y, u),
            out_proj=gradient.T @ (y * gate),
        )


def _scan(rate: Array, b: Array, size: Array, v: Array) -> tuple[Array, Array]:
    """Decay and states, both (N, T, S, D): the state after token t is decay_t * state_(t-1) + b_t v_t."""
    decay = size[:, :, None] * rate
    np.exp(decay, out=decay)
    states = np.einsum("nts,ntd->ntsd", b, v)
    carried = np.empty_like(states[:, 0])
    before, *others = states.swapaxes(0, 1)
    for decays, after in zip(decay.swapaxes(0, 1)[1:], others, strict=True):
        np.multiply(decays, before, out=carried)
        after += carried
        before = after
    return decay, states


def _windows(x: Array, length: int, width: int, before: int) -> Array:
    """For each token the `width` tokens of `x` that begin `before` tokens before it, else 0: (N, T, K, D)."""
    rows, inner = len(x) // length, x.shape[1]
    padded = np.zeros((rows, length + width - 1, inner), x.dtype)
    padded[:, before : before + length] = x.reshape(rows, length, inner)
    row, token, component = padded.strides
    shape = (rows, length, width, inner)
    return np.ndarray(shape, x.dtype, padded, strides=(row, token, token, component))


def _chunks(rows: int, size: int) -> list[slice]:
    """Slices of `rows` rows that go through the scan together, when the states of a row are `size` numbers."""
    at_once = max(1, IN_CACHE // size)
    return [slice(first, first + at_once) for first in range(0, rows, at_once)]


def _softplus(x: Array) -> Array:
    """log(1 + exp(x)), which does not overflow."""
    value: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return value
