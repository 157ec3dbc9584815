"""The Mamba model: a selective state space model, as transformers' MambaForCausalLM computes it, with its names.

Architecture: Gu and Dao 2023, arXiv 2312.00752. Weights before training: those of the authors' code
(https://github.com/state-spaces/mamba, mamba_simple.py).
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ntgbench.learning.numpy_layers import NumpyModel, product_type
from ntgbench.learning.token_model import TokenModel
from ntgbench_mamba.kernels import selective_scan
from ntgbench_mamba.layers import NumpyLayer

if TYPE_CHECKING:
    from ntgbench_mamba.parameters import MambaParameters

EPSILON = 1e-5
"""Added to the mean square that RMSNorm divides by."""

INITIAL_DEVIATION = 0.02
"""Standard deviation of embeddings before training."""

STEP_SIZES = (1e-3, 1e-1)
"""Smallest and largest step size before training, for an input of 0."""

PREFIX = "backbone."
"""What transformers puts before the name of each weight."""


class Mixer(nn.Module):
    """A selective state space behind a short convolution, with a gate.

    Attributes:
        rank: components that the step sizes are made from.
        state: numbers that each inner component carries from token to token.
        x_proj: what step sizes are made from, then how inputs enter the state, then how outputs leave it.
        A_log: logarithm of the rates at which the state decays, float (D, S).
        D: what part of its input is added to each output, float (D,).
    """

    def __init__(self, parameters: MambaParameters) -> None:
        super().__init__()
        inner = parameters.expand * parameters.hidden
        self.rank, self.state = math.ceil(parameters.hidden / 16), parameters.state
        self.in_proj = nn.Linear(parameters.hidden, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, parameters.taps, groups=inner, padding=parameters.taps - 1)
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
            low, high = map(math.log, STEP_SIZES)
            size = torch.exp(low + (high - low) * torch.rand(len(self.D), generator=generator))
            self.dt_proj.bias.copy_(size + torch.log(-torch.expm1(-size)))
            self.A_log.copy_(torch.arange(1.0, self.state + 1).log().expand_as(self.A_log))
            self.D.fill_(1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Output for `x`, both float (N, T, hidden)."""
        signal, gate = self.in_proj(x).chunk(2, dim=-1)
        u = F.silu(self.conv1d(signal.mT)[..., : x.shape[1]].mT)
        step, b, c = self.x_proj(u).split([self.rank, self.state, self.state], dim=-1)
        step, rates = self.dt_proj(step), -self.A_log.exp()
        fused = selective_scan()[0] if x.is_cuda else None
        if fused:
            y = fused(u.mT, step.mT, rates, b.mT, c.mT, self.D, gate.mT, delta_softplus=True).mT
        else:
            y = (scan(u, F.softplus(step), rates, b, c) + u * self.D) * F.silu(gate)
        mixed: Tensor = self.out_proj(y)
        return mixed


def scan(u: Tensor, size: Tensor, rates: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The selective scan (section 3.2), float (N, T, D): state_t = exp(size_t rates) state_(t-1) + size_t u_t b_t.

    Args:
        u: input, (N, T, D).
        size: step sizes, (N, T, D).
        rates: how fast the state decays, negative, (D, S).
        b: how inputs enter the state, (N, T, S).
        c: how outputs leave it, (N, T, S).
    """
    decay = torch.exp(size[:, :, None] * rates.mT)
    entering = b[..., None] * (size * u)[:, :, None]
    states = [entering[:, 0]]
    for t in range(1, u.shape[1]):
        states.append(decay[:, t] * states[-1] + entering[:, t])
    return (c[..., None] * torch.stack(states, dim=1)).sum(dim=2)


class Layer(nn.Module):
    """A mixer behind an RMSNorm, added to what came in."""

    def __init__(self, parameters: MambaParameters) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(parameters.hidden, EPSILON)
        self.mixer = Mixer(parameters)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output for `x`, float (N, T, hidden)."""
        after: Tensor = x + self.mixer(self.norm(x))
        return after

    def weights(self) -> tuple[Tensor, ...]:
        """The weights in the order of `layers.Weights`."""
        m = self.mixer
        assert m.conv1d.bias is not None
        conv, dt = (m.conv1d.weight, m.conv1d.bias), (m.dt_proj.weight, m.dt_proj.bias)
        return self.norm.weight, m.in_proj.weight, *conv, m.x_proj.weight, *dt, m.A_log, m.D, m.out_proj.weight


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
        """What the output embedding reads, float (N, T, hidden), for tokens (N, T)."""
        x = self.embeddings(tokens)
        for layer in self.layers:
            x = layer(x)
        normed: Tensor = self.norm_f(x)
        return normed

    def in_numpy(self) -> NumpyModel:
        """The same, as it is trained on the CPU."""
        weight, dtype = self.embeddings.weight, product_type(self.embeddings.weight)
        return NumpyModel(NumpyLayer(EPSILON), EPSILON, weight, self.of_layers, self.norm_f.weight, weight, dtype)

    @cached_property
    def of_layers(self) -> list[Tensor]:
        """The weights of all layers; to look them up takes a while."""
        return [weight for layer in self.layers for weight in layer.weights()]  # type: ignore[operator]

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of what follows each of `tokens`, float (N, T, vocabulary)."""
        logits: Tensor = self.head(self.hidden(tokens))
        return logits


def to_hf(model: Mamba) -> dict[str, Tensor]:
    """The weights under the names that transformers' MambaForCausalLM has, which saves tied embeddings once."""
    return {PREFIX + name: weight for name, weight in model.state_dict().items() if name != "head.weight"}


def from_hf(model: Mamba, weights: dict[str, Tensor]) -> None:
    """Put the weights that `to_hf` gave, or that transformers saved, into `model`.

    Raises:
        RuntimeError: when a weight is missing, is none of the model's, or has another shape.
    """
    own = {name.removeprefix(PREFIX): weight for name, weight in weights.items()}
    if "embeddings.weight" in own:
        own["head.weight"] = own["embeddings.weight"]
    model.load_state_dict(own)
