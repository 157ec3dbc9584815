"""What every generator of header traces promises, at a few steps of training, on traces that are hard."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_stan import TINY, fitted, ipv4_example
from ntgbench_stan.parameters import StanParameters

from ntgbench.plugins import registry
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import TCP, UDP

CHECKS = {
    f"{links}-{check}": check
    for links in (0, 5)
    for check in system_checks(
        f"stan[{','.join(f'{name}={value}' for name, value in TINY.items())},links={links}]", track="headers"
    )
    if links == 0 or check.name != "light"  # whether the plugin is light needs a process
}

EXAMPLE = example_trace()

SYSTEMS = {links: fitted(EXAMPLE, links=links) for links in (0, 5)}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_keeps_the_contract(check):
    check()


@settings(max_examples=8, deadline=None)
@given(
    packets=st.integers(1, 100),
    span_ns=st.integers(0, 10**12) | st.integers(2**53, 2**55),
    seed=st.integers(0, 9),
    links=st.sampled_from([0, 5]),
)
def test_any_request_gets_as_many_packets_over_all_of_its_span(packets, span_ns, seed, links):
    made = SYSTEMS[links].sample(packets, span_ns, np.random.default_rng(seed))
    registry().track("headers").check(made, (packets, span_ns), EXAMPLE)
    assert len(made) == packets
    assert made.time_ns[0] == EXAMPLE.time_ns[0]
    assert made.span_ns == (span_ns if packets > 1 else 0)
    assert made.digest() == SYSTEMS[links].sample(packets, span_ns, np.random.default_rng(seed)).digest()


HARD = {
    "IPv6 only": EXAMPLE.select(np.flatnonzero(~EXAMPLE.is_ipv4())[[0] * 6]),
    "one packet": EXAMPLE.select([3]),
    "one packet over and over": replace(EXAMPLE.select([3] * 50), time_ns=EXAMPLE.time_ns[3] + np.arange(50) * 10**6),
    "TCP only": EXAMPLE.select(EXAMPLE.protocol == TCP),
}


@pytest.mark.parametrize("links", [0, 7])
@pytest.mark.parametrize("name", HARD)
def test_a_hard_training_trace_gives_a_valid_trace(name, links):
    train = HARD[name]
    made = fitted(train, links=links).sample(20, 10**9, np.random.default_rng(1))
    registry().track("headers").check(made, (20, 10**9), train)
    if name != "TCP only":
        for column in ("protocol", "ip_length", "ttl", "tcp_flags", "ip_flags"):
            assert (getattr(made, column) == getattr(train, column)[0]).all()


@pytest.mark.parametrize("links", [0, 5])
def test_addresses_of_both_versions_are_made_and_packets_have_room_for_them(links):
    made = fitted(EXAMPLE, links=links).sample(400, 10**9, np.random.default_rng(1))
    six = ~made.is_ipv4()
    assert 0 < six.sum() < 400
    assert (made.ip_length >= np.where(made.protocol == UDP, 28, 40) + 20 * six).all()


def test_values_are_those_of_the_training_trace():
    train = ipv4_example()
    made = fitted(train).sample(300, 10**9, np.random.default_rng(1))
    for name in ("ttl", "tos", "ip_flags", "protocol"):
        assert np.isin(getattr(made, name), getattr(train, name)).all()
    ports = np.concatenate([train.source_port, train.destination_port])
    assert np.isin(made.source_port, ports).all()
    uniform = fitted(train, ports="uniform").sample(300, 10**9, np.random.default_rng(1))
    assert not np.isin(uniform.source_port, ports).all()


@pytest.mark.parametrize("window", [3, 12])
def test_a_window_is_a_power_of_two(window):
    with pytest.raises(ValueError, match="power of two"):
        StanParameters(window=window)
