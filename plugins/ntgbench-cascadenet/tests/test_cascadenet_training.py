"""Trainings that are killed, cut by a budget, or diverge."""

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ntgbench_cascadenet import phases, training
from torch import nn

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.learning import resume, stages
from ntgbench.tracks.headers.example import example_trace

PLAIN = Path(__file__).with_name("plain_cascadenet.py")
_spec = importlib.util.spec_from_file_location("plain_cascadenet", PLAIN)
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

TRACE = example_trace(flows=40)
STEPS = {"g1": 3, "g2": 4, "g3": 2, "joint": 5}


SETTINGS = {"hidden": 6, "noise": 3, "batch": 8, "critic_steps": 2, "ports": "bits"}

# With which a training that goes on has more to remember.
MORE = {"average": 0.5, "falling": True, "balance": 0.5}


def train(steps=STEPS, seed=1, settings=SETTINGS, **context):
    """Losses and networks after a small training with so many steps a phase."""
    layout, batches, cascade = plain.prepared(TRACE, steps_of=steps, **settings)
    return training.fit(cascade, batches, layout, Context(seed=seed, **context)), cascade


def weights(cascade):
    return torch.cat([value.flatten().double() for value in cascade.state_dict().values()])


@pytest.fixture
def _save_at_every_step(monkeypatch):
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)


def test_the_seed_decides():
    whole, again, other = (weights(train(seed=seed)[1]) for seed in (1, 1, 2))
    assert torch.equal(whole, again)
    assert not torch.allclose(whole, other)


KILLED = """
import importlib.util, os, signal, sys
from ntgbench.learning import resume, stages
spec = importlib.util.spec_from_file_location("trainings", sys.argv[1])
trainings = importlib.util.module_from_spec(spec)
spec.loader.exec_module(trainings)
resume.SAVE_EVERY = 0.0

def progress(done, total, note=""):
    if done == 12:
        os.kill(os.getpid(), signal.SIGKILL)

settings = trainings.SETTINGS | trainings.MORE
trainings.train(settings=settings, checkpoint=trainings.Path(sys.argv[2]), progress=progress)
"""


@pytest.fixture(scope="module")
def whole():
    """Losses and weights of a training that was not interrupted."""
    losses, cascade = train(settings=SETTINGS | MORE)
    return losses, weights(cascade)


def test_a_training_that_was_killed_ends_with_the_same_weights(tmp_path, whole, caplog):
    command = [sys.executable, "-c", KILLED, __file__, tmp_path]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    _, cascade = train(settings=SETTINGS | MORE, checkpoint=tmp_path)
    # The step in which it was killed was not saved.
    assert "resumed after step 11" in caplog.text
    torch.testing.assert_close(weights(cascade), whole[1], rtol=0, atol=1e-7)


@pytest.mark.usefixtures("_save_at_every_step")
@pytest.mark.parametrize("kill_at", [1, 3, 4, 9, 14])
def test_losses_are_those_of_a_training_that_was_not_interrupted(tmp_path, kill_at, whole):
    class Stopped(Exception):
        pass

    def progress(done, total, note=""):
        if done == kill_at:
            raise Stopped

    with pytest.raises(Stopped):
        train(settings=SETTINGS | MORE, checkpoint=tmp_path, progress=progress)
    told = []
    context = {"checkpoint": tmp_path, "progress": lambda *state: told.append(state[0])}
    losses, cascade = train(settings=SETTINGS | MORE, **context)
    assert told == [*range(kill_at, 15)]
    assert losses == whole[0]
    assert torch.equal(weights(cascade), whole[1])
    assert len(losses["critic"]) == len(losses["generator"]) == 14


def parameters(networks):
    return torch.cat([weight.detach().flatten() for weight in networks.parameters()])


def test_weights_are_replaced_by_their_average_at_the_end_of_a_phase():
    steps = {"g1": 3, "g2": 2, "joint": 3}
    layout, batches, cascade = plain.prepared(TRACE, steps_of=steps, **SETTINGS, average=0.25)
    generators = {"g1": [cascade.g1], "g2": [cascade.g2], "joint": [cascade.g1, cascade.g2, cascade.g3]}
    means, critics, seen = {}, [], dict.fromkeys(steps, 0)

    def progress(done, total, phase=""):
        for network in generators[phase]:
            before = means[network]
            # Of the weights before training, little is kept: 1/10 at first, then 2/11.
            old = min(0.25, (1 + seen[phase]) / (10 + seen[phase]))
            means[network] = old * before + (1 - old) * parameters(network)
        seen[phase] += 1
        critics.append(parameters(cascade.d2))

    means |= {network: parameters(network) for network in generators["joint"]}
    training.fit(cascade, batches, layout, Context(seed=1, progress=progress))
    assert seen == steps
    for network, mean in means.items():
        torch.testing.assert_close(parameters(network), mean, rtol=1e-5, atol=1e-7)
    assert torch.equal(parameters(cascade.d2), critics[-1])


def test_without_an_average_the_last_weights_stay():
    layout, batches, cascade = plain.prepared(TRACE, steps_of={"g1": 3}, **SETTINGS)
    seen = []
    training.fit(cascade, batches, layout, Context(seed=1, progress=lambda *_: seen.append(weights(cascade))))
    assert torch.equal(weights(cascade), seen[-1])


def test_batch_norm_gets_the_means_and_variances_of_averaged_weights():
    cascade = train({"g1": 3}, settings=SETTINGS | {"average": 0.5, "batch": 40})[1]
    linear, norm = cascade.g1.body[:2]
    assert (norm.num_batches_tracked, norm.momentum) == (phases.NORM_BATCHES, nn.BatchNorm1d(1).momentum)
    # Of noise, N(0, 1), a linear layer makes N(bias, |weights|^2). Before, variances were near 1, where they began.
    rows = phases.NORM_BATCHES * min(40, len(TRACE.flows))
    bias, variance = linear.bias.detach(), (linear.weight.detach() ** 2).sum(1)
    assert (abs(norm.running_mean - bias) < 6 * torch.sqrt(variance / rows)).all()
    assert (abs(norm.running_var / variance - 1) < 6 * (2 / rows) ** 0.5).all()


def test_falling_learning_rates_begin_where_others_stay():
    def g2(steps, falling):
        return parameters(train({"g2": steps}, settings=SETTINGS | {"falling": falling})[1].g2)

    assert torch.equal(g2(1, True), g2(1, False))
    # The second of two steps is half as large.
    first, fallen, level = g2(1, False), g2(2, True), g2(2, False)
    assert 0 < torch.norm(fallen - first) < 0.9 * torch.norm(level - first)


# 40 flows and the trace's packets in batches of 8; a step takes one batch.
FLOWS, PACKETS = len(TRACE.flows) // 8, len(TRACE) // 8


@pytest.mark.parametrize(
    ("wanted", "budget", "made", "message"),
    [
        (STEPS, Budget(steps=14), [3, 4, 2, 5], None),
        (STEPS, Budget(epochs=100, steps=1000, minutes=1e9), [3, 4, 2, 5], None),
        (STEPS, Budget(steps=7), [1, 2, 1, 3], "7 of 14 steps by the budget of 7 steps"),
        (STEPS, Budget(steps=1), [0, 0, 0, 1], "1 of 14 steps by the budget of 1 step"),
        (
            {"g1": FLOWS + 2, "g2": 1, "g3": PACKETS + 3, "joint": 2},
            Budget(epochs=1),
            [FLOWS, 1, PACKETS, 2],
            f"{FLOWS + 3 + PACKETS} of {FLOWS + 8 + PACKETS} steps by the budget of 1 epoch",
        ),
        (
            {"g1": 2 * FLOWS + 8},
            Budget(epochs=2, steps=FLOWS),
            [FLOWS, 0, 0, 0],
            f"{FLOWS} of {2 * FLOWS + 8} steps by the budget of {FLOWS} steps",
        ),
        ({}, Budget(), [0, 0, 0, 0], None),
    ],
)
def test_budgets_cut_phases_and_say_so(wanted, budget, made, message, caplog):
    told = []
    train(wanted, budget=budget, progress=lambda *state: told.append(state[2]))
    assert [told.count(phase) for phase in training.PHASES] == made
    assert caplog.messages == ([] if message is None else [f"training made {message}"])


def test_a_fresh_batch_a_step_of_the_critics_makes_epochs_shorter():
    told = []
    layout, batches, cascade = plain.prepared(
        TRACE, steps_of={"g1": 1000}, hidden=4, batch=8, critic_steps=2, fresh_batch_per_critic_step=True, ports="bits"
    )
    context = Context(seed=1, budget=Budget(epochs=6), progress=lambda *state: told.append(state))
    training.fit(cascade, batches, layout, context)
    assert len(told) == 6 * FLOWS // 3


def test_minutes_are_divided_over_the_phases(monkeypatch, caplog):
    now = 0.0

    def progress(done, total, note=""):
        nonlocal now
        now += 1.0
        told.append(note)

    told = []
    monkeypatch.setattr(stages.time, "monotonic", lambda: now)
    steps = {"g1": 20, "g2": 20, "g3": 0, "joint": 40}
    train(steps, budget=Budget(minutes=8 / 60), progress=progress)
    # A second a step: of 8 s, 2 for each of the first two phases.
    assert told == ["g1"] * 2 + ["g2"] * 2 + ["joint"] * 4
    assert caplog.messages == ["training made 8 of 80 steps by the budget of 0.133333 minutes"]


def test_time_that_was_spent_before_counts(tmp_path, monkeypatch):
    now, told = 0.0, []
    monkeypatch.setattr(stages.time, "monotonic", lambda: now)
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)

    def progress(done, total, note=""):
        nonlocal now
        now += 1.0
        told.append(note)
        if len(told) == 3:
            raise KeyboardInterrupt

    steps = {"g1": 20, "g2": 20}
    with pytest.raises(KeyboardInterrupt):
        train(steps, checkpoint=tmp_path, budget=Budget(minutes=8 / 60), progress=progress)
    train(steps, checkpoint=tmp_path, budget=Budget(minutes=8 / 60), progress=progress)
    # The third step was not saved and is made again.
    assert told == ["g1"] * 5 + ["g2"] * 4


@pytest.mark.parametrize(("phase", "step"), [("g1", 2), ("g2", 1), ("joint", 60)])
def test_a_loss_that_is_not_finite_ends_the_training(phase, step):
    steps = {"g1": 3, "g2": 4, "g3": 2, "joint": 70}
    layout, batches, cascade = plain.prepared(TRACE, steps_of=steps, **(SETTINGS | {"critic_steps": 1}))
    before = sum(list(steps.values())[: list(steps).index(phase)])

    def progress(done, total, note=""):
        if done == before + step - 1:
            broken = cascade.d1 if phase == "joint" else getattr(cascade, phase.replace("g", "d"))
            broken[0].weight.data[0, 0] = np.inf

    with pytest.raises(PluginError, match=rf"not finite at step {step} of stage {phase}; a smaller learning_rate"):
        training.fit(cascade, batches, layout, Context(seed=1, progress=progress))
