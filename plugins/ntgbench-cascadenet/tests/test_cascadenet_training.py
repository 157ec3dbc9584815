"""Trainings that are killed, cut by a budget, or diverge."""

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ntgbench_cascadenet import training
from safetensors.torch import load_file

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.learning import resume
from ntgbench.tracks.headers.example import example_trace

PLAIN = Path(__file__).with_name("plain_cascadenet.py")
_spec = importlib.util.spec_from_file_location("plain_cascadenet", PLAIN)
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

TRACE = example_trace(flows=40)
STEPS = {"g1": 3, "g2": 4, "g3": 2, "joint": 5}


def train(steps=STEPS, seed=1, trace=TRACE, **context):
    """Losses and networks after a small training with so many steps a phase."""
    settings = {"hidden": 6, "noise": 3, "batch": 8, "critic_steps": 2, "ports": "bits"}
    layout, batches, cascade = plain.prepared(trace, steps_of=steps, **settings)
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
from ntgbench.learning import resume
from safetensors.torch import save_file
spec = importlib.util.spec_from_file_location("trainings", sys.argv[1])
trainings = importlib.util.module_from_spec(spec)
spec.loader.exec_module(trainings)
resume.SAVE_EVERY = 0.0
folder, at = trainings.Path(sys.argv[2]), int(sys.argv[3])

def progress(done, total, note=""):
    if done == at:
        os.kill(os.getpid(), signal.SIGKILL)

if at:
    trainings.train(checkpoint=folder, progress=progress)
else:
    losses, cascade = trainings.train(checkpoint=folder)
    save_file({"weights": trainings.weights(cascade)}, folder / "weights")
"""


def test_a_training_that_was_killed_ends_with_the_same_weights(tmp_path):
    def run(kill_at):
        command = [sys.executable, "-c", KILLED, __file__, tmp_path, str(kill_at)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run(12).returncode == -signal.SIGKILL
    last = run(0)
    assert last.returncode == 0, last.stderr
    # The step in which it was killed was not saved.
    assert "resumed after step 11" in last.stderr
    torch.testing.assert_close(load_file(tmp_path / "weights")["weights"], weights(train()[1]), rtol=0, atol=1e-7)


@pytest.mark.usefixtures("_save_at_every_step")
@pytest.mark.parametrize("kill_at", [1, 3, 4, 8, 9, 10, 14])
def test_losses_are_those_of_a_training_that_was_not_interrupted(tmp_path, kill_at):
    class Stopped(Exception):
        pass

    def progress(done, total, note=""):
        if done == kill_at:
            raise Stopped

    with pytest.raises(Stopped):
        train(checkpoint=tmp_path, progress=progress)
    told = []
    losses, cascade = train(checkpoint=tmp_path, progress=lambda *state: told.append(state[0]))
    expected, whole = train()
    assert told == [*range(kill_at, 15)]
    assert losses == expected
    assert torch.equal(weights(cascade), weights(whole))
    assert len(losses["critic"]) == len(losses["generator"]) == 14


# 40 flows and the trace's packets in batches of 8; a step takes one batch.
FLOWS, PACKETS = len(TRACE.flows) // 8, len(TRACE) // 8


@pytest.mark.parametrize(
    ("wanted", "budget", "phases", "message"),
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
def test_budgets_cut_phases_and_say_so(wanted, budget, phases, message, caplog):
    told = []
    train(wanted, budget=budget, progress=lambda *state: told.append(state[2]))
    assert [told.count(phase) for phase in training.PHASES] == phases
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
    monkeypatch.setattr(training.time, "monotonic", lambda: now)
    steps = {"g1": 20, "g2": 20, "g3": 0, "joint": 40}
    train(steps, budget=Budget(minutes=8 / 60), progress=progress)
    # A second a step: of 8 s, 2 for each of the first two phases.
    assert told == ["g1"] * 2 + ["g2"] * 2 + ["joint"] * 4
    assert caplog.messages == ["training made 8 of 80 steps by the budget of 0.133333 minutes"]


def test_time_that_was_spent_before_counts(tmp_path, monkeypatch):
    now, told = 0.0, []
    monkeypatch.setattr(training.time, "monotonic", lambda: now)
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
    settings = {"hidden": 6, "noise": 3, "batch": 8, "critic_steps": 1, "ports": "bits"}
    layout, batches, cascade = plain.prepared(TRACE, steps_of=steps, **settings)
    before = sum(list(steps.values())[: list(steps).index(phase)])

    def progress(done, total, note=""):
        if done == before + step - 1:
            broken = cascade.d1 if phase == "joint" else getattr(cascade, phase.replace("g", "d"))
            broken[0].weight.data[0, 0] = np.inf

    with pytest.raises(PluginError, match=rf"not finite at step {step} of phase {phase}; a smaller learning_rate"):
        training.fit(cascade, batches, layout, Context(seed=1, progress=progress))
