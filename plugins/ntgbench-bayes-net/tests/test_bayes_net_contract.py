"""What every generator of header traces promises, on traces that are hard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_bayes_net import fitted, hostile

from ntgbench.plugins import registry
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import TCP

HOSTILE = hostile()
EXAMPLE = example_trace()
SYSTEM = fitted(EXAMPLE)


@pytest.mark.parametrize("check", system_checks("bayes-net", track="headers"), ids=str)
def test_keeps_the_contract(check):
    check()


@settings(max_examples=25, deadline=None)
@given(
    packets=st.integers(1, 2_000), span_ns=st.integers(0, 10**12) | st.integers(2**53, 2**55), seed=st.integers(0, 9)
)
def test_any_request_gets_as_many_packets_in_its_span_and_follows_from_the_seed(packets, span_ns, seed):
    made = SYSTEM.sample(packets, span_ns, np.random.default_rng(seed))
    registry().track("headers").check(made, (packets, span_ns), EXAMPLE)
    assert len(made) == packets
    assert made.time_ns[0] >= EXAMPLE.time_ns[0]
    assert made.digest() == SYSTEM.sample(packets, span_ns, np.random.default_rng(seed)).digest()


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("changes", [{}, {"parents": 0, "order": 1, "bins": 1, "words": 1, "epochs": 1}], ids=str)
def test_a_hard_training_trace_gives_a_valid_trace(name, changes):
    train = HOSTILE[name]
    system = fitted(train, **changes)
    for share in (0.1, 1, 3):
        request = max(1, int(len(train) * share)), int(train.span_ns * share)
        made = system.sample(*request, np.random.default_rng(1))
        registry().track("headers").check(made, request, train)
        assert len(made) == request[0]


@pytest.mark.parametrize("changes", [{"bins": 512, "words": 1024, "epochs": 256}, {"smoothing": 1e6}], ids=str)
def test_extreme_parameters_work(changes):
    made = fitted(HOSTILE["all fields at random"], **changes).sample(1000, 10**9, np.random.default_rng(1))
    assert len(made) == 1000


def test_ip_versions_and_protocols_are_not_mixed():
    made = SYSTEM.sample(5000, EXAMPLE.span_ns, np.random.default_rng(1))
    ipv4 = made.is_ipv4()
    assert 0 < ipv4.mean() < 1
    assert (ipv4 == (made.destination[:, 1] >> np.uint64(32) == 0xFFFF)).all()
    headers = made.ip_length - made.payload_length
    assert set(headers[(made.protocol == TCP) & ipv4]) == {40}
    assert set(headers[(made.protocol != TCP) & ipv4]) == {28}
