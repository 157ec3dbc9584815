"""Training in four phases: each pair of generator and critic by itself, on real inputs, then all of them together."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ntgbench.errors import PluginError
from ntgbench.interfaces import BUDGET_LOGGER
from ntgbench.learning.device import without_denormals
from ntgbench.learning.resume import Checkpoint, Position
from ntgbench.seeds import derive_seed
from ntgbench.words import pluralised
from ntgbench_cascadenet.losses import Pair, critic_loss, generator_loss
from ntgbench_cascadenet.sampling import counts, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ntgbench.interfaces import Budget, Context
    from ntgbench_cascadenet.batches import Batches
    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.networks import Cascade

PHASES = ("g1", "g2", "g3", "joint")

POINTS = 100
"""Losses that are kept, about."""

CHECK_EVERY = 50
"""Steps after which the losses are looked at; a GPU would wait for the host each time."""


@dataclass
class Course(Position):
    """Where a training stands; `step` counts over all phases, with the steps that a budget of minutes leaves out.

    Attributes:
        made: steps made.
        generator: loss of the generators, at about `POINTS` points.
        critic: loss of the critics, at the same points.
    """

    made: int = 0
    generator: list[float] = field(default_factory=list)
    critic: list[float] = field(default_factory=list)


class Phase:
    """One phase: which networks learn, and what the critics see of a batch.

    Attributes:
        items: flows or packets that batches are drawn from.
        batch: how many of them a batch has.
        steps: steps of the generators that the parameters ask for.
        see: what the critics see of a batch, for the numbers of flows or packets, int64 (B,).
    """

    def __init__(self, name: str, cascade: Cascade, batches: Batches, layout: Layout) -> None:
        self.name, self.cascade, self.batches, self.layout = name, cascade, batches, layout
        p = layout.parameters
        numbers = (1, 2, 3) if name == "joint" else (int(name[1]),)
        self.generators = nn.ModuleList(getattr(cascade, f"g{number}") for number in numbers)
        self.critics = nn.ModuleList(getattr(cascade, f"d{number}") for number in numbers)
        self.steps: int = getattr(p, f"{name}_steps")
        self.items = batches.packets if name == "g3" else batches.flows
        # Batch norm needs two rows: a single item comes twice.
        self.batch = max(2, min(p.batch, self.items))
        self.batches_a_round = max(1, self.items // self.batch)
        self.batches_a_step = p.critic_steps + 1 if p.fresh_batch_per_critic_step else 1
        self.critic_optimiser, self.generator_optimiser = (
            _adam(part, p.learning_rate, (p.beta1, p.beta2)) for part in (self.critics, self.generators)
        )
        self.given = 0 if p.conditions == "generated" else len(layout.conditions)
        self.see: Callable[[Tensor], list[Pair]] = getattr(self, name)

    def g1(self, flows: Tensor) -> list[Pair]:
        """The 5-tuple is judged, and so are the conditions when they are generated."""
        real = self.batches.flow(flows)
        return [_pair(self.cascade.d1, self.given, real, self._flow_made(real))]

    def g2(self, flows: Tensor) -> list[Pair]:
        """The series is judged, for real conditions and 5-tuples."""
        flow = self.batches.flow(flows)
        real, fake = self.batches.series(flows), self._series_made(flow)
        return [Pair(self.cascade.d2, flow, real.flatten(1), fake.flatten(1))]

    def g3(self, packets: Tensor) -> list[Pair]:
        """Header fields are judged, for real flows and series."""
        inputs = self.batches.packet_inputs(packets)
        real, fake = self.batches.records(packets), self.cascade.g3(inputs, self._noise(inputs))
        return [Pair(self.cascade.d3, inputs, real, fake)]

    def joint(self, flows: Tensor) -> list[Pair]:
        """Flows are generated one network after the other, with a packet each, and everything is judged.

        But for given conditions, which only the third critic judges, as a part of the input of the packet.
        """
        cascade, batches = self.cascade, self.batches
        flow, packets = batches.flow(flows), batches.one_packet_each(flows)
        flow_made = self._flow_made(flow)
        series, series_made = batches.series(flows), self._series_made(flow_made)
        inputs_made = _beside(flow_made, windows(series_made, self._step_drawn(series_made), self.layout))
        packet, packet_made = batches.records(packets), cascade.g3(inputs_made, self._noise(inputs_made))
        return [
            _pair(cascade.d1, self.given, flow, flow_made),
            _pair(cascade.d2, self.given, _beside(flow, series), _beside(flow_made, series_made)),
            _pair(cascade.d3, 0, _beside(batches.packet_inputs(packets), packet), _beside(inputs_made, packet_made)),
        ]

    def step(self, batches: Iterator[Tensor]) -> Tensor:
        """Steps of the critics, then one of the generators.

        Synthetic rows are made once for all of them, with the history that only the generators' step needs. When
        batches are fresh, those of the critics are made without any history.

        Returns:
            The losses of the last critics' step and of the generators' step, summed over the networks, (2,).
        """
        p = self.layout.parameters
        fresh = p.fresh_batch_per_critic_step
        pairs = [] if fresh else self.see(next(batches))
        for _ in range(p.critic_steps):
            if fresh:
                with torch.no_grad():
                    pairs = self.see(next(batches))
            critic_total = torch.stack([critic_loss(pair) for pair in pairs]).sum()
            _descend(self.critic_optimiser, critic_total)
        if fresh:
            pairs = self.see(next(batches))
        self.critics.requires_grad_(False)
        generator_total = torch.stack([generator_loss(pair) for pair in pairs]).sum()
        self.critics.requires_grad_(True)
        _descend(self.generator_optimiser, generator_total)
        return torch.stack([critic_total, generator_total]).detach()

    def draws(self, seed: int, step: int) -> Iterator[Tensor]:
        """The batches from a step on: all items in random order, again and again; what is left over is dropped."""
        at = step * self.batches_a_step
        while True:
            round_, done = divmod(at, self.batches_a_round)
            order = np.random.default_rng([seed, round_]).permutation(max(2, self.items)) % self.items
            parts = torch.split(torch.from_numpy(order).to(self.batches.device), self.batch)
            yield from parts[done : self.batches_a_round]
            at += self.batches_a_round - done

    def tensors(self) -> dict[str, Tensor]:
        """The state of both optimisers."""
        optimisers = {"critic": self.critic_optimiser, "generator": self.generator_optimiser}
        return {
            f"{self.name}.{side}.{i}.{name}": value
            for side, optimiser in optimisers.items()
            for i, weight in enumerate(optimiser.param_groups[0]["params"])
            for name, value in optimiser.state[weight].items()
        }

    def _flow_made(self, real: Tensor) -> Tensor:
        made: Tensor = self.cascade.g1(real[:, : len(self.layout.conditions)], self._noise(real))
        return made

    def _series_made(self, flow: Tensor) -> Tensor:
        made: Tensor = self.cascade.g2(flow, self.cascade.g2.draw(len(flow), flow))
        return made

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn(len(like), self.layout.parameters.noise, device=like.device)

    def _step_drawn(self, series: Tensor) -> Tensor:
        """A step of each flow, int64 (B,), with a chance in proportion to its packets.

        The largest of counts divided by exponential numbers, as in `torch.multinomial`, which makes a GPU wait.
        """
        count = counts(series.detach(), self.layout)
        return (count / torch.empty_like(count).exponential_()).argmax(1)


@without_denormals()
def fit(cascade: Cascade, batches: Batches, layout: Layout, context: Context) -> dict[str, list[float]]:
    """Train all networks in place. Returns the losses of "generator" and "critic" over all phases.

    A smaller budget of epochs cuts each phase, whose epoch is a pass over its flows or packets; one of steps cuts all
    phases by the same share; and one of minutes is divided over the phases in proportion to their steps. The last
    weights are kept. The global random generator of torch is seeded before each step, so a training that was killed and
    resumed ends with the same weights as one that was not.

    Raises PluginError when a loss is not finite.
    """
    p = layout.parameters
    phases = [Phase(name, cascade, batches, layout) for name in PHASES]
    ends = _ends(phases, context.budget)
    total = ends[-1]
    tensors = {f"model.{name}": value for name, value in cascade.state_dict().items()}
    for phase in phases:
        tensors |= phase.tensors()
    identity = {"parameters": asdict(p), "seed": context.seed, "ends": ends, "sizes": [batches.flows, batches.packets]}
    checkpoint = Checkpoint(context.checkpoint, identity, tensors)
    at = checkpoint.restore(Course())
    begun = time.monotonic() - at.seconds
    allowed = math.inf if context.budget.minutes is None else 60 * context.budget.minutes
    point = max(1, total // POINTS)
    cascade.train()
    for phase, begin, end in zip(phases, [0, *ends], ends, strict=False):
        seed = derive_seed(context.seed, phase.name)
        draws = phase.draws(seed, at.step - begin)
        losses: list[Tensor] = []
        while at.step < end:
            at.seconds = time.monotonic() - begun
            if at.seconds >= allowed * end / total:
                _check(losses, phase.name, at.step - begin)
                at.step = end
                break
            checkpoint.save(at)
            torch.manual_seed(derive_seed(seed, at.step - begin))
            losses.append(phase.step(draws))
            at.step += 1
            at.made += 1
            is_point = at.step % point == 0 or at.step == end
            if is_point or len(losses) == CHECK_EVERY:
                critic, generator = _check(losses, phase.name, at.step - begin)
                losses = []
            if is_point:
                at.critic.append(critic)
                at.generator.append(generator)
            context.progress(at.step, total, phase.name)
    cascade.eval()
    _warn_if_cut(at.made, total, phases, context.budget)
    return {"generator": at.generator, "critic": at.critic}


def _ends(phases: list[Phase], budget: Budget) -> list[int]:
    """The step at which each phase ends, counted over all phases; see `fit` for what budgets do."""
    wanted = [phase.steps for phase in phases]
    if budget.epochs is not None:
        passes = [max(1, budget.epochs * phase.batches_a_round // phase.batches_a_step) for phase in phases]
        wanted = [min(pair) for pair in zip(wanted, passes, strict=True)]
    ends = list(accumulate(wanted))
    if budget.steps is not None and budget.steps < ends[-1]:
        ends = [budget.steps * end // ends[-1] for end in ends]
    return ends


def _check(losses: list[Tensor], phase: str, step: int) -> list[float]:
    """The last of the losses since the last check, critics' and generators'; `step` of the phase is the last one's.

    Raises PluginError when one of them is not finite.
    """
    found = torch.stack(losses).cpu().numpy() if losses else np.zeros((1, 2))
    broken = np.flatnonzero(~np.isfinite(found).all(1))
    if len(broken):
        raise PluginError(
            f"the training diverged: a loss is not finite at step {step - len(found) + 1 + int(broken[0])} of phase "
            f"{phase}; a smaller learning_rate may help"
        )
    last: list[float] = found[-1].tolist()
    return last


def _warn_if_cut(made: int, allowed: int, phases: list[Phase], budget: Budget) -> None:
    """Log a warning, which becomes a note on the row, when the budget allowed fewer steps than the parameters."""
    wanted = sum(phase.steps for phase in phases)
    if made >= wanted:
        return
    if made < allowed:
        bound, unit = budget.minutes, "minute"
    elif budget.steps == allowed:
        bound, unit = budget.steps, "step"
    else:
        bound, unit = budget.epochs, "epoch"
    logging.getLogger(BUDGET_LOGGER).warning(
        "training made %s of %s steps by the budget of %s", f"{made:,}", f"{wanted:,}", pluralised(bound or 0, unit)
    )


def _pair(critic: nn.Sequential, given: int, real: Tensor, fake: Tensor) -> Pair:
    """A pair of rows whose first `given` numbers are equal, as the generator was given them."""
    return Pair(critic, real[:, :given], real[:, given:], fake[:, given:])


def _beside(first: Tensor, second: Tensor) -> Tensor:
    """Both in one row, (B, n), the axes after the first one by one."""
    return torch.cat([first, second.flatten(1)], 1)


def _adam(part: nn.Module, learning_rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980). Its state is made at once, so that a checkpoint can be restored."""
    weights = list(part.parameters())
    optimiser = torch.optim.Adam(weights, lr=learning_rate, betas=betas, fused=True)
    for weight in weights:
        optimiser.state[weight] = {
            "step": torch.zeros((), device=weight.device),
            "exp_avg": torch.zeros_like(weight),
            "exp_avg_sq": torch.zeros_like(weight),
        }
    return optimiser


def _descend(optimiser: torch.optim.Adam, loss: Tensor) -> None:
    """One step down the gradient of the loss with respect to what is optimised, and nothing else."""
    weights = optimiser.param_groups[0]["params"]
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = slope
    optimiser.step()
    optimiser.zero_grad()
