"""The system: its contract, its training, its files, and that it learns."""

import json
import logging
from dataclasses import replace

import made_traces
import numpy as np
import pytest
import torch
from ntgbench_netdiffusion import generator as module
from ntgbench_netdiffusion.generator import NetDiffusion
from ntgbench_netdiffusion.images import Flows, Layout
from ntgbench_netdiffusion.network import Cascade, posterior
from ntgbench_netdiffusion.nprint import WIDTH
from ntgbench_netdiffusion.parameters import NetDiffusionParameters
from ntgbench_netdiffusion.training import known
from ntgbench_trace_records.validity import valid_packets, valid_tcp_flows

from ntgbench.errors import NtgbenchError, PluginError
from ntgbench.interfaces import Context
from ntgbench.learning import resume
from ntgbench.plugins import registry
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import ACK, SYN, TCP, PacketTrace
from ntgbench.values import convert

TINY = {
    "rows": 4, "width": 8, "blocks": 1, "flow_steps": 2, "flow_batch": 16, "steps": 2, "noise_steps": 10,
    "sampling_steps": 3, "batch": 16,
}  # fmt: skip
SMALL = ",".join(f"{name}={value}" for name, value in TINY.items())
TRAIN = example_trace()


def fitted(train=TRAIN, seed=1, context=None, **changes):
    system = NetDiffusion(NetDiffusionParameters(**TINY | changes))
    system.fit(train, Context(seed=seed, **(context or {})))
    return system


def weights(system):
    return torch.cat([weight.flatten() for weight in system.model.network.state_dict().values()])


@pytest.mark.parametrize("check", system_checks(f"netdiffusion-small[{SMALL}]", track="headers"), ids=str)
def test_keeps_the_contract(check):
    check()


def over_ipv6():
    """The example with the addresses of all packets, and so what they cost, of IPv6."""
    ends = {}
    for side in ("source", "destination"):
        ends[side] = getattr(TRAIN, side).copy()
        ends[side][:, 0] = made_traces.IPV6
    four = TRAIN.is_ipv4()
    longer = {"ip_length": TRAIN.ip_length + 20 * four.astype(np.int32)}
    nothing = {"ip_id": np.zeros_like(TRAIN.ip_id), "ip_flags": np.zeros_like(TRAIN.ip_flags)}
    return replace(TRAIN, **ends, **longer, **nothing)


@pytest.mark.parametrize(
    "changes",
    [{}, {"addresses": "training"}, {"ports": "random"}, {"repair": False}, {"repair": False, "addresses": "training"}],
    ids=str,
)
@pytest.mark.parametrize("train", [TRAIN, over_ipv6()], ids=["both", "ipv6"])
def test_any_request_gets_as_many_packets(train, changes):
    system = fitted(train, **changes)
    for packets, span_ns in ((1, 0), (1, 10**9), (77, 0), (300, 3 * train.span_ns), (5, 3)):
        made = system.sample(packets, span_ns, np.random.default_rng(2))
        registry().track("headers").check(made, (packets, span_ns), train)
        assert len(made) == packets
        assert made.time_ns[0] == train.time_ns[0]
        assert len(made) == 1 or made.span_ns == span_ns
    assert made.is_ipv4().any() <= train.is_ipv4().any()
    if system.parameters.repair:
        made = system.sample(300, 10**9, np.random.default_rng(2))
        assert made.ip_length.max() <= train.ip_length.max()
        assert valid_packets(made).all()
        assert valid_tcp_flows(made)[made.protocol[made.flows.heads()] == TCP].all()


def test_times_are_evenly_spaced_flow_by_flow():
    made = fitted().sample(101, 10**9, np.random.default_rng(1))
    np.testing.assert_array_equal(made.time_ns - TRAIN.time_ns[0], np.arange(101) * 10**7)
    flow = made.flows.number
    assert (np.diff(flow) >= 0).all()
    assert np.bincount(flow).max() <= TINY["rows"]


def test_addresses_are_random_or_those_of_training():
    def pairs(trace):
        return set(
            zip(
                *(getattr(trace, side)[:, half].tolist() for side in ("source", "destination") for half in (0, 1)),
                strict=True,
            )
        )

    random = fitted().sample(200, 10**9, np.random.default_rng(1))
    assert not pairs(random) & pairs(TRAIN)
    assert len(pairs(random)) == len(random.flows)
    known = fitted(addresses="training")
    assert pairs(known.sample(200, 10**9, np.random.default_rng(1))) <= pairs(TRAIN)


def test_random_ports_are_dynamic():
    made = fitted(ports="random").sample(200, 10**9, np.random.default_rng(1))
    assert min(made.source_port.min(), made.destination_port.min()) >= 49_152


def test_packets_that_are_cut_are_told(caplog):
    fitted()
    counts = TRAIN.flows.count
    cut, left = (counts > 4).sum(), np.maximum(counts - 4, 0).sum()
    assert (
        f"{cut} of {len(counts)} flows last longer than an image of 4 packets: {left} of the {len(TRAIN)} packets"
        in caplog.text
    )
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        fitted(rows=40)
    assert not caplog.text


class Stopped(Exception):
    """A kill."""


@pytest.mark.parametrize("kill_at", [1, 3])
def test_a_training_that_was_killed_ends_with_the_same_weights(tmp_path, monkeypatch, kill_at):
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)

    def progress(done, total, note=""):
        if done == kill_at:
            raise Stopped

    with pytest.raises(Stopped):
        fitted(context={"checkpoint": tmp_path, "progress": progress})
    steps = []
    again = fitted(context={"checkpoint": tmp_path, "progress": lambda *told: steps.append(told[0])})
    assert steps == [*range(kill_at, 5)]
    assert torch.equal(weights(again), weights(fitted()))
    assert not torch.equal(weights(again), weights(fitted(seed=2)))


def test_the_model_is_the_running_average():
    last, average = (weights(fitted(average=average)) for average in (0.0, 0.9))
    assert not torch.allclose(last, average)
    # A step of Adam moves each weight by its rate; with the average, the first weights still count in part.
    assert torch.equal(last, weights(fitted(average=0.0)))


@pytest.mark.parametrize("changes", [{}, {"addresses": "training"}], ids=str)
def test_a_model_comes_back(tmp_path, changes):
    system = fitted(**changes)
    system.save(tmp_path)
    other = NetDiffusion(system.parameters)
    other.load(tmp_path)
    made, again = (one.sample(200, 10**9, np.random.default_rng(3)) for one in (system, other))
    assert made.digest() == again.digest()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("once", [True]), ("drawn", [0]), ("drawn", [5, 3]), ("drawn", [0, 280]), ("constants", [0] * 279),
        ("constants", [-1] * 280),
        ("flows", [0, 0, 0, 0]), ("flows", [1, 1, 1]), ("packets", 0.5), ("pairs", 7), ("start_ns", 2**62 + 1),
        ("longest", 0), ("longest", 2**16 + 40),
    ],
)  # fmt: skip
def test_a_damaged_model_is_refused(tmp_path, key, value):
    system = fitted()
    system.save(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    assert key in config["ntgbench"]["settings"]
    config["ntgbench"]["settings"][key] = value
    path.write_text(json.dumps(config))
    with pytest.raises(PluginError):
        NetDiffusion(system.parameters).load(tmp_path)


def test_addresses_of_a_model_are_those_of_its_flows(tmp_path):
    system = fitted(addresses="training")
    system.model.pairs = system.model.pairs.copy()
    system.model.pairs[0, 0] ^= np.uint64(1)
    system.save(tmp_path)
    with pytest.raises(PluginError, match="of one IP version"):
        NetDiffusion(system.parameters).load(tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"width": 7}, {"sampling_steps": 11, "noise_steps": 10}, {"rows": 0}, {"average": 1}]
)
def test_parameters_have_bounds(wrong):
    with pytest.raises(NtgbenchError):
        convert(wrong, NetDiffusionParameters, "parameters")


def test_the_noisy_pixel_counts_by_bayes_rule():
    signal, noise, x = torch.tensor(0.8), torch.tensor(0.6), torch.tensor([[[-1.3, 0.1, 0.9]]])
    absent, one = posterior((torch.tensor([[[0.5, 0, -1]]]), torch.tensor([[[0.0, 1, 2]]])), x, signal, noise)
    density = {k: torch.exp(-((x - 0.8 * k) ** 2) / (2 * 0.36)) for k in (-1, 0, 1)}
    torch.testing.assert_close(absent.exp(), torch.tensor([[[0.5, 0, -1]]]).exp() * density[-1] / density[0])
    torch.testing.assert_close(one.exp(), torch.tensor([[[0.0, 1, 2]]]).exp() * density[1] / density[0])


def test_an_image_is_parted_into_its_flow_and_its_packets():
    bits = np.array([[0, -1, 1], [1, 1, -1], [1, 0, 0]], np.int8)
    flows = Flows(bits, np.array([2, 1]), 3)
    images, packets = Layout((0, 1, 2), (False, True, False), (0,) * WIDTH).parts(flows)
    assert images.tolist() == [[[1, 1, 1, -1]], [[0, 1, -1, -1]]]
    assert packets.images([1, 0]).tolist() == [[[1, 0], [-1, -1], [-1, -1]], [[0, 1], [1, -1], [-1, -1]]]
    assert known(torch.tensor([2]), torch.from_numpy(images[:1])).tolist() == [[0, 0, 1, 0, 1, 1, 1, -1]]


@torch.no_grad()
def test_packets_are_drawn_for_what_is_drawn_of_their_flow():
    network = Cascade(3, (False, True), 4, 8, 1)
    for weight in network.parameters():
        weight.normal_()
    images, time, kinds = torch.randn(1, 3, 1), torch.rand(1), torch.zeros(1, dtype=torch.int64)
    one, other = (known(kinds, torch.full((1, 1, 4), value)) for value in (0.0, 1.0))
    assert not torch.equal(network.packets(images, time, one)[0], network.packets(images, time, other)[0])


def one_kind(flows=60, packets=3):
    """Flows of a SYN and two packets of 500 and 100 bytes, from ports in pairs to port 443."""
    flow, rank = np.divmod(np.arange(flows * packets), packets)
    return PacketTrace.of(
        time_ns=10**18 + flow * 10**9 + rank * 10**6,
        source=flow + 1,
        destination=np.full(len(flow), 2),
        source_port=50_000 + flow,
        destination_port=np.full(len(flow), 443),
        protocol=np.full(len(flow), 6),
        ip_length=40 + np.array([0, 500, 100])[rank],
        ttl=np.full(len(flow), 64),
        tcp_flags=np.where(rank == 0, SYN, ACK),
        tcp_sequence=np.array([9, 10, 510])[rank],
    )


def test_learns_a_trace_of_one_kind_of_flow():
    system = fitted(
        one_kind(),
        width=32,
        blocks=2,
        flow_steps=200,
        flow_batch=32,
        steps=200,
        batch=32,
        noise_steps=50,
        sampling_steps=10,
        learning_rate=5e-3,
    )
    made = system.sample(300, 10**9, np.random.default_rng(1))
    flows = made.flows
    assert np.mean(flows.count == 3) > 0.9
    whole = flows.order[flows.first[flows.count == 3][:, None] + np.arange(3)]
    assert np.mean(made.ip_length[whole] == [40, 540, 140]) > 0.9
    assert np.mean(made.tcp_flags[whole] == [SYN, ACK, ACK]) > 0.9
    assert np.mean(made.tcp_sequence[whole] == [9, 10, 510]) > 0.9
    assert (made.destination_port == 443).all()
    assert (made.ttl == 64).all()
    # Of ports, which are bits in the image, the first ten are the same in all flows but a few.
    assert np.mean(made.source_port >> 6 == 50_000 >> 6) > 0.5
    assert len(np.unique(made.source_port)) > 10


def test_many_flows_are_made_in_parts(monkeypatch):
    system = fitted()
    whole = len(system.sample(200, 10**9, np.random.default_rng(1)).flows)
    monkeypatch.setattr(module, "MOST_FLOWS", 3)
    made = system.sample(200, 10**9, np.random.default_rng(1))
    assert len(made) == 200
    assert len(made.flows) > whole / 3
