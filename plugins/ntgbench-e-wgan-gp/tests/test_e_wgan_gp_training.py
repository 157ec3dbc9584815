"""Trainings: seeds, budgets, resumption, and what is learnt."""

import logging

import numpy as np
import pytest
import torch
from ntgbench_e_wgan_gp.generator import EWganGp
from ntgbench_e_wgan_gp.networks import Generator, critic
from ntgbench_e_wgan_gp.parameters import EWganGpParameters
from torch import nn

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.learning import resume
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import TCP, UDP, PacketTrace

TRAIN = example_trace()
TINY = EWganGpParameters(steps=6, hidden=4, batch=8, width=3)


def fitted(train=TRAIN, parameters=TINY, seed=1, **context):
    system = EWganGp(parameters)
    system.fit(train, Context(seed=seed, **context))
    return system


def weights(system):
    return torch.cat([weight.detach().flatten() for weight in system.model.generator.parameters()])


def test_the_seed_decides():
    one, same, other = (weights(fitted(seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 7), ("critic_steps", 1), ("batch", 9), ("learning_rate", 0.01), ("noise", 9)]
)
def test_every_parameter_of_the_training_changes_it(name, value):
    changed = fitted(parameters=EWganGpParameters(**{**vars(TINY), name: value}))
    assert weights(changed).shape != weights(fitted()).shape or not torch.equal(weights(changed), weights(fitted()))


@pytest.mark.parametrize("kill_at", [1, 4, 6])
def test_a_training_that_was_interrupted_ends_with_the_same_weights(tmp_path, kill_at, monkeypatch, caplog):
    class Stopped(Exception):
        pass

    def progress(done, total, note=""):
        if done == kill_at:
            raise Stopped

    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)
    with pytest.raises(Stopped):
        fitted(checkpoint=tmp_path, progress=progress)
    with caplog.at_level(logging.WARNING):
        again = fitted(checkpoint=tmp_path)
    assert f"resumed after step {kill_at - 1}" in caplog.text
    whole = fitted()
    assert torch.equal(weights(again), weights(whole))
    assert again.losses == whole.losses


def test_a_budget_of_epochs_counts_batches(caplog):
    epoch = -(-len(TRAIN) // 8)
    parameters = EWganGpParameters(**{**vars(TINY), "steps": 3 * epoch})
    system = fitted(parameters=parameters, budget=Budget(epochs=1))
    assert caplog.messages == [f"training made {epoch} of {3 * epoch} steps by the budget of 1 epoch"]
    assert system.losses[-1][0] == epoch


def test_a_training_that_diverges_says_so():
    parameters = EWganGpParameters(**{**vars(TINY), "learning_rate": 1e30, "steps": 20})
    with pytest.raises(PluginError, match=r"a loss is not finite at step .* of stage packets"):
        fitted(parameters=parameters)


def test_the_networks_are_those_of_the_authors_of_cascadenet():
    generator, judge = Generator(EWganGpParameters(), 2), critic(EWganGpParameters(), 2)
    sizes = [
        [(one.in_features, one.out_features) for one in network.modules() if isinstance(one, nn.Linear)]
        for network in (generator, judge)
    ]
    assert sizes == [[(10, 128), (128, 128), (128, 128), (128, 63)], [(63, 128), (128, 128), (128, 1)]]
    made = generator(torch.randn(50, 10))
    torch.testing.assert_close(made[:, 60:62].sum(dim=1), torch.ones(50))
    assert ((made[:, 62] > 0) & (made[:, 62] < 1)).all()
    assert judge(made).shape == (50, 1)
    assert judge[1].negative_slope == 0.1


def two_services(count=2000):
    """Packets of a service over UDP at the beginning and of one over TCP, of which there are three times as many."""
    rng = np.random.default_rng(1)
    udp = rng.random(count) < 0.25
    time = np.where(udp, rng.uniform(0, 0.1, count), rng.uniform(0.7, 1, count))
    return PacketTrace.of(
        time_ns=(time * 1e9).astype(np.int64),
        source=np.where(udp, 1, 2),
        destination=np.where(udp, 3, 4),
        source_port=np.where(udp, 50_000, 60_000),
        destination_port=np.where(udp, 53, 443),
        protocol=np.where(udp, UDP, TCP),
        ip_length=np.where(udp, 100, 1500),
        ttl=np.where(udp, 64, 128),
    ).sorted_by_time()


def test_what_belongs_together_is_learnt():
    parameters = EWganGpParameters(steps=500, hidden=32, batch=64, learning_rate=3e-3, critic_steps=5)
    train = two_services()
    made = fitted(train, parameters).sample(4000, train.span_ns, np.random.default_rng(1))
    udp = made.protocol == UDP
    assert udp.mean() == pytest.approx(0.25, abs=0.15)
    of_udp = {"source_port": 50_000, "destination_port": 53, "ip_length": 100, "ttl": 64}
    for name, value in of_udp.items():
        # Of columns that are drawn apart, 0.625 would agree.
        assert ((getattr(made, name) == value) == udp).mean() > 0.8, name
    after = (made.time_ns - train.time_ns[0]) / train.span_ns
    assert after[udp].mean() < 0.3 < 0.6 < after[~udp].mean()
