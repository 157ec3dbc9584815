"""Likelihoods of heads are those of their closed forms, sum to one, and are what is drawn."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ntgbench_stan.heads import draw_bins, draw_classes, log_mass, mixture
from scipy.stats import norm


@given(
    size=st.integers(1, 300),
    components=st.integers(1, 10),
    seed=st.integers(0, 99),
    spread=st.floats(0, 3),
)
def test_the_probabilities_of_all_bins_sum_to_one(size, components, seed, spread):
    outputs = spread * torch.randn(3 * components, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    mass = log_mass(outputs.expand(size, -1), torch.arange(size), size).exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-4)


@given(mean=st.floats(-2, 2), scale=st.floats(-3, 2), code=st.integers(0, 19))
def test_a_mixture_of_one_component_has_the_mass_of_a_gaussian(mean, scale, code):
    outputs = torch.tensor([0.3, mean, scale], dtype=torch.float64)
    ends = np.array([-np.inf if code == 0 else code / 20, np.inf if code == 19 else (code + 1) / 20])
    low, high = (ends - (mean + 0.5)) / (np.exp(scale) + 0.1 / 20)
    if low + high > 0:
        low, high = -high, -low
    expected = norm.cdf(high) - norm.cdf(low)
    found = log_mass(outputs, torch.tensor(code), 20).exp().item()
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("size", [2, 20, 1461])
@pytest.mark.parametrize("mean", [-50.0, -3.0, 0.0, 40.0])
@pytest.mark.parametrize("scale", [-60.0, -6.0, 0.0, 90.0])
def test_likelihoods_and_gradients_are_finite_whatever_the_network_says(size, mean, scale):
    outputs = torch.tensor([0.1, mean, scale]).expand(size, -1).clone().requires_grad_()
    found = log_mass(outputs, torch.arange(size), size)
    found.sum().backward()
    assert found.isfinite().all()
    assert outputs.grad.isfinite().all()


@pytest.mark.parametrize("size", [1, 7, 40])
def test_bins_are_drawn_as_often_as_the_likelihood_says(size):
    generator = torch.Generator().manual_seed(2)
    outputs = torch.tensor([0.5, -0.5, 0.1, -0.2, -0.3, 0.4]).expand(40_000, -1)
    share, normal = torch.rand(40_000, 1, generator=generator), torch.randn(40_000, generator=generator)
    often = torch.bincount(draw_bins(outputs, size, share, normal), minlength=size) / 40_000
    expected = log_mass(outputs[:size], torch.arange(size), size).exp()
    assert torch.allclose(often, expected, atol=0.012)


def test_classes_are_drawn_with_their_probabilities_and_never_without_one():
    logits = torch.tensor([-torch.inf, 1.0, 0.0, -torch.inf, 2.0, -torch.inf]).expand(10_000, -1)
    share = torch.rand(10_000, 1, generator=torch.Generator().manual_seed(3))
    often = torch.bincount(draw_classes(logits, share), minlength=6) / 10_000
    torch.testing.assert_close(often, torch.softmax(logits[0], 0), atol=0.02, rtol=0)
    ends = draw_classes(logits[:2], torch.tensor([[0.0], [1.0 - 2.0**-24]]))
    assert ends.tolist() == [1, 4]


def test_means_begin_evenly_over_the_range():
    weights, means, deviations = mixture(torch.zeros(12), 100)
    torch.testing.assert_close(means, torch.tensor([0.125, 0.375, 0.625, 0.875]))
    torch.testing.assert_close(weights.exp(), torch.full((4,), 0.25))
    torch.testing.assert_close(deviations, torch.full((4,), 0.25 + 0.1 / 100))
