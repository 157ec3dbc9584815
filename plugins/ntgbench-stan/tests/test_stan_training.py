"""What is learnt, budgets, resumption, and models on disk."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_stan import TINY, fitted, ipv4_example, tiny
from ntgbench_stan.generator import Stan
from ntgbench_stan.parameters import StanParameters
from safetensors.torch import load_file

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.learning import resume
from ntgbench.learning.checkpoints import CONFIG_FILE, WEIGHTS_FILE
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import TCP, PacketTrace

TRAIN = example_trace()


def cycle(packets: int) -> PacketTrace:
    """Packets of three flows in turn, each with its own length, and 1 ms, 10 ms and 100 ms before them."""
    kind = np.arange(packets) % 3
    return PacketTrace.of(
        time_ns=10**18 + np.cumsum(10 ** (kind + 6)),
        source=np.array([1, 2, 3])[kind],
        destination=np.array([9, 8, 7])[kind],
        source_port=np.array([50_000, 51_000, 52_000])[kind],
        destination_port=np.full(packets, 443),
        protocol=np.full(packets, TCP),
        ip_length=np.array([40, 600, 1500])[kind],
        ttl=np.array([64, 57, 128])[kind],
        tcp_flags=np.array([2, 16, 24])[kind],
    )


def test_learns_a_sequence_that_is_certain():
    train = cycle(600)
    p = StanParameters(
        window=4, hidden=24, head=16, embedding=6, components=3, bins=200, exact_lengths=2, batch=8,
        chunk=16, steps=150, learning_rate=1e-2, streams=2, cut=0.1,
    )  # fmt: skip
    system = Stan(p)
    system.fit(train, Context(seed=2))
    assert system.losses[-1][1] < 0.3 * system.losses[0][1]
    made = system.sample(300, train.span_ns // 2, np.random.default_rng(1))
    kind = made.source[:, 1].astype(np.int64) & 3
    assert (np.diff(kind) % 3 == 1).mean() > 0.95
    assert len(made.flows) <= 5
    for kind_of, length in ((1, 40), (2, 600), (3, 1500)):
        assert abs(np.median(made.ip_length[kind == kind_of]) - length) < 60
        gaps = np.diff(made.time_ns)[kind[1:] == kind_of]
        assert np.median(gaps) == pytest.approx(10 ** (5 + kind_of), rel=0.5)


def test_links_keep_flows_together_whose_ports_are_drawn_inside_their_buckets():
    train = cycle(300)
    apart, together = (
        fitted(train, links=links, ports="uniform", steps=80, learning_rate=1e-2, batch=8, cut=0.0) for links in (0, 4)
    )
    flows = [len(one.sample(200, 10**9, np.random.default_rng(1)).flows) for one in (apart, together)]
    # All ports but 443 are drawn anew for each packet, or copied from the packet that is linked to.
    assert flows[0] > 150
    assert flows[1] < 50


def test_a_killed_training_ends_with_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)
    whole = fitted(TRAIN, steps=8, links=3)

    class Killed(Exception):
        pass

    def kill(done, *_):
        if done == 5:
            raise Killed

    system = Stan(tiny(steps=8, links=3))
    with pytest.raises(Killed):
        system.fit(TRAIN, Context(seed=1, checkpoint=tmp_path, progress=kill))
    made = []
    system.fit(TRAIN, Context(seed=1, checkpoint=tmp_path, progress=lambda done, *_: made.append(done)))
    assert made == [5, 6, 7, 8]
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(weight, system.network.state_dict()[name])


@pytest.mark.parametrize(("budget", "made"), [(Budget(steps=2), 2), (Budget(epochs=1), 5), (Budget(), 9)])
def test_a_budget_cuts_the_training(budget, made):
    train, done = TRAIN.select(np.arange(90)), []
    system = Stan(tiny(steps=9))
    system.fit(train, Context(seed=1, budget=budget, progress=lambda step, *_: done.append(step)))
    assert done[-1] == made == system.losses[-1][0]


def test_other_seeds_learn_other_weights_and_draw_other_packets():
    one, other = fitted(TRAIN), fitted(TRAIN, seed=2)
    assert not torch.equal(one.network.enter.weight, other.network.enter.weight)
    first, second = (one.sample(50, 10**9, np.random.default_rng(seed)).digest() for seed in (1, 2))
    assert first != second


def test_streams_come_one_after_the_other():
    system = fitted(cycle(60), links=3)
    for streams in (1, 7, 1000):
        system.parameters = replace(system.parameters, streams=streams)
        made = system.sample(100, 10**9, np.random.default_rng(1))
        assert len(made) == 100


@pytest.mark.parametrize("changes", [{}, {"links": 6}, {"ports": "uniform"}, {"exact_lengths": 0}])
def test_a_loaded_model_makes_the_same_trace(changes, tmp_path):
    for train in (TRAIN, ipv4_example()):
        system, own = fitted(train, **changes), Stan(tiny(**changes))
        system.save(tmp_path)
        own.load(tmp_path)
        made, again = (one.sample(70, 10**9, np.random.default_rng(5)).digest() for one in (system, own))
        assert made == again


def test_files_hold_no_row_of_the_training_trace(tmp_path):
    fitted(TRAIN, links=3).save(tmp_path)
    assert not [name for name, tensor in load_file(tmp_path / WEIGHTS_FILE).items() if len(TRAIN) in tensor.shape]


@pytest.mark.parametrize(
    "changes", [{"hidden": 9}, {"window": 8}, {"links": 2}, {"components": 3}, {"embedding": 4}, {"head": 6}]
)
def test_models_of_other_parameters_are_refused(changes, tmp_path):
    fitted(TRAIN).save(tmp_path)
    with pytest.raises(PluginError, match="holds a model of other parameters"):
        Stan(tiny(**changes)).load(tmp_path)


@pytest.mark.parametrize(
    ("settings", "values", "message"),
    [
        ({"start_ns": 2**62 + 1}, {}, "start_ns must be at most"),
        ({"longest": 45.0}, {}, "longest must be at most"),
        ({"lengths": [1500, 40]}, {}, "lengths go up"),
        ({"lengths": [40]}, {}, "lengths must have at least 2"),
        ({"port_count": [1]}, {}, "each port has a count"),
        ({"port_count": [0]}, {}, "must be at least 1"),
        ({"more": 1}, {}, "unknown key"),
        ({}, {"more": [1]}, "there are values of each column"),
        ({}, {"ttl": []}, "columns have values"),
        ({}, {"ttl": [64, 57]}, "values go up"),
        ({}, {"ttl": [57, 256]}, "values fit their columns"),
        ({}, {"protocol": [6, 16]}, "protocols are 6 and 17"),
        ({}, {"version": [4, 5]}, "versions are 4 and 6"),
        ({}, {"octet10": [0, 1]}, "IPv4 addresses can be written"),
        ({}, {"length": [40, 50, 60, 70]}, "as many as wanted"),
        ({}, {"length": [1]}, "frequent lengths are lengths"),
        ({}, {"ttl": [1, 2, 3, 4, 5]}, "holds a model of other parameters"),
    ],
)
def test_damaged_settings_are_refused(settings, values, message, tmp_path):
    fitted(TRAIN).save(tmp_path)
    path = tmp_path / CONFIG_FILE
    head = json.loads(path.read_text())
    own = head["ntgbench"]["settings"]
    own |= {"values": own["values"] | values} | settings
    path.write_text(json.dumps(head))
    with pytest.raises(PluginError, match=message):
        Stan(tiny()).load(tmp_path)


def test_every_size_is_a_parameter():
    assert set(TINY) < set(StanParameters.__dataclass_fields__)
