"""The training of generator and critic."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from ntgbench.learning import stages
from ntgbench.learning.adversaries import critic_loss, generator_loss
from ntgbench.learning.device import use_device
from ntgbench.learning.resume import with_state
from ntgbench_ctgan.conditions import Sampler
from ntgbench_ctgan.networks import Critic, Generator, condition_loss

if TYPE_CHECKING:
    from torch import Tensor

    from ntgbench.interfaces import Context
    from ntgbench_ctgan.parameters import CtganParameters
    from ntgbench_ctgan.table import Rows, Table


def fit(table: Table, rows: Rows, parameters: CtganParameters, context: Context) -> tuple[Generator, stages.Course]:
    """A generator that has learnt the rows, at least one, and losses: of the critic, of the generator, of conditions.

    An epoch is as many steps, at least one, as the critic, which makes `critic_steps` of its own in each, needs to see
    as many rows as there are.
    """
    p, device = parameters, use_device(context)
    torch.manual_seed(context.seed)
    generator, critic = Generator(table, p).to(device), Critic(table, p).to(device)
    sampler = Sampler(table, rows, device)
    betas = (p.beta1, p.beta2)
    of_generator = torch.optim.Adam(generator.parameters(), p.learning_rate, betas, weight_decay=p.weight_decay)
    of_critic = torch.optim.Adam(critic.parameters(), p.learning_rate, betas)
    for optimiser in (of_generator, of_critic):
        with_state(optimiser)

    def step(done: int, share: float) -> Tensor:  # noqa: ARG001
        for _ in range(p.critic_steps):
            given = sampler.draw(p.batch)
            vectors = given.vectors(table)
            with torch.no_grad():
                fake = generator.soft(*generator(torch.randn(p.batch, p.noise, device=device), vectors))
            real = critic.packed(sampler.rows(given), vectors)
            loss = critic_loss(critic, real, critic.packed(fake, vectors))
            of_critic.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            of_critic.step()
        given = sampler.draw(p.batch)
        vectors = given.vectors(table)
        logits, places = generator(torch.randn(p.batch, p.noise, device=device), vectors)
        against = generator_loss(critic, critic.packed(generator.soft(logits, places), vectors))
        missed = condition_loss(table, logits, given)
        of_generator.zero_grad()
        (against + missed).backward()  # type: ignore[no-untyped-call]
        of_generator.step()
        return torch.stack([loss.detach(), against.detach(), missed.detach()])

    tensors = {
        **{f"generator.{name}": value for name, value in generator.state_dict().items()},
        **{f"critic.{name}": value for name, value in critic.state_dict().items()},
        **stages.optimised("of_generator", of_generator),
        **stages.optimised("of_critic", of_critic),
    }
    identity = {"model": "ctgan", "width": table.width, "rows": len(rows), "parameters": asdict(p)}
    stage = stages.Stage("table", p.steps, max(1, len(rows) // (p.batch * p.critic_steps)), step)
    course = stages.fit([stage], tensors, identity, context)
    return generator.eval(), course
