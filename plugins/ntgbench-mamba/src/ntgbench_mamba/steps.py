"""The model one token at a time: for sampling.

The same lines run on numpy arrays on the CPU and on torch tensors elsewhere. A step is so short that the overhead of
each operation matters, and numpy's is smaller. Symbols are those of `model.py`.
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
    """The weights of a layer as arrays of numpy or torch, laid out for a step.

    Projections are transposed. The gain of the norm is folded into `in_proj`, and `dt_proj` into `x_proj`. Inputs of
    SiLU are halved, since SiLU(2z) = z + z tanh(z).

    Attributes:
        in_proj: (hidden, 2D), the signal, and the gate halved.
        conv_kernel: (K, K, D): [i, k] is the weight of place k of the ring of the last K tokens when the newest token
            is at place i.
        conv_bias: (D,).
        x_proj: (D, D + 2S), to delta before its bias and softplus, B and C.
        dt_bias: (D,).
        A: (S, D).
        D: (D,).
        out_proj: (D, hidden).
    """

    in_proj: Any
    conv_kernel: Any
    conv_bias: Any
    x_proj: Any
    dt_bias: Any
    A: Any
    D: Any
    out_proj: Any


class Weights:
    """The weights of a fitted model as arrays of `library`, numpy or torch, laid out for a step."""

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
            inner, kernel = len(m.D), m.conv1d.kernel_size[0]
            halved = torch.ones(2 * inner, 1, device=m.D.device)
            halved[inner:] = 0.5
            assert m.conv1d.bias is not None
            newest_last = 0.5 * m.conv1d.weight[:, 0].t()
            self.layers.append(
                LayerWeights(
                    in_proj=array((m.in_proj.weight * layer.norm.weight * halved).t()),
                    conv_kernel=array(torch.stack([newest_last.roll(place + 1, 0) for place in range(kernel)])),
                    conv_bias=array(0.5 * m.conv1d.bias),
                    x_proj=array(
                        torch.cat([m.dt_proj.weight @ m.x_proj.weight[: m.rank], m.x_proj.weight[m.rank :]]).t()
                    ),
                    dt_bias=array(m.dt_proj.bias),
                    A=array(-m.A_log.exp().t()),
                    D=array(m.D),
                    out_proj=array(m.out_proj.weight.t()),
                )
            )


class MambaSteps:
    """A model at work: `Steps` of `ntgbench.learning.sampling`."""

    def __init__(self, weights: Weights, rows: int) -> None:
        self.weights, self.position = weights, 0
        kernel, inner = weights.layers[0].conv_kernel.shape[1:]
        state = len(weights.layers[0].A)
        xp = weights.library
        place = {} if xp is np else {"device": weights.embedding.device}
        self.recent = [xp.zeros((rows, kernel, inner), dtype=xp.float32, **place) for _ in weights.layers]
        self.states = [xp.zeros((rows, state, inner), dtype=xp.float32, **place) for _ in weights.layers]

    def step(self, tokens: Numbers) -> Tensor:
        """Read one more token of each row."""
        w, xp = self.weights, self.weights.library
        hidden = w.embedding[tokens]
        for layer, recent, h in zip(w.layers, self.recent, self.states, strict=True):
            inner, state = len(layer.D), len(layer.A)
            place = self.position % recent.shape[1]
            signal_gate = _normed(hidden, xp) @ layer.in_proj
            recent[:, place] = signal_gate[:, :inner]
            x = _silu((recent * layer.conv_kernel[place]).sum(axis=1) + layer.conv_bias, xp)
            projected = x @ layer.x_proj
            delta = _softplus(projected[:, :inner] + layer.dt_bias, xp)
            B, C = projected[:, inner : inner + state, None], projected[:, None, inner + state :]  # noqa: N806
            h *= xp.exp(delta[:, None] * layer.A)
            h += B * (delta * x)[:, None]
            y = (C @ h)[:, 0] + x * layer.D
            hidden = hidden + (y * _silu(signal_gate[:, inner:], xp)) @ layer.out_proj
        self.position += 1
        logits = _normed(hidden, xp) @ w.head
        return torch.from_numpy(logits) if xp is np else logits

    def select(self, rows: Numbers) -> MambaSteps:
        """A copy for these rows."""
        chosen = copy(self)
        chosen.recent = [recent[rows] for recent in self.recent]
        chosen.states = [states[rows] for states in self.states]
        return chosen


def _normed(x: Any, xp: Any) -> Any:
    """RMSNorm of rows, without the gain, which `Weights` folds into the projections."""
    return x / xp.sqrt((x * x).sum(axis=-1, keepdims=True) / x.shape[-1] + EPSILON)


def _silu(half: Any, xp: Any) -> Any:
    """SiLU of twice `half`."""
    return half + half * xp.tanh(half)


def _softplus(x: Any, xp: Any) -> Any:
    """log(1 + exp(x)), which does not overflow."""
    return x.clip(0) + xp.log1p(xp.exp(-abs(x)))
