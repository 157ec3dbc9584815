"""What every generator of header traces promises, at a few steps of training, on traces that are hard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cascadenet import TINY, fitted, hostile

from ntgbench.plugins import registry
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace

SMALL = ",".join(f"{name}={value}" for name, value in TINY.items())

# Whether the plugin is light needs a process, and is the same for both systems.
CHECKS = [
    (name, check)
    for name in ("cascadenet", "cascadenet-tuned")
    for check in system_checks(f"{name}[{SMALL}]", track="headers")
    if name == "cascadenet" or check.name != "light"
]

HOSTILE = hostile()

SYSTEM = fitted(example_trace())


@pytest.mark.parametrize("check", [check for _, check in CHECKS], ids=[f"{name}-{check}" for name, check in CHECKS])
def test_keeps_the_contract(check):
    check()


@settings(max_examples=25)
@given(
    packets=st.integers(1, 2_000), span_ns=st.integers(0, 10**12) | st.integers(2**53, 2**55), seed=st.integers(0, 9)
)
def test_any_request_gets_as_many_packets_in_its_span_and_follows_from_the_seed(packets, span_ns, seed):
    made = SYSTEM.sample(packets, span_ns, np.random.default_rng(seed))
    registry().track("headers").check(made, (packets, span_ns), example_trace())
    assert len(made) == packets
    assert made.time_ns[0] >= example_trace().time_ns[0]
    assert made.digest() == SYSTEM.sample(packets, span_ns, np.random.default_rng(seed)).digest()


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("conditions", ["generated", "oracle"])
def test_a_hard_training_trace_gives_a_valid_trace(name, conditions):
    train, changes = HOSTILE[name]
    system = fitted(train, conditions=conditions, **changes)
    for share in (0.1, 1, 3):
        request = max(1, int(len(train) * share)), int(train.span_ns * share)
        made = system.sample(*request, np.random.default_rng(1))
        registry().track("headers").check(made, request, train)
        assert conditions == "oracle" or len(made) == request[0]
