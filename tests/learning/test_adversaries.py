"""Losses of Wasserstein GANs in closed form, and where their gradients go."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ntgbench.learning.adversaries import PENALTY, critic_loss, generator_loss, penalty

WEIGHT = torch.tensor([3.0, -4.0, 12.0])  # of length 13


def linear(rows):
    return rows @ WEIGHT


def rows(*values):
    return torch.tensor(values, dtype=torch.float32)


REAL = rows([1, 0, 0], [0, 1, 0])
FAKE = rows([0, 0, 1], [1, 1, 1])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=6), st.integers(1, 9), st.booleans())
def test_the_penalty_of_a_linear_critic_is_that_of_its_slope(weight, count, column) -> None:
    slope = torch.tensor(weight)

    def critic(x):
        scores = x @ slope
        return scores[:, None] if column else scores

    found = penalty(critic, torch.randn(count, len(weight)), torch.randn(count, len(weight)))
    length = math.sqrt(sum(one**2 for one in weight))
    assert found.item() == pytest.approx((length - 1) ** 2, rel=1e-4, abs=1e-5)


def test_the_penalty_is_that_of_each_row_and_not_of_the_batch() -> None:
    real = torch.randn(100, 3)
    assert penalty(lambda x: x[:, 0], real, real + 1).item() == pytest.approx(0, abs=1e-10)


def test_rows_with_more_axes_count_whole() -> None:
    # The slope is 1 in each of 2 x 3 numbers.
    found = penalty(lambda x: x.sum(dim=(1, 2)), torch.randn(5, 2, 3), torch.randn(5, 2, 3))
    assert found.item() == pytest.approx((math.sqrt(6) - 1) ** 2, rel=1e-5)


def test_a_mixed_row_lies_between_its_two_rows_in_one_proportion() -> None:
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum(dim=1)

    real, fake = torch.randn(500, 4, dtype=torch.float64), torch.randn(500, 4, dtype=torch.float64)
    penalty(critic, real.float(), fake.float())
    (mixed,) = seen
    share = (mixed.double() - fake) / (real - fake)
    # Where the two rows are far enough apart for a share to be told.
    share = torch.where((real - fake).abs() > 0.1, share, torch.nan)
    assert (share.nan_to_num(0.5) > -1e-4).all()
    assert (share.nan_to_num(0.5) < 1 + 1e-4).all()
    mean = share.nanmean(dim=1)
    assert ((share - mean[:, None]).abs().nan_to_num(0) < 1e-3).all()
    # Shares are uniform: mean 1/2, variance 1/12.
    known = mean[~mean.isnan()]
    assert known.mean().item() == pytest.approx(0.5, abs=0.06)
    assert known.var().item() == pytest.approx(1 / 12, abs=0.02)


def test_the_losses_of_a_linear_critic_by_hand() -> None:
    # Scores of the real rows are 3 and -4, of the others 12 and 11; the slope is 13.
    assert PENALTY == 10
    assert critic_loss(linear, REAL, FAKE).item() == pytest.approx(11.5 - -0.5 + 10 * 144)
    assert generator_loss(linear, FAKE).item() == pytest.approx(-11.5)


def test_the_critic_alone_learns_from_its_loss() -> None:
    generator, critic = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(), nn.Linear(4, 1))
    critic_loss(critic, REAL, generator(torch.ones(2, 2))).backward()
    assert all(weight.grad is None for weight in generator.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in (critic[0].weight, critic[2].weight))


def test_the_slope_of_the_penalty_is_that_of_its_closed_form() -> None:
    weight = WEIGHT.clone().requires_grad_()
    penalty(lambda x: x @ weight, REAL, FAKE).backward()
    # d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w|
    torch.testing.assert_close(weight.grad, 2 * 12 / 13 * WEIGHT)


def test_the_generator_learns_from_its_loss() -> None:
    generator = nn.Linear(2, 3)
    generator_loss(linear, generator(torch.ones(4, 2))).backward()
    torch.testing.assert_close(generator.bias.grad, -WEIGHT)
