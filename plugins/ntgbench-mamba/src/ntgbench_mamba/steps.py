"""The model one token at a time: in numpy on the CPU, in torch elsewhere.

The same lines serve both. A step is so short that what a library does around each operation counts; numpy does less.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ntgbench_mamba.model import EPSILON, Layer, Mamba

if TYPE_CHECKING:
    from ntgbench.learning.sampling import Numbers


class LayerWeights(NamedTuple):
    """The weights of a layer as a step wants them: arrays of numpy or torch, projections transposed.

    The gain of the norm is folded into the projection behind it, the two projections that make the step sizes are one,
    and what goes into SiLU comes halved, since SiLU(x) = x/2 + x/2 tanh(x/2).

    Attributes:
        in_proj: (H, 2D), the signal and the gate, the latter halved.
        taps: (K, K, D): those of the token at place k of the ring of the last K tokens, when the newest is at place i.
        tap_bias: (D,).
        x_proj: (D, D + 2S), what the step sizes, b and c are made from.
        dt_bias: (D,).
        rates: (S, D).
        skip: (D,).
        out_proj: (D, H).
    """

    in_proj: Any
    taps: Any
    tap_bias: Any
    x_proj: Any
    dt_bias: Any
    rates: Any
    skip: Any
    out_proj: Any


class Weights:
    """The weights of a fitted model as a step wants them, as arrays of `library`, numpy or torch."""

    def __init__(self, model: Mamba, library: Any) -> None:
        def array(weight: Tensor) -> Any:
            weight = weight.detach().contiguous()
            return weight.numpy() if library is np else weight

        self.library = library
        self.embedding = array(model.embeddings.weight)
        self.head = array((model.head.weight * model.norm_f.weight).t())
        self.layers = []
        for layer in model.layers:
            assert isinstance(layer, Layer)
            m = layer.mixer
            inner, taps = m.D.shape[0], m.conv1d.kernel_size[0]
            halved = torch.ones(2 * inner, 1, device=m.D.device)
            halved[inner:] = 0.5
            assert m.conv1d.bias is not None
            newest_last = 0.5 * m.conv1d.weight[:, 0].t()
            self.layers.append(
                LayerWeights(
                    in_proj=array((m.in_proj.weight * layer.norm.weight * halved).t()),
                    taps=array(torch.stack([newest_last.roll(place + 1, 0) for place in range(taps)])),
                    tap_bias=array(0.5 * m.conv1d.bias),
                    x_proj=array(
                        torch.cat([m.dt_proj.weight @ m.x_proj.weight[: m.rank], m.x_proj.weight[m.rank :]]).t()
                    ),
                    dt_bias=array(m.dt_proj.bias),
                    rates=array(-m.A_log.exp().t()),
                    skip=array(m.D),
                    out_proj=array(m.out_proj.weight.t()),
                )
            )


class MambaSteps:
    """A model at work: `Steps` of `ntgbench.learning.sampling`."""

    def __init__(self, weights: Weights, rows: int) -> None:
        self.weights, self.position = weights, 0
        taps, inner = weights.layers[0].taps.shape[1:]
        state = len(weights.layers[0].rates)
        xp = weights.library
        place = {} if xp is np else {"device": weights.embedding.device}
        self.recent = [xp.zeros((rows, taps, inner), dtype=xp.float32, **place) for _ in weights.layers]
        self.states = [xp.zeros((rows, state, inner), dtype=xp.float32, **place) for _ in weights.layers]

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row."""
        w, xp = self.weights, self.weights.library
        x = w.embedding[tokens]
        for layer, recent, states in zip(w.layers, self.recent, self.states, strict=True):
            inner, state = len(layer.skip), len(layer.rates)
            place = self.position % recent.shape[1]
            both = _normed(x, xp) @ layer.in_proj
            recent[:, place] = both[:, :inner]
            u = _silu((recent * layer.taps[place]).sum(axis=1) + layer.tap_bias, xp)
            projected = u @ layer.x_proj
            size = _softplus(projected[:, :inner] + layer.dt_bias, xp)
            b, c = projected[:, inner : inner + state, None], projected[:, None, inner + state :]
            states *= xp.exp(size[:, None] * layer.rates)
            states += b * (size * u)[:, None]
            y = (c @ states)[:, 0] + u * layer.skip
            x = x + (y * _silu(both[:, inner:], xp)) @ layer.out_proj
        self.position += 1
        logits = _normed(x, xp) @ w.head
        return torch.from_numpy(logits) if xp is np else logits

    def select(self, rows: Numbers) -> MambaSteps:
        """A copy that goes on with these rows."""
        chosen = copy(self)
        chosen.recent = [recent[rows] for recent in self.recent]
        chosen.states = [states[rows] for states in self.states]
        return chosen


def _normed(x: Any, xp: Any) -> Any:
    """RMSNorm of rows, but for the gain, which `Weights` has in the projections."""
    return x / xp.sqrt((x * x).sum(axis=-1, keepdims=True) / x.shape[-1] + EPSILON)


def _silu(half: Any, xp: Any) -> Any:
    """SiLU of twice `half`."""
    return half + half * xp.tanh(half)


def _softplus(x: Any, xp: Any) -> Any:
    """log(1 + exp(x)), which does not overflow."""
    return x.clip(0) + xp.log1p(xp.exp(-abs(x)))
