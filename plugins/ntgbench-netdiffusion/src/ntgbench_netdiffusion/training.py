"""Training of the network, and images drawn with it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ntgbench.learning.diffusion import Schedule, at
from ntgbench.learning.resume import with_state
from ntgbench.learning.stages import Stage, fit, optimised
from ntgbench_netdiffusion.images import CLASSES
from ntgbench_netdiffusion.network import Cascade, Mixer, posterior

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ntgbench.interfaces import Context
    from ntgbench_netdiffusion.images import Flows, Layout
    from ntgbench_netdiffusion.parameters import NetDiffusionParameters

IMAGES = 128
"""Images drawn at a time."""

FIRST_AVERAGE = 10
"""The running average keeps at most (1 + n) / (10 + n) in step n, so that little is left of the first weights."""


def new_network(p: NetDiffusionParameters, layout: Layout) -> Cascade:
    """Networks for images of this layout, with random weights."""
    return Cascade(p.rows, layout.once, CLASSES, p.width, p.blocks)


def known(kinds: Tensor, flows: Tensor | None = None) -> Tensor:
    """What a network is given, float (N, G): the kind of each flow, int64 (N,), and if there is one its image."""
    kind = F.one_hot(kinds, CLASSES).float()
    return kind if flows is None else torch.cat([kind, flows[:, 0].float()], 1)


def train(
    network: Cascade, flows: Tensor, packets: Flows, kinds: Tensor, p: NetDiffusionParameters, context: Context
) -> list[list[float]]:
    """Train in place; the networks get the running average of their weights in the end. Returns losses, see `Course`.

    Each step draws flows, times and noise; the loss is the cross-entropy of the pixels in nats, on average.

    Args:
        network: on the device.
        flows: image of each flow, int8 (F, 1, C + rows), on the device; see `Layout.parts`.
        packets: of these flows.
        kinds: int64 (F,), on the device.
        p: parameters of the system.
        context: of the fit.
    """

    def of_packets(chosen: Tensor) -> Tensor:
        return torch.from_numpy(packets.images(chosen.cpu().numpy())).to(flows.device)

    stages: list[Stage] = []
    tensors: dict[str, Tensor] = {}
    for name, part, images, given, steps, batch in (
        ("flow", network.flow, flows.__getitem__, known(kinds), p.flow_steps, p.flow_batch),
        ("packets", network.packets, of_packets, known(kinds, flows), p.steps, p.batch),
    ):
        stage, state = _stage(name, part, images, given, p, steps, min(batch, len(packets)))
        stages.append(stage)
        tensors |= {f"{name}.{key}": value for key, value in state.items()}
    identity = {"parameters": asdict(p), "sizes": [len(packets), p.rows, len(network.once)]}
    network.train()
    course = fit(stages, tensors, identity, context)
    with torch.no_grad():
        for name, part in (("flow", network.flow), ("packets", network.packets)):
            for i, weight in enumerate(part.parameters()):
                weight.copy_(tensors[f"{name}.average.{i}"])
    network.eval()
    return course.losses


def _stage(
    name: str,
    network: Mixer,
    images: Callable[[Tensor], Tensor],
    given: Tensor,
    p: NetDiffusionParameters,
    steps: int,
    batch: int,
) -> tuple[Stage, dict[str, Tensor]]:
    """The training of one network on the images of flows, int8, and the tensors of its state."""
    schedule = Schedule(p.noise_steps, given.device)
    weights: list[Tensor] = list(network.parameters())
    averages = [weight.detach().clone() for weight in weights]
    optimiser = torch.optim.Adam(weights, p.learning_rate, fused=True)
    with_state(optimiser)

    def step(done: int, share: float) -> Tensor:
        optimiser.param_groups[0]["lr"] = p.learning_rate * (1 + math.cos(math.pi * share)) / 2
        chosen = torch.randint(len(given), (batch,), device=given.device)
        pixels, times = images(chosen), torch.randint(p.noise_steps, (batch,), device=given.device)
        state = schedule.noisy(pixels.float(), times, torch.randn(pixels.shape, device=given.device))
        logits = network(state, times / p.noise_steps, given[chosen])
        absent, one = posterior(logits, state, at(schedule.signal, times, state), at(schedule.noise, times, state))
        scores = torch.stack([absent, torch.zeros_like(one), one], dim=1)
        loss = F.cross_entropy(scores, pixels.long() + 1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        kept = min(p.average, (1 + done) / (FIRST_AVERAGE + done))
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 1 - kept)
        return loss.detach()[None]

    tensors = {f"model.{key}": value for key, value in network.state_dict().items()}
    tensors |= {f"average.{i}": value for i, value in enumerate(averages)} | optimised("adam", optimiser)
    return Stage(name, steps, -(-len(given) // batch), step), tensors


@torch.inference_mode()
def draw(
    network: Cascade, kinds: npt.NDArray[np.int64], p: NetDiffusionParameters, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Images of flows of these kinds, float32 (N, rows, D) in -1..1."""
    once = network.once
    drawn = np.empty((len(kinds), p.rows, len(once)), np.float32)
    for begin in range(0, len(kinds), IMAGES):
        part = slice(begin, begin + IMAGES)
        kind = torch.from_numpy(kinds[part]).to(once.device)
        flows = _images(network.flow, known(kind), p, rng).round()
        packets = _images(network.packets, known(kind, flows), p, rng)
        whole = packets.new_empty(drawn[part].shape)
        whole[..., once], whole[..., ~once] = flows[..., : -p.rows], packets
        drawn[part] = whole.cpu().numpy()
    return drawn


def _images(network: Mixer, given: Tensor, p: NetDiffusionParameters, rng: np.random.Generator) -> Tensor:
    """An image for each row of what is given, float (N, G): float (N, rows, D) in -1..1."""
    schedule = Schedule(p.noise_steps, given.device)

    def image(state: Tensor, time: int) -> Tensor:
        times = torch.full((len(state),), time, device=state.device)
        absent, one = posterior(
            network(state, times / p.noise_steps, given), state, schedule.signal[time], schedule.noise[time]
        )
        # Numerators and denominator of the two probabilities, without overflow.
        most = torch.maximum(absent, one).clamp_(min=0.0)
        absent, one = absent.sub_(most).exp_(), one.sub_(most).exp_()
        mean: Tensor = (one - absent) / (absent + one + most.neg_().exp_())
        return mean

    noise = torch.from_numpy(rng.standard_normal((len(given), *network.shape), np.float32)).to(given.device)
    return schedule.dpm(image, noise, p.sampling_steps)
