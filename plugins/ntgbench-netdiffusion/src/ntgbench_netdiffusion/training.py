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
from ntgbench_netdiffusion.network import Mixer, posterior

if TYPE_CHECKING:
    import numpy.typing as npt

    from ntgbench.interfaces import Context
    from ntgbench_netdiffusion.images import Layout
    from ntgbench_netdiffusion.parameters import NetDiffusionParameters

IMAGES = 128
"""Images drawn at a time."""

FIRST_AVERAGE = 10
"""The running average keeps at most (1 + n) / (10 + n) in step n, so that little is left of the first weights."""


def new_network(p: NetDiffusionParameters, layout: Layout) -> Mixer:
    """A network for images of this layout, with random weights."""
    return Mixer(p.rows, layout.once, p.width, p.blocks)


def train(
    network: Mixer, pixels: Tensor, kinds: Tensor, p: NetDiffusionParameters, context: Context
) -> list[list[float]]:
    """Train in place; the network gets the running average of its weights in the end. Returns losses, see `Course`.

    Each step draws flows, times and noise; the loss is the cross-entropy of the pixels in nats, on average.

    Args:
        network: on the device.
        pixels: int8 (F, rows, D), on the device.
        kinds: int64 (F,), on the device.
        p: parameters of the system.
        context: of the fit.
    """
    schedule = Schedule(p.noise_steps, pixels.device)
    weights: list[Tensor] = list(network.parameters())
    averages = [weight.detach().clone() for weight in weights]
    optimiser = torch.optim.Adam(weights, p.learning_rate, fused=True)
    with_state(optimiser)
    batch = min(p.batch, len(pixels))

    def step(done: int, share: float) -> Tensor:
        optimiser.param_groups[0]["lr"] = p.learning_rate * (1 + math.cos(math.pi * share)) / 2
        chosen = torch.randint(len(pixels), (batch,), device=pixels.device)
        images, times = pixels[chosen].float(), torch.randint(p.noise_steps, (batch,), device=pixels.device)
        state = schedule.noisy(images, times, tied(torch.randn_like(images), network.once))
        logits = network(state, times / p.noise_steps, kinds[chosen])
        absent, one = posterior(logits, state, at(schedule.signal, times, state), at(schedule.noise, times, state))
        scores = torch.stack([absent, torch.zeros_like(one), one], dim=1)
        loss = F.cross_entropy(scores, pixels[chosen].long() + 1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        kept = min(p.average, (1 + done) / (FIRST_AVERAGE + done))
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 1 - kept)
        return loss.detach()[None]

    tensors = {f"model.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{i}": value for i, value in enumerate(averages)} | optimised("adam", optimiser)
    identity = {"parameters": asdict(p), "sizes": list(pixels.shape)}
    network.train()
    course = fit([Stage("image", p.steps, -(-len(pixels) // batch), step)], tensors, identity, context)
    with torch.no_grad():
        for weight, average in zip(weights, averages, strict=True):
            weight.copy_(average)
    network.eval()
    return course.losses


@torch.inference_mode()
def draw(
    network: Mixer, kinds: npt.NDArray[np.int64], p: NetDiffusionParameters, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Images of flows of these kinds, float32 (N, rows, D) in -1..1."""
    device = network.place.device
    schedule, once = Schedule(p.noise_steps, device), network.once
    drawn = np.empty((len(kinds), p.rows, len(network.are_once)), np.float32)
    for begin in range(0, len(kinds), IMAGES):
        part = slice(begin, begin + IMAGES)
        of = torch.from_numpy(kinds[part]).to(device)

        def image(state: Tensor, time: int, of: Tensor = of) -> Tensor:
            times = torch.full((len(state),), time, device=device)
            logits = network(state, times / p.noise_steps, of)
            absent, one = posterior(logits, state, schedule.signal[time], schedule.noise[time])
            # Numerators and denominator of the two probabilities, without overflow.
            most = torch.maximum(absent, one).clamp_(min=0.0)
            absent, one = absent.sub_(most).exp_(), one.sub_(most).exp_()
            mean: Tensor = (one - absent) / (absent + one + most.neg_().exp_())
            return mean

        noise = torch.from_numpy(rng.standard_normal(drawn[part].shape, np.float32)).to(device)
        drawn[part] = schedule.dpm(image, tied(noise, once), p.sampling_steps).cpu().numpy()
    return drawn


def tied(noise: Tensor, once: Tensor) -> Tensor:
    """The noise, (N, rows, D), with that of the first row in all rows of columns that are drawn once, bool (D,)."""
    return torch.where(once, noise[:, :1], noise)
