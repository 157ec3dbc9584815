"""Training: the chunk with the most flows first, and each other one from its weights on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ntgbench.learning import stages
from ntgbench.learning.adversaries import generator_loss
from ntgbench.learning.resume import with_state
from ntgbench.learning.stages import Stage
from ntgbench_netshare.losses import critic_loss
from ntgbench_netshare.networks import Generator, critic

if TYPE_CHECKING:
    from ntgbench.interfaces import Context
    from ntgbench_netshare.encoding import Part
    from ntgbench_netshare.layout import Layout
    from ntgbench_netshare.parameters import NetShareParameters

Weights = dict[str, Tensor]


class Rows:
    """The flows of a chunk on the device, of which batches are gathered."""

    def __init__(self, part: Part, longest: int, device: torch.device) -> None:
        def tensor(values: npt.NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        bits = tensor(part.bits).float()
        pairs = torch.stack([bits, 1 - bits], 2).flatten(1)
        self.attributes = torch.cat([pairs, tensor(part.vectors), tensor(part.start)[:, None]], 1)
        self.fields, self.first, self.count = tensor(part.fields), tensor(part.first), tensor(part.count)
        self.places = torch.arange(longest, device=device)

    def __len__(self) -> int:
        return len(self.first)

    def features(self, rows: Tensor) -> Tensor:
        """F of flows, float (B, T, features)."""
        place, count = self.places, self.count[rows].unsqueeze(1)
        there = place < count
        fields = self.fields[torch.where(there, self.first[rows].unsqueeze(1) + place, 0)]
        goes_on = torch.stack([place < count - 1, place == count - 1], 2)
        return torch.cat([fields * there.unsqueeze(2), goes_on.to(fields.dtype)], 2)


class Training:
    """The networks while they learn, and what each chunk has learnt."""

    def __init__(self, layout: Layout, parts: dict[int, Part], p: NetShareParameters, context: Context) -> None:
        torch.manual_seed(context.seed)
        self.parameters, self.first = p, layout.first
        device = torch.device(context.device)
        self.generator = Generator(layout, p).to(device)
        inputs = layout.attributes + layout.longest * layout.features
        self.whole, self.alone = critic(inputs, p.hidden).to(device), critic(layout.attributes, p.hidden).to(device)
        self.critics = nn.ModuleList([self.whole, self.alone])
        self.optimisers = {"critics": self._adam(self.critics), "generator": self._adam(self.generator)}
        self.rows = {k: Rows(part, layout.longest, device) for k, part in parts.items()}
        # The weights that each chunk has at its end, and the critics that the first one has.
        self.kept: dict[int, Weights] = {k: _copied(self.generator) for k in parts}
        self.judges = _copied(self.critics)
        self.made = torch.zeros(len(layout.chunks), dtype=torch.int64)

    def fit(self, context: Context) -> list[list[float]]:
        """Train all chunks; see `ntgbench.learning.stages.fit`. Returns losses of critics and generator at points.

        A chunk for which a budget leaves no step has the weights of the first one.
        """
        p, others = self.parameters, [k for k in self.rows if k != self.first]
        plan = [self._stage(self.first, p.steps), *(self._stage(k, p.later_steps) for k in others)]
        sizes = {str(k): len(rows) for k, rows in self.rows.items()}
        course = stages.fit(plan, self._tensors(), {"parameters": asdict(p), "flows": sizes}, context)
        for k in others:
            if not self.made[k]:
                _put(self.kept[k], self.kept[self.first])
        return course.losses

    def generators(self, layout: Layout) -> dict[int, Generator]:
        """The generator of each chunk, for evaluation."""
        found = {}
        for k, weights in self.kept.items():
            own = Generator(layout, self.parameters)
            own.load_state_dict(weights, assign=True)
            found[k] = own.requires_grad_(False).eval()
        return found

    def _stage(self, k: int, steps: int) -> Stage:
        rows = self.rows[k]
        # Batch norm needs two rows: a single flow comes twice.
        size = max(2, min(self.parameters.batch, len(rows)))
        epoch = max(1, len(rows) // (size * self.parameters.critic_steps))

        def step(done: int, _: float) -> Tensor:
            if done == 0 and k != self.first:
                self._begin()
            losses = self._step(rows, size)
            _put(self.kept[k], self.generator.state_dict())
            if k == self.first:
                _put(self.judges, self.critics.state_dict())
            self.made[k] += 1
            return losses

        return Stage(f"chunk {k}", steps, epoch, step)

    def _begin(self) -> None:
        """Start a chunk: from the networks of the first one, with optimisers that remember nothing."""
        self.generator.load_state_dict(self.kept[self.first])
        self.critics.load_state_dict(self.judges)
        for optimiser in self.optimisers.values():
            for state in optimiser.state.values():
                for value in state.values():
                    value.zero_()

    def _step(self, rows: Rows, size: int) -> Tensor:
        """Steps of the critics, each with fresh rows and noise, then one of the generator."""
        p, width = self.parameters, rows.attributes.shape[1]
        whole, alone = self.whole, self.alone
        with torch.no_grad():
            made = self._made(size, p.critic_steps)
        ends = (made[:, width:].view(len(made), -1, self.generator.width) != 0).any(2).sum(1)
        for fake, end in zip(made.view(-1, size, made.shape[1]), ends.view(-1, size), strict=True):
            drawn = _drawn(len(rows), size, rows.first.device)
            real = torch.cat([rows.attributes[drawn], rows.features(drawn).flatten(1)], 1)
            longest = int(torch.maximum(end, rows.count[drawn]).max())
            judged = critic_loss(whole, real, fake, width + longest * self.generator.width)
            judged = judged + critic_loss(alone, real[:, :width], fake[:, :width], width)
            _descend(self.optimisers["critics"], judged)
        fake = self._made(size)
        missed = generator_loss(whole, fake) + p.attribute_weight * generator_loss(alone, fake[:, :width])
        _descend(self.optimisers["generator"], missed)
        return torch.stack([judged.detach(), missed.detach()])

    def _made(self, size: int, batches: int = 1) -> Tensor:
        """Synthetic flows, attributes before features, float (batches * size, n).

        Sequences of all batches are made in one go; batch norm sees one batch at a time.
        """
        attributes = torch.cat([self.generator.attributes(size) for _ in range(batches)])
        features = self.generator.features(self.generator.chosen(attributes))
        return torch.cat([attributes, features.flatten(1)], 1)

    def _adam(self, part: nn.Module) -> torch.optim.Adam:
        """Adam (Kingma and Ba 2015, arXiv 1412.6980). Its state is made at once, so that it can be restored."""
        p = self.parameters
        betas = (p.beta1, p.beta2)
        optimiser = torch.optim.Adam(part.parameters(), lr=p.learning_rate, betas=betas, fused=True)
        with_state(optimiser)
        return optimiser

    def _tensors(self) -> dict[str, Tensor]:
        """Everything that changes while training."""
        tensors = {f"generator.{name}": value for name, value in self.generator.state_dict().items()}
        tensors |= {f"critics.{name}": value for name, value in self.critics.state_dict().items()}
        for name, optimiser in self.optimisers.items():
            tensors |= stages.optimised(f"optimiser.{name}", optimiser)
        for k, weights in self.kept.items():
            tensors |= {f"kept.{k}.{name}": value for name, value in weights.items()}
        tensors |= {f"judges.{name}": value for name, value in self.judges.items()}
        return tensors | {"made": self.made}


def _drawn(rows: int, size: int, device: torch.device) -> Tensor:
    """Rows of a batch, int64 (size,), none of them twice where there are enough."""
    return torch.randperm(max(rows, size), device=device)[:size] % rows


def _copied(part: nn.Module) -> Weights:
    return {name: value.detach().clone() for name, value in part.state_dict().items()}


@torch.no_grad()
def _put(to: Weights, weights: Weights) -> None:
    for name, value in weights.items():
        to[name].copy_(value)


def _descend(optimiser: torch.optim.Adam, loss: Tensor) -> None:
    """One step down the gradient of the loss with respect to what is optimised, and nothing else."""
    weights = optimiser.param_groups[0]["params"]
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = slope
    optimiser.step()
    optimiser.zero_grad()
