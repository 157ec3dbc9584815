"""A training that was killed resumes and ends with the same weights."""

import logging

import numpy as np
import pytest
import torch
from torch import nn

from ntgbench.interfaces import Budget, Context
from ntgbench.learning import resume, training
from ntgbench.learning.recipe import Recipe

RECIPE = Recipe(epochs=4, batch=8, learning_rate=0.05, average=0.9)
ROWS = torch.from_numpy(np.random.default_rng(1).normal(size=(60, 3)).astype(np.float32))


class Killed(Exception):
    pass


def train(folder, recipe: Recipe = RECIPE, kill_at: int | None = None, budget: Budget | None = None):
    torch.manual_seed(7)
    model = nn.Linear(2, 1)
    calls = 0

    def loss(rows):
        # With noise, so that the random state matters.
        found = model(rows[:, :2] + 0.1 * torch.randn(len(rows), 2))
        return ((found[:, 0] - rows[:, 2]) ** 2).mean(), len(rows)

    def progress(*_) -> None:
        nonlocal calls
        calls += 1
        if calls == kill_at:
            raise Killed

    context = Context(seed=3, checkpoint=folder, progress=progress, budget=budget or Budget())
    at = training.fit(model, loss, ROWS[:40], ROWS[40:], recipe, context)
    return model, (at.train_loss, at.validation_loss), calls


@pytest.fixture(autouse=True)
def _save_at_every_step(monkeypatch) -> None:
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)


# 5 steps an epoch: in the middle of the first, at the end of one, and in the last.
@pytest.mark.parametrize("kill_at", [1, 3, 5, 6, 10, 19, 20])
def test_a_killed_training_ends_with_the_same_weights(tmp_path, kill_at, caplog) -> None:
    whole, expected, steps = train(None)
    assert steps == 20
    with pytest.raises(Killed):
        train(tmp_path, kill_at=kill_at)
    with caplog.at_level(logging.WARNING):
        again, losses, rest = train(tmp_path)
    # The step in which it was killed was not saved.
    assert rest == 20 - kill_at + 1
    assert f"resumed after step {kill_at - 1}" in caplog.text
    assert losses == expected
    assert torch.equal(again.weight, whole.weight)
    assert torch.equal(again.bias, whole.bias)


@pytest.mark.parametrize("other", [{"learning_rate": 0.01}, {"batch": 4}, {"epochs": 5}, {"average": 0.0}])
def test_another_training_begins_anew(tmp_path, other) -> None:
    with pytest.raises(Killed):
        train(tmp_path, kill_at=9)
    recipe = Recipe(**{**vars(RECIPE), **other})
    assert train(tmp_path, recipe)[1] == train(None, recipe)[1]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_file_is_as_none(tmp_path, share) -> None:
    with pytest.raises(Killed):
        train(tmp_path, kill_at=9)
    path = tmp_path / resume.FILE
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert train(tmp_path)[2] == 20


def test_the_time_spent_before_counts(tmp_path) -> None:
    minutes = Budget(minutes=1e9)
    with pytest.raises(Killed):
        train(tmp_path, kill_at=9, budget=minutes)
    path = tmp_path / resume.FILE
    head, tensors = read(path)
    head["position"] = head["position"].replace('"seconds": ', '"seconds": 9')
    from safetensors.torch import save_file

    save_file(tensors, path, head)
    # The budget was spent before.
    assert train(tmp_path, budget=Budget(minutes=0.1))[2] == 0


def read(path):
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
