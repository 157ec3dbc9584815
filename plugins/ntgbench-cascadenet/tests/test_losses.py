"""Losses of critics whose gradient is known."""

import pytest
import torch
from ntgbench_cascadenet.losses import Pair, critic_loss, generator_loss
from torch import nn


class Half(nn.Module):
    """Half the square of each number: its gradient is the number."""

    def forward(self, numbers):
        return (numbers**2 / 2).sum(1, keepdim=True)


def linear(weights):
    layer = nn.Linear(len(weights), 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights]))
        layer.bias.fill_(7.0)
    return nn.Sequential(layer)


@pytest.mark.parametrize(("given", "norm"), [(0, 13.0), (1, 12.649110640673518), (2, 12.0)])
def test_a_linear_critic_has_the_norm_of_its_weights_for_what_is_judged(given, norm):
    real, fake = torch.rand(5, 3), torch.rand(5, 3)
    fake[:, :given] = real[:, :given]
    critic = linear([3.0, 4.0, 12.0])
    pair = Pair(critic, real[:, :given], real[:, given:], fake[:, given:])
    expected = critic(fake).mean() - critic(real).mean() + 10 * (norm - 1) ** 2
    assert critic_loss(pair).item() == pytest.approx(expected.item(), rel=1e-5)
    assert generator_loss(pair).item() == pytest.approx(-critic(fake).mean().item(), rel=1e-5)


def test_rows_are_mixed_in_one_proportion_each():
    # D(x) = |x|^2 / 2, so that the gradient is the mixed row itself: what it weighs follows from its norm.
    first = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.eye(2))
    real, fake = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    torch.manual_seed(1)
    share = torch.rand(1, 1).item()
    torch.manual_seed(1)
    loss = critic_loss(Pair(nn.Sequential(first, Half()), torch.zeros(1, 0), real, fake)).item()
    norm = ((3 * share) ** 2 + (4 * (1 - share)) ** 2) ** 0.5
    assert 0.05 < share < 0.95
    assert loss == pytest.approx(8 - 4.5 + 10 * (norm - 1) ** 2, rel=1e-5)


def test_the_critics_loss_does_not_reach_the_generator():
    fake = torch.rand(5, 3, requires_grad=True)
    pair = Pair(linear([1.0, 2.0, 3.0]), torch.zeros(5, 0), torch.rand(5, 3), fake)
    critic_loss(pair).backward()
    assert fake.grad is None
    generator_loss(pair).backward()
    torch.testing.assert_close(fake.grad, -torch.tensor([1.0, 2.0, 3.0]).expand(5, 3) / 5)
