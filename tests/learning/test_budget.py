"""How much training a budget allows, and that a training which it cuts says so."""

import pytest
import torch
from made_bigram import MAPPING, train

from ntgbench.interfaces import Budget
from ntgbench.learning.recipe import Recipe


@pytest.mark.parametrize(("allowed", "expected"), [(1, 1), (3, 3), (100, 20), (None, 20)])
def test_the_budget_of_epochs_is_kept(allowed, expected) -> None:
    _, trained = train(budget=Budget(epochs=allowed))
    assert len(trained.train_loss) == expected


def test_a_budget_that_is_spent_leaves_the_model_as_it_was(caplog) -> None:
    model, trained = train(budget=Budget(minutes=0.0))
    assert len(trained.train_loss) == 0
    assert (model.embedding.weight == 0).all()
    assert caplog.messages == ["training made 0 of 140 steps by the budget of 0 minutes"]


@pytest.mark.parametrize(
    ("budget", "steps", "message"),
    [
        (Budget(steps=1), 1, "1 of 140 steps by the budget of 1 step"),
        (Budget(steps=14), 14, "14 of 140 steps by the budget of 14 steps"),
        (Budget(steps=1000, epochs=1), 7, "7 of 140 steps by the budget of 1 epoch"),
        (Budget(steps=10, epochs=2), 10, "10 of 140 steps by the budget of 10 steps"),
        (Budget(minutes=1e9, epochs=2), 14, "14 of 140 steps by the budget of 2 epochs"),
        (Budget(steps=140), 140, None),
        (Budget(epochs=20, steps=1000, minutes=1e9), 140, None),
    ],
)
def test_a_training_that_a_budget_cuts_says_so(budget, steps, message, caplog) -> None:
    told = []
    train(budget=budget, progress=lambda *state: told.append(state))
    assert len(told) == steps
    assert caplog.messages == ([] if message is None else [f"training made {message}"])


def test_a_training_that_ends_by_its_patience_was_not_cut(caplog) -> None:
    unlike = torch.tensor([[2, MAPPING.vocabulary - 1, MAPPING.vocabulary - 2, MAPPING.vocabulary - 1, 1, 0]])
    recipe = Recipe(epochs=20, batch=16, learning_rate=0.5, patience=1)
    _, trained = train(recipe, validation=unlike, budget=Budget(epochs=19))
    assert len(trained.validation_loss) < 19
    assert not caplog.messages


def test_a_short_budget_of_time_ends_a_long_training() -> None:
    _, trained = train(Recipe(epochs=10**6, batch=16, learning_rate=0.1), budget=Budget(minutes=0.01))
    assert 1 <= len(trained.train_loss) < 10**6
