"""Gaussian diffusion: the cosine schedule of noise, and sampling in few steps.

With a_t the share of an image's variance that is left after step t, a noisy image is
x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e with standard normal noise e.

Forward process: Ho et al. 2020, arXiv 2006.11239; cosine schedule: Nichol and Dhariwal 2021, arXiv 2102.09672, section
3.2; sampling in few steps: DPM-Solver++(2M), Lu et al. 2022, arXiv 2211.01095, whose first order is DDIM, Song et al.
2020, arXiv 2010.02502.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

OFFSET = 0.008
"""Offset of the cosine schedule, which keeps the first step from being too small."""

LARGEST_BETA = 0.999
"""Largest share of the variance that a step may take."""

Image = Callable[[Tensor, int], Tensor]
"""The image x_0, (N, …), that a model sees in the noisy images x_t, (N, …), at one time t."""


def cosine_betas(steps: int) -> npt.NDArray[np.float64]:
    """The share of the variance that each step takes, float64 (steps,), each in 0..LARGEST_BETA."""
    cosine = np.cos((np.arange(steps + 1) / steps + OFFSET) / (1 + OFFSET) * np.pi / 2) ** 2
    betas: npt.NDArray[np.float64] = np.minimum(1 - cosine[1:] / cosine[:-1], LARGEST_BETA)
    return betas


class Schedule:
    """The forward process in `steps` steps on a device.

    Attributes:
        steps: number of steps; time t in 0..steps-1 is the state after step t + 1.
        signal: sqrt(a_t), float32 (steps,).
        noise: sqrt(1 - a_t), float32 (steps,).
    """

    def __init__(self, steps: int, device: torch.device | str = "cpu") -> None:
        self.steps, self.device = steps, torch.device(device)
        after = np.cumprod(1 - cosine_betas(steps))
        self.signal, self.noise = self.kept(np.sqrt(after)), self.kept(np.sqrt(1 - after))

    def kept(self, values: npt.NDArray[np.float64]) -> Tensor:
        """One number for each time, float32 (steps,), on the device."""
        return torch.tensor(values, dtype=torch.float32, device=self.device)

    def noisy(self, images: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """The images (N, …) at `times`, int64 (N,), for this noise, (N, …)."""
        return at(self.signal, times, images) * images + at(self.noise, times, images) * noise

    def dpm(self, image: Image, state: Tensor, steps: int) -> Tensor:
        """The images, (N, …), that come of noise, (N, …), by `steps` steps back without more noise, evenly spread.

        The first step is of first order, the others of second. A step goes from time s to time t with the image that
        the model sees at s, or, after the first, with the line through that and the one before it. The last step takes
        the image as it is.
        """
        log_ratio = (self.signal / self.noise).log().tolist()
        times = np.linspace(self.steps - 1, 0, steps).round().astype(int).tolist()
        before, width_before = None, 0.0
        for time, following in zip(times, [*times[1:], None], strict=True):
            seen = image(state, time)
            if following is None:
                break
            width = log_ratio[following] - log_ratio[time]
            target = seen if before is None else seen + width / (2 * width_before) * (seen - before)
            state = (
                self.noise[following] / self.noise[time] * state - self.signal[following] * np.expm1(-width) * target
            )
            before, width_before = seen, width
        return seen


def at(values: Tensor, times: Tensor, like: Tensor) -> Tensor:
    """The value at each time, (N, 1, …, 1), to be combined with `like`, (N, …)."""
    return values[times].view(-1, *[1] * (like.dim() - 1))
