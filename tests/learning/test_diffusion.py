"""The schedule of noise and sampling in few steps, in closed form."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from ntgbench.learning.diffusion import LARGEST_BETA, OFFSET, Schedule, at, cosine_betas


def test_the_schedule_is_the_cosine():
    betas = cosine_betas(100)
    share = np.cos((np.arange(101) / 100 + OFFSET) / (1 + OFFSET) * np.pi / 2) ** 2
    np.testing.assert_allclose(np.cumprod(1 - betas)[:-1], share[1:-1] / share[0])
    assert betas[-1] == LARGEST_BETA
    schedule = Schedule(100)
    torch.testing.assert_close(schedule.signal.square() + schedule.noise.square(), torch.ones(100))
    np.testing.assert_allclose(schedule.signal.square(), np.cumprod(1 - betas), rtol=1e-5)


def test_each_image_gets_the_noise_of_its_time():
    schedule, images, noise = Schedule(10), torch.ones(3, 2, 2), torch.full((3, 2, 2), 2.0)
    times = torch.tensor([0, 4, 9])
    found = schedule.noisy(images, times, noise)
    for one, time in zip(found, times, strict=True):
        torch.testing.assert_close(one, (schedule.signal[time] + 2 * schedule.noise[time]).expand(2, 2))
    assert at(schedule.signal, times, images).shape == (3, 1, 1)


@pytest.mark.parametrize("steps", [1, 2, 5, 50])
def test_an_image_that_is_known_is_found_in_any_number_of_steps(steps):
    seen = []

    def image(state, time):
        seen.append(time)
        return torch.full_like(state, 0.3)

    drawn = Schedule(50).dpm(image, torch.randn(4, 3), steps)
    torch.testing.assert_close(drawn, torch.full((4, 3), 0.3))
    assert seen == np.linspace(49, 0, steps).round().astype(int).tolist()


def test_steps_are_those_of_ddim_while_the_image_seen_stays():
    schedule, states = Schedule(40), []

    def image(state, time):
        states.append((state, time))
        return torch.full_like(state, -0.5)

    schedule.dpm(image, torch.randn(6), 4)
    for (before, s), (after, t) in pairwise(states):
        noise = (before + 0.5 * schedule.signal[s]) / schedule.noise[s]
        torch.testing.assert_close(after, -0.5 * schedule.signal[t] + schedule.noise[t] * noise)


def test_many_steps_end_in_the_distribution_of_the_images():
    # For pixels N(m, d^2) the image that is seen best is the mean given x.
    schedule, mean, deviation = Schedule(200), 0.2, 0.4

    def image(state, time):
        signal, noise = schedule.signal[time], schedule.noise[time]
        return mean + signal * deviation**2 / ((signal * deviation) ** 2 + noise**2) * (state - signal * mean)

    drawn = schedule.dpm(image, torch.randn(20_000, generator=torch.Generator().manual_seed(1)), 100)
    assert drawn.mean().item() == pytest.approx(mean, abs=0.01)
    assert drawn.std().item() == pytest.approx(deviation, rel=0.03)
