"""Training: a Wasserstein GAN with a penalty on the gradient, in one stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ntgbench.learning import stages
from ntgbench.learning.adversaries import critic_loss, generator_loss
from ntgbench.learning.resume import with_state
from ntgbench_e_wgan_gp.networks import Generator, critic

if TYPE_CHECKING:
    from ntgbench.interfaces import Context
    from ntgbench_e_wgan_gp.parameters import EWganGpParameters


@dataclass(frozen=True, eq=False)
class Rows:
    """N packets as they are learnt from."""

    words: Tensor  # int64 (N, 6). Rows of `vectors`
    vectors: Tensor  # float32 (V, w). Of the words of all kinds
    protocol: Tensor  # float32 (N, P). One-hot
    time: Tensor  # float32 (N, 1). 0..1

    def at(self, rows: Tensor) -> Tensor:
        """Packets as the critic sees them, float32 (B, 6w + P + 1), see `Generator.forward`."""
        return torch.cat([self.vectors[self.words[rows]].flatten(1), self.protocol[rows], self.time[rows]], dim=1)


def fit(
    rows: Rows, p: EWganGpParameters, identity: dict[str, str], context: Context
) -> tuple[Generator, stages.Course]:
    """A generator that was trained from scratch, and the losses of critic and generator, see `stages.fit`.

    Args:
        rows: what is learnt from, on the device.
        p: parameters.
        identity: of what is learnt from.
        context: seed, budget, progress, folder for the checkpoint.
    """
    device, protocols = rows.time.device, rows.protocol.shape[1]
    torch.manual_seed(context.seed)
    generator, judge = Generator(p, protocols).to(device), critic(p, protocols).to(device)
    optimisers = {"generator": _adam(generator, p), "critic": _adam(judge, p)}

    def step(done: int, share: float) -> Tensor:  # noqa: ARG001
        real = rows.at(torch.randint(len(rows.time), (p.batch,), device=device))
        for _ in range(p.critic_steps):
            with torch.no_grad():
                fake = generator(torch.randn(p.batch, p.noise, device=device))
            of_critic = critic_loss(judge, real, fake)
            _descend(optimisers["critic"], of_critic, judge)
        of_generator = generator_loss(judge, generator(torch.randn(p.batch, p.noise, device=device)))
        _descend(optimisers["generator"], of_generator, generator)
        return torch.stack([of_critic.detach(), of_generator.detach()])

    tensors = {f"generator.{name}": value for name, value in generator.state_dict().items()}
    tensors |= {f"critic.{name}": value for name, value in judge.state_dict().items()}
    for name, optimiser in optimisers.items():
        tensors |= stages.optimised(f"{name}.adam", optimiser)
    stage = stages.Stage("packets", p.steps, ceil(len(rows.time) / p.batch), step)
    course = stages.fit([stage], tensors, {**identity, "parameters": asdict(p)}, context)
    return generator.eval(), course


def _adam(network: nn.Module, p: EWganGpParameters) -> torch.optim.Adam:
    optimiser = torch.optim.Adam(network.parameters(), p.learning_rate, fused=True)
    with_state(optimiser)
    return optimiser


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor, network: nn.Module) -> None:
    """A step of the weights of `network` alone: gradients of the other network are not worked out."""
    weights = list(network.parameters())
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = slope
    optimiser.step()
