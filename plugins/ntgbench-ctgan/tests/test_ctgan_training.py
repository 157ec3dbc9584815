"""Trainings: known truth is learnt, conditions are obeyed, and what was killed ends the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ntgbench_ctgan import training
from ntgbench_ctgan.columns import Mixtures, discrete, mixed
from ntgbench_ctgan.parameters import CtganParameters
from ntgbench_ctgan.sampling import sample
from ntgbench_ctgan.table import Rows, Table

from ntgbench.interfaces import Budget, Context
from ntgbench.learning import resume

KIND_SHARE = (0.7, 0.25, 0.05)
SMALL = CtganParameters(steps=350, batch=100, pac=5, hidden=64, noise=16, learning_rate=2e-3)
TINY = CtganParameters(steps=9, batch=20, pac=5, hidden=8, noise=4, critic_steps=2)


def example(count=2_000):
    """A kind of three, and a number that is about 10 times it."""
    rng = np.random.default_rng(1)
    kind = rng.choice(3, count, p=KIND_SHARE)
    parts = [
        discrete(kind.astype(float)),
        mixed(rng.normal(10.0 * kind, 0.5), Mixtures(6, 2_000), 0, rng),
        discrete(np.full(count, 7.0)),
    ]
    return Table(tuple(part[0] for part in parts), (0, 2)), Rows.of([part[1:] for part in parts])


@pytest.fixture(scope="module")
def learnt():
    table, rows = example()
    return training.fit(table, rows, SMALL, Context(seed=1))[0]


def test_frequencies_and_what_depends_on_them_are_learnt(learnt):
    made = sample(learnt, 4_000, np.random.default_rng(2))
    kind, number, constant = learnt.table.decode(made)
    assert np.bincount(kind.astype(int), minlength=3) / 4_000 == pytest.approx(KIND_SHARE, abs=0.12)
    assert (np.abs(number - 10 * kind) < 3).mean() > 0.8
    assert (constant == 7.0).all()


def test_conditions_are_obeyed(learnt):
    asked = np.arange(3_000) % 3
    made = sample(learnt, 3_000, np.random.default_rng(2), asked)
    for kind in range(3):
        assert (made.choice[asked == kind, 0] == kind).mean() > 0.85


def test_a_sample_follows_from_its_generator_alone(learnt):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, two, other = (sample(learnt, 50, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert torch.equal(state, torch.get_rng_state())
    assert (one.choice == two.choice).all()
    assert (one.place == two.place).all()
    assert (one.place != other.place).any()
    assert not one.place[:, [0, 2]].any()


def weights(generator):
    return torch.cat([value.flatten().double() for value in generator.state_dict().values()])


class Killed(BaseException):
    """In place of a signal, so that the test goes on."""


def test_a_training_that_was_killed_ends_with_the_same_weights(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)
    table, rows = example(200)
    whole, course = training.fit(table, rows, TINY, Context(seed=1))

    def progress(done, total, note=""):
        if done == 6:
            raise Killed

    with pytest.raises(Killed):
        training.fit(table, rows, TINY, Context(seed=1, checkpoint=tmp_path, progress=progress))
    resumed, rest = training.fit(table, rows, TINY, Context(seed=1, checkpoint=tmp_path))
    assert "resumed after step 5" in caplog.text
    assert torch.equal(weights(whole), weights(resumed))
    assert course.losses == rest.losses
    assert not torch.equal(weights(whole), weights(training.fit(table, rows, TINY, Context(seed=2))[0]))


def test_a_budget_cuts_the_training():
    table, rows = example(200)
    for budget, made in ((Budget(steps=4), 4), (Budget(epochs=1), 5), (Budget(), 9)):
        assert training.fit(table, rows, TINY, Context(seed=1, budget=budget))[1].made == made
    table, rows = example(60)
    for critic_steps, made in ((1, 3), (2, 1), (4, 1)):
        parameters = replace(TINY, critic_steps=critic_steps)
        assert training.fit(table, rows, parameters, Context(seed=1, budget=Budget(epochs=1)))[1].made == made


@pytest.mark.parametrize(
    "change",
    [
        {"dropout": 0.0},
        {"temperature": 1.0},
        {"weight_decay": 0.1},
        {"beta1": 0.0},
        {"beta2": 0.5},
        {"critic_steps": 1},
        {"learning_rate": 1e-2},
        {"pac": 10},
        {"batch": 40},
        {"steps": 8},
    ],
    ids=str,
)
def test_each_parameter_of_the_training_counts(change):
    table, rows = example(100)
    usual, other = (weights(training.fit(table, rows, p, Context(seed=1))[0]) for p in (TINY, replace(TINY, **change)))
    assert not torch.allclose(usual, other)
