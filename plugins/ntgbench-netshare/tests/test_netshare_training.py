"""Chunks learn one after the other, also when the training is killed or cut."""

import numpy as np
import pytest
import torch
from made_netshare import flows, numbers, tiny
from ntgbench_netshare.training import Training

from ntgbench.interfaces import Budget, Context
from ntgbench.learning import resume
from ntgbench.tracks.headers.example import example_trace

TRAIN = example_trace()

STEPS = {"steps": 3, "later_steps": 3, "longest": 40}


def trained(train=TRAIN, settings=STEPS, seed=1, **context):
    """A training that has ended, and the layout of its trace."""
    layout, parts = numbers(train, **settings)
    context = Context(seed=seed, **context)
    training = Training(layout, parts, tiny(**settings), context)
    training.losses = training.fit(context)
    return training


def weights(training, k):
    return torch.cat([value.flatten().double() for value in training.kept[k].values()])


@pytest.fixture(scope="module")
def whole():
    """A training that was not interrupted."""
    return trained()


def test_the_seed_decides(whole):
    again, other = trained(), trained(seed=2)
    assert all(torch.equal(weights(whole, k), weights(again, k)) for k in range(4))
    assert not torch.allclose(weights(whole, 0), weights(other, 0))


class Stopped(Exception):
    pass


# The chunk with the most flows learns in steps 1 to 3, the others after it; 5 is inside the second, 7 begins the third.
@pytest.mark.parametrize("kill_at", [2, 5, 7])
def test_a_training_that_was_stopped_ends_with_the_same_weights(kill_at, whole, tmp_path, monkeypatch, caplog):
    def progress(done, total, note=""):
        if done == kill_at:
            raise Stopped

    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)
    with pytest.raises(Stopped):
        trained(checkpoint=tmp_path, progress=progress)
    resumed = trained(checkpoint=tmp_path)
    # The step in which it was stopped was not saved.
    assert f"resumed after step {kill_at - 1}" in caplog.text
    assert all(torch.equal(weights(whole, k), weights(resumed, k)) for k in range(4))
    assert resumed.losses == whole.losses


def test_chunks_learn_in_order_from_the_one_with_the_most_flows():
    told = []
    training = trained(progress=lambda *state: told.append(state[2]))
    flows_of = [len(training.rows[k]) for k in range(4)]
    first = int(np.argmax(flows_of))
    assert list(dict.fromkeys(told)) == [f"chunk {k}" for k in (first, *(set(range(4)) - {first}))]
    assert training.made.tolist() == [3] * 4


def test_a_later_chunk_starts_from_the_weights_of_the_first():
    still = trained(settings=STEPS | {"later_steps": 1, "learning_rate": 1e-30})
    moved = trained(settings=STEPS | {"later_steps": 1})
    for training, near in ((still, 1e-29), (moved, 2e-3)):
        first = training.first
        own = dict(training.generator.named_parameters())
        for k in set(range(4)) - {first}:
            for name in own:
                distance = (training.kept[k][name] - training.kept[first][name]).abs().max()
                # A first step of Adam changes no weight by more than the learning rate.
                assert distance <= near
    assert not torch.equal(weights(moved, 0), weights(moved, 1))


@pytest.mark.parametrize(
    ("budget", "made", "message"),
    [
        (Budget(steps=12), [3, 3, 3, 3], None),
        (Budget(steps=4), [1, 1, 1, 1], "4 of 12 steps by the budget of 4 steps"),
        (Budget(steps=1), [0, 0, 0, 1], "1 of 12 steps by the budget of 1 step"),
        (Budget(epochs=1), None, "by the budget of 1 epoch"),
    ],
)
def test_budgets_cut_chunks_and_say_so(budget, made, message, caplog):
    training = trained(budget=budget)
    if made is not None:
        assert training.made.tolist() == made
    assert (message is None) == (not caplog.messages)
    assert message is None or message in caplog.text


def test_a_chunk_without_steps_has_the_weights_of_the_first():
    training = trained(settings=STEPS | {"later_steps": 0})
    assert training.made.sum() == 3
    assert all(torch.equal(weights(training, k), weights(training, training.first)) for k in range(4))


def test_one_flow_comes_twice_and_empty_chunks_have_no_networks():
    training = trained(flows({1000: [0], 1001: [900], 1002: [905]}))
    assert sorted(training.kept) == sorted(training.rows) == [0, 3]
    assert training.made.tolist() == [3, 0, 0, 3]


def test_what_all_packets_have_is_learnt():
    # All flows have three packets of one length and TTL.
    train = flows({1000 + n: [n, n + 5, n + 10] for n in range(64)})
    settings = {
        "chunks": 1, "hidden": 16, "lstm": 16, "batch": 32, "critic_steps": 2, "steps": 80, "learning_rate": 5e-3,
        "longest": 6, "fields": "type",
    }  # fmt: skip
    training = trained(train, settings)
    network = training.generators(numbers(train, **settings)[0])[0]
    torch.manual_seed(1)
    with torch.no_grad():
        features = network.features(network.chosen(network.attributes(200)))
    there = features.abs().sum(2) > 0
    assert abs(there.sum(1).float().mean() - 3) < 0.8
    ttl = features[..., -3][there]
    assert abs(ttl.mean() - 64 / 255) < 0.08
