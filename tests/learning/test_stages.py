"""Trainings in stages: what a budget leaves of them, that they resume, and what they tell."""

import logging
from dataclasses import replace
from fractions import Fraction
from itertools import count
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.learning import resume, stages
from ntgbench.learning.resume import with_state
from ntgbench.learning.stages import Course, Stage, optimised


class Killed(Exception):
    pass


class Toy:
    """Two networks that are trained one after the other, for 6 and 4 steps, with noise in the losses.

    `calls` has the arguments of all steps, and `told` what progress was told.
    """

    def __init__(self, steps=(6, 4), epoch=2, break_at=None):
        torch.manual_seed(5)
        self.calls, self.told = [], []
        self.networks = [nn.Linear(2, 1) for _ in steps]
        self.optimisers = [torch.optim.Adam(one.parameters(), 0.1) for one in self.networks]
        self.break_at = break_at
        for optimiser in self.optimisers:
            with_state(optimiser)
        self.stages = [
            Stage(name, wanted, epoch, self.step_of(name, place))
            for place, (name, wanted) in enumerate(zip("abc", steps, strict=False))
        ]

    def step_of(self, name, place):
        def step(done, share):
            self.calls.append((name, done, share))
            loss = (self.networks[place](torch.randn(4, 2)) - 1).square().mean()
            self.optimisers[place].zero_grad()
            loss.backward()
            self.optimisers[place].step()
            if (name, done) == self.break_at:
                loss = loss * torch.nan
            return torch.stack([loss.detach(), torch.tensor(float(done))])

        return step

    def tensors(self):
        found = {}
        for place, (network, optimiser) in enumerate(zip(self.networks, self.optimisers, strict=True)):
            found |= {f"{place}.{name}": value for name, value in network.state_dict().items()}
            found |= optimised(f"adam.{place}", optimiser)
        return found

    def train(self, folder=None, kill_at=None, seed=3, identity=None, **budget) -> Course:
        def progress(done, total, note=""):
            self.told.append((done, total, note))
            if done == kill_at:
                raise Killed

        context = Context(seed=seed, checkpoint=folder, progress=progress, budget=Budget(**budget))
        return stages.fit(self.stages, self.tensors(), identity or {}, context)

    def weights(self):
        return torch.cat([value.flatten() for value in self.tensors().values()])

    def counts(self):
        return [sum(name == stage.name for name, *_ in self.calls) for stage in self.stages]


@pytest.fixture
def _save_at_every_step(monkeypatch) -> None:
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)


def test_stages_follow_each_other_and_every_step_is_told() -> None:
    toy = Toy()
    course = toy.train()
    assert toy.calls == [("a", done, done / 6) for done in range(6)] + [("b", done, done / 4) for done in range(4)]
    assert toy.told == [(done + 1, 10, "a" if done < 6 else "b") for done in range(10)]
    assert (course.made, course.step) == (10, 10)


def test_losses_are_kept_at_about_a_hundred_points_and_at_the_end_of_each_stage() -> None:
    course = Toy().train()
    assert [after for after, *_ in course.losses] == [*map(float, range(1, 11))]
    assert [done for *_, done in course.losses] == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]
    long = Toy(steps=(405, 3)).train()
    assert [after for after, *_ in long.losses] == [*map(float, range(4, 405, 4)), 405.0, 408.0]


@pytest.mark.parametrize(
    ("budget", "counts", "bound"),
    [
        ({"epochs": 1}, [2, 2], "1 epoch"),
        ({"epochs": 3}, [6, 4], None),
        ({"epochs": 2}, [4, 4], "2 epochs"),
        ({"steps": 5}, [3, 2], "5 steps"),
        ({"steps": 1}, [0, 1], "1 step"),
        ({"steps": 10}, [6, 4], None),
        ({"steps": 3, "epochs": 1}, [1, 2], "3 steps"),
        ({"steps": 9, "epochs": 1}, [2, 2], "1 epoch"),
        ({"minutes": 0.0}, [0, 0], "0 minutes"),
        ({"minutes": 1e9}, [6, 4], None),
    ],
)
def test_a_budget_cuts_the_stages_and_says_so(budget, counts, bound, caplog) -> None:
    toy = Toy()
    course = toy.train(**budget)
    assert toy.counts() == counts
    assert course.made == sum(counts)
    expected = [f"training made {sum(counts)} of 10 steps by the budget of {bound}"] if bound else []
    assert caplog.messages == expected


def test_minutes_are_divided_over_the_stages_by_their_steps(monkeypatch) -> None:
    toy = Toy(steps=(60, 20))
    # The clock is looked at when the training begins, and before each step.
    monkeypatch.setattr(stages, "time", SimpleNamespace(monotonic=map(float, count()).__next__))
    toy.train(minutes=40 / 60)
    # Of 40 seconds the first stage has 30; each stage ends at a look at the clock.
    assert toy.counts() == [29, 9]


@pytest.mark.usefixtures("_save_at_every_step")
# In the first stage, at its end, at the beginning of the second, in it, and at the end.
@pytest.mark.parametrize("kill_at", [1, 4, 6, 7, 9, 10])
def test_a_killed_training_ends_with_the_same_weights_and_losses(tmp_path, kill_at, caplog) -> None:
    whole = Toy()
    expected = whole.train()
    killed = Toy()
    with pytest.raises(Killed):
        killed.train(tmp_path, kill_at)
    again = Toy()
    with caplog.at_level(logging.WARNING):
        course = again.train(tmp_path)
    # The step in which it was killed was not saved.
    assert f"resumed after step {kill_at - 1}" in caplog.text
    assert killed.calls[:-1] + again.calls == whole.calls
    assert torch.equal(again.weights(), whole.weights())
    assert course.losses == expected.losses
    assert course.made == 10


@pytest.mark.usefixtures("_save_at_every_step")
@pytest.mark.parametrize("other", [{"seed": 4}, {"identity": {"data": "other"}}, {"epochs": 2}])
def test_another_training_begins_anew(tmp_path, other) -> None:
    with pytest.raises(Killed):
        Toy().train(tmp_path, 8)
    toy, whole = Toy(), Toy()
    toy.train(tmp_path, **other)
    whole.train(**other)
    assert toy.calls == whole.calls
    assert torch.equal(toy.weights(), whole.weights())


@pytest.mark.usefixtures("_save_at_every_step")
def test_a_stage_begins_and_finishes_once_also_when_the_training_was_killed_in_it(tmp_path) -> None:
    told = []

    def hooked(stage):
        return replace(
            stage, begin=lambda: told.append(f"begin {stage.name}"), finish=lambda: told.append(f"finish {stage.name}")
        )

    def toy(steps=(3, 4)):
        one = Toy(steps)
        one.stages = [hooked(stage) for stage in one.stages]
        return one

    with pytest.raises(Killed):
        toy().train(tmp_path, 5)
    assert told == ["begin a", "finish a", "begin b"]
    toy().train(tmp_path)
    assert told == ["begin a", "finish a", "begin b", "finish b"]
    told.clear()
    toy((0, 1)).train()
    assert told == ["begin b", "finish b"]


@pytest.mark.parametrize(("epochs", "counts"), [(1, [1, 1]), (2, [3, 3]), (3, [5, 4])])
def test_an_epoch_may_be_a_fraction_of_steps(epochs, counts) -> None:
    toy = Toy(epoch=Fraction(5, 3))
    toy.train(epochs=epochs)
    assert toy.counts() == counts
    few = Toy(epoch=Fraction(1, 3))
    few.train(epochs=1)
    assert few.counts() == [1, 1]


def test_the_seed_decides_and_stages_have_randomness_of_their_own() -> None:
    one, same, other = (Toy() for _ in range(3))
    for toy, seed in ((one, 1), (same, 1), (other, 2)):
        toy.train(seed=seed)
    assert torch.equal(one.weights(), same.weights())
    assert not torch.allclose(one.weights(), other.weights())
    drawn = {}

    def step_of(name):
        def step(done, share):
            drawn[name, done] = torch.randn(1).item()
            return torch.zeros(1)

        return step

    stages.fit([Stage(name, 3, 1, step_of(name)) for name in "ab"], {}, {}, Context(seed=1))
    assert len(set(drawn.values())) == 6


@pytest.mark.parametrize("place", [("a", 0), ("a", 4), ("b", 2)])
def test_a_loss_that_is_not_finite_names_its_stage_and_step(place) -> None:
    stage, done = place
    with pytest.raises(PluginError, match=f"not finite at step {done + 1} of stage {stage}; a smaller learning_rate"):
        Toy(break_at=place).train()


def test_a_loss_that_is_not_finite_is_found_between_the_points() -> None:
    toy = Toy(steps=(10_000,), break_at=("a", 17))
    with pytest.raises(PluginError, match="at step 18 of stage a"):
        toy.train()
    assert len(toy.calls) == stages.CHECK_EVERY


def test_the_state_of_an_optimiser_is_the_same_memory_under_one_name_each() -> None:
    network = nn.Linear(2, 1)
    optimiser = torch.optim.Adam([{"params": [network.weight]}, {"params": [network.bias]}])
    with_state(optimiser)
    found = optimised("one", optimiser)
    keys = ("step", "exp_avg", "exp_avg_sq")
    assert sorted(found) == sorted(f"one.{group}.0.{key}" for group in (0, 1) for key in keys)
    network(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    torch.testing.assert_close(found["one.0.0.exp_avg"], 0.1 * torch.ones(1, 2))
    assert found["one.1.0.step"] == 1
