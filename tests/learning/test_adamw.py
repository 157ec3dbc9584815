"""AdamW is torch's, and clips as torch does."""

from copy import deepcopy

import pytest
import torch

from ntgbench.learning.adamw import BETAS, LARGEST_GRADIENT, AdamW


def loss(model: torch.nn.Module, size: float, step: int) -> torch.Tensor:
    """A loss whose gradient is long or short."""
    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return size * model(x).square().mean()


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.RMSNorm(4), torch.nn.Linear(4, 3)
    ).double()


@pytest.mark.parametrize("size", [0.01, 100.0], ids=["short", "long"])
def test_steps_are_those_of_torch(model, size) -> None:
    theirs = deepcopy(model)
    groups = [
        {"params": [weight for weight in theirs.parameters() if (weight.dim() > 1) == decays], "weight_decay": decay}
        for decays, decay in ((True, 0.1), (False, 0.0))
    ]
    reference, ours = torch.optim.AdamW(groups, betas=BETAS), AdamW(model, weight_decay=0.1)
    clipped = set()
    for step in range(5):
        rate = 0.01 / (1 + step)
        ours.step(loss(model, size, step), rate)
        for group in reference.param_groups:
            group["lr"] = rate
        reference.zero_grad()
        loss(theirs, size, step).backward()
        norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), LARGEST_GRADIENT)
        clipped.add(bool(norm > LARGEST_GRADIENT))
        reference.step()
        torch.testing.assert_close(
            dict(model.named_parameters()), dict(theirs.named_parameters()), rtol=1e-5, atol=1e-6
        )
    assert clipped == {size > 1}


def test_its_state_is_all_that_it_remembers(model) -> None:
    other = deepcopy(model)
    first, second = AdamW(model, weight_decay=0.1), AdamW(other, weight_decay=0.1)
    first.step(loss(model, 1.0, 0), 0.01)
    other.load_state_dict(model.state_dict())
    for name, value in second.state().items():
        value.copy_(first.state()[name])
    for optimiser, trained in ((first, model), (second, other)):
        optimiser.step(loss(trained, 1.0, 1), 0.01)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_weight_that_the_loss_does_not_reach_only_decays(model) -> None:
    before = deepcopy(model)
    AdamW(model, weight_decay=0.5).step(model[0](torch.ones(1, 5).double()).sum(), 0.1)
    torch.testing.assert_close(model[3].weight, 0.95 * before[3].weight)
    torch.testing.assert_close(model[3].bias, before[3].bias)
    assert not torch.equal(model[0].weight, before[0].weight)
