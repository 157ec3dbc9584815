"""The diffusion: images become noise step by step, and noise becomes images.

With a_t the share of an image's variance that is left after step t, a noisy image is
x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e with standard normal noise e, which a model predicts.

Forward process and ancestral sampling: Ho et al. 2020, arXiv 2006.11239; cosine schedule, learnt variance and hybrid
loss: Nichol and Dhariwal 2021, arXiv 2102.09672; sampling in few steps: DPM-Solver++(2M), Lu et al. 2022,
arXiv 2211.01095.
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

VARIATIONAL = 0.001
"""Weight of the variational bound, in bits a pixel, in the hybrid loss."""

Model = Callable[[Tensor, Tensor], Tensor]
"""The prediction, float (N, 2, P, P), for images, float (N, 1, P, P), at times, float (N,).

The first channel is the noise; the second is the logarithm of the variance of a step back, from its smallest possible
value at -1 to its largest at 1.
"""

Noise = Callable[[], Tensor]
"""Fresh standard normal noise in the shape of the images."""


class Diffusion:
    """The forward process in `steps` steps on a device, and two ways back.

    Attributes:
        steps: number of steps; time t in 0..steps-1 is the state after step t + 1.
        signal: sqrt(a_t), float32 (steps,).
        noise: sqrt(1 - a_t), float32 (steps,).
    """

    def __init__(self, steps: int, device: torch.device | str = "cpu") -> None:
        def kept(array: npt.NDArray[np.float64]) -> Tensor:
            return torch.tensor(array, dtype=torch.float32, device=device)

        cosine = np.cos((np.arange(steps + 1) / steps + OFFSET) / (1 + OFFSET) * np.pi / 2) ** 2
        beta = np.minimum(1 - cosine[1:] / cosine[:-1], LARGEST_BETA)
        after = np.cumprod(1 - beta)
        before = np.concatenate([[1.0], after[:-1]])
        # Variance of x_{t-1} given x_t and x_0. There is none at t = 0, where no noise is added either.
        variance = beta * (1 - before) / (1 - after)
        variance[0] = variance[1]
        self.steps, self.device = steps, torch.device(device)
        self.signal, self.noise = kept(np.sqrt(after)), kept(np.sqrt(1 - after))
        self.mean_of_image = kept(beta * np.sqrt(before) / (1 - after))
        self.mean_of_state = kept((1 - before) * np.sqrt(1 - beta) / (1 - after))
        self.least, self.most = kept(np.log(variance)), kept(np.log(beta))

    def noisy(self, images: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """The images (N, …) at `times`, int64 (N,), for this noise, (N, …)."""
        return _at(self.signal, times, images) * images + _at(self.noise, times, images) * noise

    def loss(self, model: Model, images: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """The hybrid loss: squared error of the noise, and the variational bound for the variance alone.

        The bound counts for all times but the first, whose variance is never used.
        """
        state = self.noisy(images, times, noise)
        predicted, place = model(state, times.float()).chunk(2, dim=1)
        error = (predicted - noise).square().mean()
        # KL divergence of the step back, in bits a pixel. The difference of means follows from that of the noises.
        least, share = _at(self.least, times, images), (place + 1) / 2
        found = share * _at(self.most, times, images) + (1 - share) * least
        scale = _at(self.mean_of_image * self.noise / self.signal, times, images)
        difference = scale * (predicted.detach() - noise)
        bits = (found - least - 1 + (least - found).exp() + difference.square() * (-found).exp()) / (2 * np.log(2))
        bound = (bits * (times > 0).view(-1, *[1] * (images.dim() - 1))).mean()
        total: Tensor = error + VARIATIONAL * self.steps * bound
        return total

    def ancestral(self, model: Model, noise: Noise) -> Tensor:
        """Images by all steps back, each but the last with fresh noise."""
        state = noise()
        for time in reversed(range(self.steps)):
            predicted, place = self._predict(model, state, time)
            image = self._image(state, predicted, time)
            if time:
                mean = self.mean_of_image[time] * image + self.mean_of_state[time] * state
                share = (place + 1) / 2
                log_variance = share * self.most[time] + (1 - share) * self.least[time]
                state = mean + (0.5 * log_variance).exp() * noise()
        return image

    def dpm(self, model: Model, noise: Noise, steps: int) -> Tensor:
        """Images by `steps` steps back without noise, evenly spread: the first is of first order, the others of second.

        A step goes from time s to time t with the image that the model sees at s, or, after the first, with the line
        through that and the one before it. The last step takes the image as it is.
        """
        log_ratio = (self.signal / self.noise).log().tolist()
        times = np.linspace(self.steps - 1, 0, steps).round().astype(int).tolist()
        state, before, width_before = noise(), None, 0.0
        for time, following in zip(times, [*times[1:], None], strict=True):
            predicted, _ = self._predict(model, state, time)
            image = self._image(state, predicted, time)
            if following is None:
                break
            width = log_ratio[following] - log_ratio[time]
            target = image if before is None else image + width / (2 * width_before) * (image - before)
            state = (
                self.noise[following] / self.noise[time] * state - self.signal[following] * np.expm1(-width) * target
            )
            before, width_before = image, width
        return image

    def _predict(self, model: Model, state: Tensor, time: int) -> tuple[Tensor, Tensor]:
        """Predicted noise and place of the variance, each in the shape of `state`, all of it at one time."""
        noise, place = model(state, torch.full((len(state),), float(time), device=state.device)).chunk(2, dim=1)
        return noise, place

    def _image(self, state: Tensor, predicted: Tensor, time: int) -> Tensor:
        """The image that the predicted noise leaves, in the range of images."""
        return ((state - self.noise[time] * predicted) / self.signal[time]).clamp(-1.0, 1.0)


def _at(values: Tensor, times: Tensor, like: Tensor) -> Tensor:
    """The value at each time, (N, 1, …, 1), to be combined with `like`, (N, …)."""
    return values[times].view(-1, *[1] * (like.dim() - 1))
