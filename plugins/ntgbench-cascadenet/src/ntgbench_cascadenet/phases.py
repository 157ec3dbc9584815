"""One phase of the training: which networks learn, from which batches, and what a step is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ntgbench.learning.resume import with_state
from ntgbench_cascadenet.losses import Pair, critic_loss, generator_loss
from ntgbench_cascadenet.sampling import counts, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ntgbench_cascadenet.batches import Batches
    from ntgbench_cascadenet.layout import Layout
    from ntgbench_cascadenet.networks import Cascade

NORM_BATCHES = 50
"""Batches from which batch norm gets its means and variances after weights were replaced by their average."""


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
        self.items = batches.samples if name == "g3" else batches.flows
        # Batch norm needs two rows: a single item comes twice.
        self.batch = max(2, min(p.batch, self.items))
        self.batches_a_round = max(1, self.items // self.batch)
        self.batches_a_step = p.critic_steps + 1 if p.fresh_batch_per_critic_step else 1
        self.critic_optimiser, self.generator_optimiser = (
            _adam(part, p.learning_rate, (p.beta1, p.beta2)) for part in (self.critics, self.generators)
        )
        self.average = [w.detach().clone() for w in self.generators.parameters()] if p.average else []
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
        real, fake = self.batches.records(packets), self._packets_made(inputs)
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
        packet, packet_made = batches.records(packets), self._packets_made(inputs_made)
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

    def prepare(self, share: float) -> None:
        """Set the learning rates for a step, when that share of the phase is done, 0..1."""
        p = self.layout.parameters
        for optimiser in (self.critic_optimiser, self.generator_optimiser):
            optimiser.param_groups[0]["lr"] = p.learning_rate * ((1 - share) if p.falling else 1.0)

    def begin(self) -> None:
        """Let the average begin at the weights that the phase begins with."""
        for weight, mean in zip(self.generators.parameters(), self.average, strict=False):
            mean.copy_(weight.detach())

    def average_weights(self, step: int) -> None:
        """Take the weights after a step into their average, which soon forgets those before training."""
        if self.average:
            old = min(self.layout.parameters.average, (1 + step) / (10 + step))
            torch._foreach_lerp_(self.average, [w.data for w in self.generators.parameters()], 1 - old)

    @torch.no_grad()
    def finish(self, batches: Iterator[Tensor]) -> None:
        """Replace the weights of the generators by their average, if there is one."""
        if not self.average:
            return
        for weight, mean in zip(self.generators.parameters(), self.average, strict=True):
            weight.copy_(mean)
        norms = [part for part in self.generators.modules() if isinstance(part, nn.BatchNorm1d)]
        momentum = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches
        for _ in range(NORM_BATCHES):
            self.see(next(batches))
        for norm, before in zip(norms, momentum, strict=True):
            norm.momentum = before

    def draws(self, seed: int, step: int) -> Iterator[Tensor]:
        """The batches from a step on: all items in random order, again and again; what is left over is dropped."""
        at = step * self.batches_a_step
        while True:
            round_, done = divmod(at, self.batches_a_round)
            order = self._round(np.random.default_rng([seed, round_]))
            parts = torch.split(torch.from_numpy(order).to(self.batches.device), self.batch)
            yield from parts[done : self.batches_a_round]
            at += self.batches_a_round - done

    def _round(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """All items once in random order; flows as often as the parameter `balance` wants, int64 (items,).

        Systematic sampling: the flow at every 1 / F of the cumulated weights, from a random offset (Cochran 1977,
        chapter 8), so that each is drawn its expected number of times, rounded down or up. A single item comes twice.
        """
        count = max(2, self.items)
        balance = self.layout.parameters.balance
        if self.name == "g3" or not balance:
            return rng.permutation(count) % self.items
        ends = np.cumsum(self.batches.flow_packets.astype(np.float64) ** balance)
        found = np.searchsorted(ends, (np.arange(count) + rng.random()) * (ends[-1] / count), side="right")
        return rng.permutation(np.minimum(found, self.items - 1))

    def tensors(self) -> dict[str, Tensor]:
        """The state of both optimisers, and the average of the weights."""
        optimisers = {"critic": self.critic_optimiser, "generator": self.generator_optimiser}
        return {
            f"{self.name}.{side}.{i}.{name}": value
            for side, optimiser in optimisers.items()
            for i, weight in enumerate(optimiser.param_groups[0]["params"])
            for name, value in optimiser.state[weight].items()
        } | {f"{self.name}.average.{i}": mean for i, mean in enumerate(self.average)}

    def _flow_made(self, real: Tensor) -> Tensor:
        made: Tensor = self.cascade.g1(real[:, : len(self.layout.conditions)], self._noise(real))
        return made

    def _series_made(self, flow: Tensor) -> Tensor:
        made: Tensor = self.cascade.g2(flow, self.cascade.g2.draw(len(flow), flow))
        return made

    def _packets_made(self, inputs: Tensor) -> Tensor:
        made: Tensor = self.cascade.g3(inputs, self.cascade.g3.draw(len(inputs), inputs))
        return made

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn(len(like), self.layout.parameters.noise, device=like.device)

    def _step_drawn(self, series: Tensor) -> Tensor:
        """A step of each flow, int64 (B,), with a chance in proportion to its packets.

        The largest of counts divided by exponential numbers, as in `torch.multinomial`, which makes a GPU wait.
        """
        count = counts(series.detach(), self.layout)
        return (count / torch.empty_like(count).exponential_()).argmax(1)


def _pair(critic: nn.Sequential, given: int, real: Tensor, fake: Tensor) -> Pair:
    """A pair of rows whose first `given` numbers are equal, as the generator was given them."""
    return Pair(critic, real[:, :given], real[:, given:], fake[:, given:])


def _beside(first: Tensor, second: Tensor) -> Tensor:
    """Both in one row, (B, n), the axes after the first one by one."""
    return torch.cat([first, second.flatten(1)], 1)


def _adam(part: nn.Module, learning_rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980). Its state is made at once, so that a checkpoint can be restored."""
    optimiser = torch.optim.Adam(part.parameters(), lr=learning_rate, betas=betas, fused=True)
    with_state(optimiser)
    return optimiser


def _descend(optimiser: torch.optim.Adam, loss: Tensor) -> None:
    """One step down the gradient of the loss with respect to what is optimised, and nothing else."""
    weights = optimiser.param_groups[0]["params"]
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = slope
    optimiser.step()
    optimiser.zero_grad()
