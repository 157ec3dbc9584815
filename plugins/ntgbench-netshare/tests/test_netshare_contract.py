"""What every generator of header traces promises, at a few steps of training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_netshare import TINY, fitted, flows

from ntgbench.plugins import registry
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace

SMALL = ",".join(f"{name}={value}" for name, value in TINY.items())

CHECKS = system_checks(f"netshare[{SMALL}]", track="headers")

SYSTEM = fitted(example_trace())

HARD = {
    "one chunk": (example_trace(), {"chunks": 1}),
    "more chunks than flows": (flows({1000: [0, 10], 1001: [5000]}), {"chunks": 1_000}),
    "chunks with few flows, and empty ones": (flows({1000: [0], 1001: [1], 1002: [900, 901, 902]}), {"chunks": 5}),
    "one flow": (flows({1000: list(range(30))}), {}),
    "packets are left out": (example_trace(), {"outside": "drop", "repeats": "drop"}),
    "one packet a flow": (example_trace(), {"longest": 1}),
    "not trained": (example_trace(), {"steps": 0, "later_steps": 0}),
}


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_keeps_the_contract(check):
    check()


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 2_000), st.integers(0, 10**12) | st.integers(2**53, 2**55), st.integers(0, 9))
def test_any_request_gets_as_many_packets_in_its_span_and_follows_from_the_seed(packets, span_ns, seed):
    made = SYSTEM.sample(packets, span_ns, np.random.default_rng(seed))
    registry().track("headers").check(made, (packets, span_ns), example_trace())
    assert len(made) == packets
    assert made.time_ns[0] >= example_trace().time_ns[0]
    assert made.digest() == SYSTEM.sample(packets, span_ns, np.random.default_rng(seed)).digest()


@pytest.mark.parametrize("name", HARD)
def test_a_hard_trace_or_setting_gives_a_valid_trace(name):
    train, changes = HARD[name]
    system = fitted(train, **changes)
    for share in (0.1, 1, 3):
        request = max(1, int(len(train) * share)), int(train.span_ns * share)
        made = system.sample(*request, np.random.default_rng(1))
        registry().track("headers").check(made, request, train)
        assert changes.get("repeats") == "drop" or len(made) == request[0]
