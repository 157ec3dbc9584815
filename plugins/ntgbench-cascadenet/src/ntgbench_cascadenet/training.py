"""Training in four phases: each pair of generator and critic by itself, on real inputs, then all of them together."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from itertools import accumulate, chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ntgbench.learning.device import without_denormals
from ntgbench.learning.resume import Checkpoint, Position
from ntgbench.seeds import derive_seed
from ntgbench_cascadenet.losses import Seen, critic_loss, generator_loss
from ntgbench_cascadenet.sampling import counts, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ntgbench.interfaces import Context
    from ntgbench_cascadenet.batches import Batches
    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.networks import Cascade

Sides = list[tuple[nn.Module, Seen, Seen]]
"""For each critic: the critic, what is real and what is synthetic."""


class Phase:
    """One phase: which networks learn, and what the critics see of a batch."""

    def __init__(self, name: str, cascade: Cascade, batches: Batches, layout: Layout) -> None:
        self.name, self.cascade, self.batches, self.layout = name, cascade, batches, layout
        p = layout.parameters
        numbers = (1, 2, 3) if name == "joint" else (int(name[1]),)
        self.generators = nn.ModuleList(getattr(cascade, f"g{number}") for number in numbers)
        self.critics = nn.ModuleList(getattr(cascade, f"d{number}") for number in numbers)
        self.steps: int = getattr(p, f"{name}_steps")
        self.items = batches.samples if name == "g3" else batches.flows
        self.batch = max(2, min(p.batch, self.items))  # batch norm needs two, so a single item stands twice
        self.critic_optimiser, self.generator_optimiser = (
            _adam(part, p.learning_rate, (p.beta1, p.beta2)) for part in (self.critics, self.generators)
        )
        self.see: Callable[[Tensor], Sides] = getattr(self, name)

    def g1(self, rows: Tensor) -> Sides:
        """Of flows: the 5-tuple is judged, and so are the conditions when they are generated."""
        real = self.batches.flow(rows)
        fake = self.cascade.g1(self.batches.conditions(rows), self._noise(rows))
        return [(self.cascade.d1, self._flow_seen(real), self._flow_seen(fake))]

    def g2(self, rows: Tensor) -> Sides:
        """Of flows: the series is judged, for real conditions and 5-tuples."""
        flow = self.batches.flow(rows)
        real, fake = self.batches.series(rows), self.cascade.g2(flow, self.cascade.g2.draw(len(rows), flow))
        return [(self.cascade.d2, Seen(flow, real.flatten(1)), Seen(flow, fake.flatten(1)))]

    def g3(self, packets: Tensor) -> Sides:
        """Of packets: header fields are judged, for real flows and series."""
        inputs = torch.cat([part.flatten(1) for part in self.batches.packet_inputs(packets)], 1)
        fake = self.cascade.g3(inputs, self.cascade.g3.draw(len(packets), inputs))
        return [(self.cascade.d3, Seen(inputs, self.batches.records(packets)), Seen(inputs, fake))]

    def joint(self, rows: Tensor) -> Sides:
        """Of flows, generated one after the other, and a packet of each: everything but given conditions is judged."""
        cascade, batches, none = self.cascade, self.batches, rows.new_zeros((len(rows), 0), dtype=torch.float32)
        [(_, flow, flow_made)] = self.g1(rows)
        made = flow_made.joined()
        series, series_made = batches.series(rows), cascade.g2(made, cascade.g2.draw(len(rows), made))
        seen = [
            Seen(one.context, torch.cat([one.judged, steps.flatten(1)], 1))
            for one, steps in ((flow, series), (flow_made, series_made))
        ]
        packets = batches.one_packet_each(rows)
        real = [*(part.flatten(1) for part in batches.packet_inputs(packets)), batches.records(packets)]
        inputs = torch.cat([made, windows(series_made, self._step_drawn(series_made), self.layout).flatten(1)], 1)
        fake = [inputs, cascade.g3(inputs, cascade.g3.draw(len(rows), inputs))]
        return [
            (cascade.d1, flow, flow_made),
            (cascade.d2, *seen),
            (cascade.d3, Seen(none, torch.cat(real, 1)), Seen(none, torch.cat(fake, 1))),
        ]

    def step(self, rows: Iterator[Tensor], fresh: bool, critic_steps: int) -> tuple[Tensor, Tensor]:
        """Steps of the critics and then one of the generators; the last loss of each, summed over the critics.

        Synthetic samples are made once: the critics see them without their history, which only the step of the
        generators needs. When batches are fresh, those for the critics are made without any history.
        """
        sides: Sides = []
        for _ in range(critic_steps):
            if fresh or not sides:
                with torch.set_grad_enabled(not fresh):
                    sides = self.see(next(rows))
            losses = [
                critic_loss(critic, real, Seen(*(part.detach() for part in fake))) for critic, real, fake in sides
            ]
            critic_total = torch.stack(losses).sum()
            _descend(self.critic_optimiser, critic_total)
        if fresh:
            sides = self.see(next(rows))
        self.critics.requires_grad_(False)
        total = torch.stack([generator_loss(critic, fake) for critic, _, fake in sides]).sum()
        self.critics.requires_grad_(True)
        _descend(self.generator_optimiser, total)
        return critic_total.detach(), total.detach()

    def rows(self, seed: int, step: int, fresh: bool, critic_steps: int) -> Iterator[Tensor]:
        """The batches from a step on: all items in random order, again and again; what is left over is dropped."""
        batches_a_round = max(1, self.items // self.batch)
        at = step * (critic_steps + 1 if fresh else 1)
        while True:
            round_, done = divmod(at, batches_a_round)
            drawn = np.random.default_rng([seed, round_]).permutation(self.items)
            order = np.resize(drawn, max(self.items, self.batch))
            for place in range(done, batches_a_round):
                at += 1
                part = order[place * self.batch : (place + 1) * self.batch]
                yield torch.from_numpy(part).to(self.batches.cells.device)

    def tensors(self) -> dict[str, Tensor]:
        """The state of both optimisers."""
        optimisers = {"critic": self.critic_optimiser, "generator": self.generator_optimiser}
        return {
            f"{self.name}.{side}.{i}.{name}": value
            for side, optimiser in optimisers.items()
            for i, weight in enumerate(optimiser.param_groups[0]["params"])
            for name, value in optimiser.state[weight].items()
        }

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn(len(like), self.layout.parameters.noise, device=like.device)

    def _flow_seen(self, flow: Tensor) -> Seen:
        given = 0 if self.layout.parameters.conditions == "generated" else len(self.layout.conditions)
        return Seen(flow[:, :given], flow[:, given:])

    def _step_drawn(self, series: Tensor) -> Tensor:
        """A step of each flow, (B,), with a chance in proportion to its packets."""
        return torch.multinomial(counts(series.detach(), self.layout), 1)[:, 0]


@without_denormals()
def fit(cascade: Cascade, batches: Batches, layout: Layout, context: Context) -> dict[str, list[float]]:
    """Train all networks in place. Returns the losses of critics and generators, at 100 points at most.

    The global random generator of torch is seeded before each step, so a training that was killed and resumed ends with
    the same weights as one that was not.
    """
    p = layout.parameters
    phases = [Phase(name, cascade, batches, layout) for name in ("g1", "g2", "g3", "joint")]
    wanted = [phase.steps for phase in phases]
    ends = [0, *accumulate(_allowed(wanted, phases, context))]
    total = ends[-1]
    tensors = dict(chain.from_iterable(phase.tensors().items() for phase in phases))
    tensors |= {f"model.{name}": value for name, value in cascade.state_dict().items()}
    identity = {"parameters": asdict(p), "seed": context.seed, "ends": ends, "sizes": [batches.flows, batches.packets]}
    checkpoint = Checkpoint(context.checkpoint, identity, tensors)
    at = checkpoint.restore() or Position()
    every = max(1, math.ceil(total / 100))
    begun = time.monotonic() - at.seconds
    cascade.train()
    for phase, begin, end in zip(phases, ends, ends[1:], strict=False):
        seed = derive_seed(context.seed, phase.name)
        rows = phase.rows(seed, at.step - begin, p.fresh_batch_per_critic_step, p.critic_steps)
        while at.step < end:
            at.seconds = time.monotonic() - begun
            checkpoint.save(at)
            torch.manual_seed(derive_seed(seed, at.step))
            critic_total, generator_total = phase.step(rows, p.fresh_batch_per_critic_step, p.critic_steps)
            at.step += 1
            if at.step % every == 0 or at.step == end:
                at.train_loss.append(generator_total.item())
                at.validation_loss.append(critic_total.item())
            context.progress(at.step, total, phase.name)
    cascade.eval()
    return {"generator": at.train_loss, "critic": at.validation_loss}


def _allowed(wanted: list[int], phases: list[Phase], context: Context) -> list[int]:
    """Steps of each phase: as many as the parameters say, and a smaller budget cuts all phases by the same share."""
    budget = context.budget
    share = 1.0 if budget.steps is None else min(1.0, budget.steps / max(sum(wanted), 1))
    allowed = [round(share * steps) for steps in wanted]
    if budget.epochs is not None:
        rounds = [budget.epochs * max(1, phase.items // phase.batch) for phase in phases]
        allowed = [min(pair) for pair in zip(allowed, rounds, strict=True)]
    return allowed


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
    weights = optimiser.param_groups[0]["params"]
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = slope
    optimiser.step()
    optimiser.zero_grad()
