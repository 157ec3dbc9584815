"""What every generator of header traces promises, and what this one says about itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_traces import IPV6
from ntgbench_e_wgan_gp import ntgbench_generators
from ntgbench_e_wgan_gp.generator import EWganGp
from ntgbench_e_wgan_gp.parameters import EWganGpParameters

from ntgbench.interfaces import Context
from ntgbench.plugins import registry
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import TCP, UDP, PacketTrace

CHECKS = system_checks("e-wgan-gp[steps=3,hidden=8]", track="headers")

TINY = EWganGpParameters(steps=2, hidden=4, batch=8, width=3)


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_keeps_the_contract(check):
    check()


def test_it_says_that_its_packets_are_no_flows():
    (spec,) = ntgbench_generators()
    assert [aspect for aspect, _ in spec.lacks] == ["flows"]


def test_its_defaults_are_those_of_the_authors_of_cascadenet():
    p = EWganGpParameters()
    assert (p.batch, p.critic_steps, p.learning_rate, p.hidden, p.noise, p.width) == (256, 2, 1e-4, 128, 10, 10)
    # 25 passes over the training half of lab-trace, of 50,122 packets.
    assert p.steps == 25 * 196


@st.composite
def traces(draw):
    """Up to 30 packets between few hosts, IPv4 and IPv6, of TCP and UDP, as long as their headers and longer."""
    packet = st.tuples(
        st.integers(0, 10**9), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.sampled_from([TCP, UDP]),
        st.sampled_from([0, 6, 17, 53, 65_535]), st.sampled_from([0, 443, 40_000]), st.integers(0, 1400),
        st.sampled_from([0, 64, 255]),
    )  # fmt: skip
    time, *ends, ipv6, protocol, from_port, to_port, payload, ttl = np.array(
        draw(st.lists(packet, min_size=1, max_size=30)), np.int64
    ).T
    ipv4 = np.uint64(0xFFFF_0000_0000)
    columns = [
        np.stack([np.where(ipv6, np.uint64(IPV6), np.uint64(0)), np.where(ipv6, 0, ipv4) + end.astype(np.uint64)], 1)
        for end in ends
    ]
    return PacketTrace.of(
        time_ns=time,
        source=columns[0].astype(np.uint64),
        destination=columns[1].astype(np.uint64),
        source_port=from_port,
        destination_port=to_port,
        protocol=protocol,
        ip_length=np.where(protocol == TCP, 40, 28) + 20 * ipv6 + payload,
        ttl=ttl,
        tcp_flags=np.where(protocol == TCP, payload % 256, 0),
    ).sorted_by_time()


def values(*columns):
    """The different values of some columns, taken as one."""
    return {tuple(row) for column in columns for row in column.reshape(len(column), -1).tolist()}


@settings(max_examples=25, deadline=None)
@given(train=traces(), packets=st.integers(1, 200), span_ns=st.integers(0, 10**10) | st.integers(2**53, 2**55))
def test_every_value_occurs_in_the_training_trace(train, packets, span_ns):
    system = EWganGp(TINY)
    system.fit(train, Context(seed=4))
    made = system.sample(packets, span_ns, np.random.default_rng(5))
    registry().track("headers").check(made, (packets, span_ns), train)
    assert len(made) == packets
    assert made.time_ns[0] >= train.time_ns[0]
    assert made.time_ns[-1] <= train.time_ns[0] + span_ns
    for names in (
        ["source", "destination"], ["source_port", "destination_port"], ["ttl"], ["ip_length"], ["protocol"], ["tos"],
        ["tcp_flags"], ["ip_id"], ["ip_flags"],
    ):  # fmt: skip
        known = values(*(getattr(train, name) for name in names))
        assert values(*(getattr(made, name) for name in names)) <= known, names
    # Both ends have one version of IP, with a protocol that occurs with it.
    sorts = [values(np.column_stack([one.is_ipv4(), one.protocol])) for one in (made, train)]
    assert sorts[0] <= sorts[1]
    assert ((made.source[:, 0] == 0) == (made.destination[:, 0] == 0)).all()


def test_more_packets_than_fit_in_a_piece_are_made(monkeypatch):
    from ntgbench_e_wgan_gp import generator

    monkeypatch.setattr(generator, "PIECE", 50)
    train, system = example_trace(), EWganGp(TINY)
    system.fit(train, Context(seed=4))
    made = system.sample(101, train.span_ns, np.random.default_rng(5))
    registry().track("headers").check(made, (101, train.span_ns), train)
    assert len(made) == 101
