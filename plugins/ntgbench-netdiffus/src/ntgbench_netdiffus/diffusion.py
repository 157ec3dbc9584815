"""The diffusion: images become noise step by step, and noise becomes images.

With a_t the share of an image's variance that is left after step t, a noisy image is
x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e with standard normal noise e, which a model predicts.

Ancestral sampling: Ho et al. 2020, arXiv 2006.11239; learnt variance and hybrid loss: Nichol and Dhariwal 2021, arXiv
2102.09672. Schedule and sampling in few steps are those of `ntgbench.learning.diffusion`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ntgbench.learning.diffusion import Schedule, at, cosine_betas

VARIATIONAL = 0.001
"""Weight of the variational bound, in bits a pixel, in the hybrid loss."""

Model = Callable[[Tensor, Tensor], Tensor]
"""The prediction, float (N, 2, P, P), for images, float (N, 1, P, P), at times, float (N,).

The first channel is the noise; the second is the logarithm of the variance of a step back, from its smallest possible
value at -1 to its largest at 1.
"""

Noise = Callable[[], Tensor]
"""Fresh standard normal noise in the shape of the images."""


class Diffusion(Schedule):
    """The forward process in `steps` steps on a device, and two ways back."""

    def __init__(self, steps: int, device: torch.device | str = "cpu") -> None:
        super().__init__(steps, device)
        beta = cosine_betas(steps)
        after = np.cumprod(1 - beta)
        before = np.concatenate([[1.0], after[:-1]])
        # Variance of x_{t-1} given x_t and x_0. There is none at t = 0, where no noise is added either.
        variance = beta * (1 - before) / (1 - after)
        variance[0] = variance[1]
        self.mean_of_image = self.kept(beta * np.sqrt(before) / (1 - after))
        self.mean_of_state = self.kept((1 - before) * np.sqrt(1 - beta) / (1 - after))
        self.least, self.most = self.kept(np.log(variance)), self.kept(np.log(beta))

    def loss(self, model: Model, images: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """The hybrid loss: squared error of the noise, and the variational bound for the variance alone.

        The bound counts for all times but the first, whose variance is never used.
        """
        state = self.noisy(images, times, noise)
        predicted, place = model(state, times.float()).chunk(2, dim=1)
        error = (predicted - noise).square().mean()
        # KL divergence of the step back, in bits a pixel. The difference of means follows from that of the noises.
        least, share = at(self.least, times, images), (place + 1) / 2
        found = share * at(self.most, times, images) + (1 - share) * least
        scale = at(self.mean_of_image * self.noise / self.signal, times, images)
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

    def few(self, model: Model, noise: Noise, steps: int) -> Tensor:
        """Images by `steps` steps back without noise, see `Schedule.dpm`."""
        return self.dpm(
            lambda state, time: self._image(state, self._predict(model, state, time)[0], time), noise(), steps
        )

    def _predict(self, model: Model, state: Tensor, time: int) -> tuple[Tensor, Tensor]:
        """Predicted noise and place of the variance, each in the shape of `state`, all of it at one time."""
        noise, place = model(state, torch.full((len(state),), float(time), device=state.device)).chunk(2, dim=1)
        return noise, place

    def _image(self, state: Tensor, predicted: Tensor, time: int) -> Tensor:
        """The image that the predicted noise leaves, in the range of images."""
        return ((state - self.noise[time] * predicted) / self.signal[time]).clamp(-1.0, 1.0)
