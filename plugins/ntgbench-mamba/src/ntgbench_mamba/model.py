"""The Mamba model: a selective state space model, with the names of transformers' MambaForCausalLM.

Architecture: Gu and Dao 2023, arXiv 2312.00752. Weights before training: those of the authors' code
(https://github.com/state-spaces/mamba, mamba_simple.py).

Symbols, with D inner components and S numbers of state for each of them:
    x (N, T, D)      input of the state space model: SiLU of the convolved signal
    h_t (N, S, D)    state after token t
    A (D, S)         decay rates, negative: A = -exp(A_log); section 3.6
    B_t, C_t (N, S)  input and output matrices of token t, from x_proj; algorithm 2
    D (D,)           weight of the direct path from x to y
    delta_t (N, D)   step size of token t, softplus(dt_proj(...)); algorithm 2
    h_t = exp(delta_t A) h_(t-1) + delta_t B_t x_t            equations 2a and 4, with Euler's step for B
    y_t = C_t h_t + D x_t                                     equation 2b
    conv1d (D, 1, K) causal convolution of each component over its last K tokens (conv_kernel)
    gate             y * SiLU(gate) goes into out_proj; section 3.4
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ntgbench.learning.token_model import TokenModel
from ntgbench_mamba.kernels import selective_scan

if TYPE_CHECKING:
    from ntgbench_mamba.parameters import MambaParameters

EPSILON = 1e-5
"""Added to the mean square that RMSNorm divides by."""

INITIAL_DEVIATION = 0.02
"""Standard deviation of embeddings before training."""

INITIAL_DELTA = (1e-3, 1e-1)
"""Smallest and largest step size before training, for an input of 0."""

PREFIX = "backbone."
"""Prefix of the name of each weight in transformers."""


class Mixer(nn.Module):
    """A selective state space model behind a short convolution, with a gate.

    Attributes:
        rank: components that delta is computed from.
        state: numbers of state of each inner component.
        x_proj: the components for delta, then B, then C.
    """

    def __init__(self, parameters: MambaParameters) -> None:
        super().__init__()
        inner, kernel = parameters.expand * parameters.hidden, parameters.conv_kernel
        self.rank, self.state = math.ceil(parameters.hidden / 16), parameters.state
        self.in_proj = nn.Linear(parameters.hidden, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, kernel, groups=inner, padding=kernel - 1)
        self.x_proj = nn.Linear(inner, self.rank + 2 * self.state, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.A_log = nn.Parameter(torch.empty(inner, self.state))
        self.D = nn.Parameter(torch.empty(inner))
        self.out_proj = nn.Linear(inner, parameters.hidden, bias=False)

    def initialise(self, generator: torch.Generator, layers: int) -> None:
        """Draw all weights anew, for a model of so many layers."""
        for weight in (self.in_proj.weight, self.x_proj.weight, self.out_proj.weight, self.conv1d.weight):
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
        assert self.conv1d.bias is not None
        with torch.no_grad():
            self.out_proj.weight /= math.sqrt(layers)
            self.conv1d.bias.zero_()
            nn.init.uniform_(self.dt_proj.weight, -(self.rank**-0.5), self.rank**-0.5, generator)
            low, high = map(math.log, INITIAL_DELTA)
            delta = torch.exp(low + (high - low) * torch.rand(len(self.D), generator=generator))
            # The inverse of softplus.
            self.dt_proj.bias.copy_(delta + torch.log(-torch.expm1(-delta)))
            self.A_log.copy_(torch.arange(1.0, self.state + 1).log().expand_as(self.A_log))
            self.D.fill_(1.0)

    def forward(self, hidden: Tensor) -> Tensor:
        """Output for `hidden`, both float (N, T, hidden)."""
        signal, gate = self.in_proj(hidden).chunk(2, dim=-1)
        x = F.silu(self.convolved(signal))
        low_rank, B, C = self.x_proj(x).split([self.rank, self.state, self.state], dim=-1)  # noqa: N806
        delta, A = self.dt_proj(low_rank), -self.A_log.exp()  # noqa: N806
        fused = selective_scan()[0] if x.is_cuda else None
        if fused:
            y = fused(x.mT, delta.mT, A, B.mT, C.mT, self.D, gate.mT, delta_softplus=True).mT
        else:
            y = (scan(x, F.softplus(delta), A, B, C) + x * self.D) * F.silu(gate)
        mixed: Tensor = self.out_proj(y)
        return mixed

    def convolved(self, signal: Tensor) -> Tensor:
        """Causal convolution of each component over the last tokens, float (N, T, D).

        In two dimensions: torch's convolution in one dimension takes twice as long on the CPU.
        """
        kernel, bias = self.conv1d.weight[:, :, None], self.conv1d.bias
        padding = (0, self.conv1d.kernel_size[0] - 1)
        image = F.conv2d(signal.mT[:, :, None], kernel, bias, padding=padding, groups=len(kernel))
        return image[:, :, 0, : signal.shape[1]].mT


def scan(x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:  # noqa: N803
    """The selective scan: C_t h_t for each token t, float (N, T, D); symbols and shapes as above."""
    # Decays need the precision of A, in a training in bfloat16 too.
    with torch.autocast(x.device.type, enabled=False):
        x, delta, B, C = (part.to(A.dtype) for part in (x, delta, B, C))  # noqa: N806
        # One token at a time, and D as the last axis: the arrays of a token then stay in the processor's cache.
        A, h, y = A.mT.contiguous(), A.new_zeros(()), []  # noqa: N806
        inputs = ((delta * x)[:, :, None], delta[:, :, None], B[..., None], C[:, :, None])
        for delta_x_t, delta_t, B_t, C_t in zip(*(part.unbind(1) for part in inputs), strict=True):  # noqa: N806
            h = torch.baddbmm(torch.exp(delta_t * A) * h, B_t, delta_x_t)
            y.append(C_t @ h)
        return torch.cat(y, dim=1)


class Layer(nn.Module):
    """A mixer behind an RMSNorm, added to its input."""

    def __init__(self, parameters: MambaParameters) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(parameters.hidden, EPSILON)
        self.mixer = Mixer(parameters)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output for `x`, float (N, T, hidden)."""
        after: Tensor = x + self.mixer(self.norm(x))
        return after


class Mamba(TokenModel):
    """A causal model over `vocabulary` tokens, input and output embeddings tied."""

    head: nn.Linear

    def __init__(self, parameters: MambaParameters, vocabulary: int) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(vocabulary, parameters.hidden)
        self.layers = nn.ModuleList(Layer(parameters) for _ in range(parameters.layers))
        self.norm_f = nn.RMSNorm(parameters.hidden, EPSILON)
        self.head = nn.Linear(parameters.hidden, vocabulary, bias=False)
        self.head.weight = self.embeddings.weight

    def initialise(self, seed: int) -> None:
        """Draw all weights anew."""
        generator = torch.Generator().manual_seed(seed)
        nn.init.normal_(self.embeddings.weight, std=INITIAL_DEVIATION, generator=generator)
        for layer in self.layers:
            assert isinstance(layer, Layer)
            layer.mixer.initialise(generator, len(self.layers))

    def hidden(self, tokens: Tensor) -> Tensor:
        """The input of the output embedding, float (N, T, hidden), for tokens (N, T)."""
        x = self.embeddings(tokens)
        for layer in self.layers:
            x = layer(x)
        normed: Tensor = self.norm_f(x)
        return normed


def to_hf(model: Mamba) -> dict[str, Tensor]:
    """The weights with the names of transformers' MambaForCausalLM, which saves tied embeddings once."""
    return {PREFIX + name: weight for name, weight in model.state_dict().items() if name != "head.weight"}


def from_hf(model: Mamba, weights: dict[str, Tensor]) -> None:
    """Put the weights that `to_hf` gave, or that transformers saved, into `model`.

    Raises RuntimeError when a weight is missing, unknown, or of another shape.
    """
    own = {name.removeprefix(PREFIX): weight for name, weight in weights.items()}
    if "embeddings.weight" in own:
        own["head.weight"] = own["embeddings.weight"]
    model.load_state_dict(own)
