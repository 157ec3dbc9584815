"""What every generator of header traces promises, at a few steps of training, on traces that are hard."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("realtabformer", reason="realtabformer is not installed: pip install 'ntgbench[realtabformer]'")

from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_realtabformer.generator import REaLTabFormer
from ntgbench_realtabformer.parameters import REaLTabFormerParameters

from ntgbench.interfaces import Context
from ntgbench.plugins import registry
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import PacketTrace

CHECKS = system_checks("realtabformer[layers=1,heads=1,width=16,epochs=2]", track="headers")

SMALL = REaLTabFormerParameters(layers=1, heads=1, width=16, epochs=2)


def fitted(train, **changes):
    system = REaLTabFormer(replace(SMALL, **changes))
    system.fit(train, Context(seed=3))
    return system


SYSTEM = fitted(example_trace())


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_keeps_the_contract(check):
    check()


@settings(max_examples=8, deadline=None)
@given(packets=st.integers(1, 300), span_ns=st.integers(0, 10**12) | st.integers(2**53, 2**55), seed=st.integers(0, 9))
def test_any_request_gets_as_many_packets_in_its_span_and_follows_from_the_seed(packets, span_ns, seed):
    made = SYSTEM.sample(packets, span_ns, np.random.default_rng(seed))
    registry().track("headers").check(made, (packets, span_ns), example_trace())
    assert len(made) == packets
    assert made.time_ns[0] >= example_trace().time_ns[0]
    assert made.digest() == SYSTEM.sample(packets, span_ns, np.random.default_rng(seed)).digest()


def ipv6_only():
    example = example_trace().select(np.arange(40))
    ends = np.stack([np.full(40, 0x2001_0DB8 << 32, np.uint64), np.arange(40, dtype=np.uint64)], axis=1)
    lengths = np.maximum(example.ip_length, 60)
    fields = {"ip_id": np.zeros(40, np.uint16), "ip_flags": np.zeros(40, np.uint8)}
    return replace(
        example, source=ends, destination=ends[::-1], ip_length=lengths, payload_length=lengths - 60, **fields
    )


IPV4 = example_trace().select(example_trace().is_ipv4()).select(np.arange(50))

HARD = {
    "one packet": example_trace().select(np.arange(1)),
    "IPv6 only": ipv6_only(),
    "at 1970": replace(IPV4, time_ns=np.full(len(IPV4), 7)),
    "packets of a million bytes": PacketTrace.of(
        time_ns=[0, 5, 10], source=[1, 2, 3], destination=[9, 9, 9], source_port=[0, 65_535, 1],
        destination_port=[0, 0, 0], protocol=[17, 17, 17], ip_length=[28, 2**31 - 1, 10**6], ttl=[0, 255, 1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("digits", [1, 3])
@pytest.mark.parametrize("name", HARD)
def test_a_hard_training_trace_gives_a_valid_trace(name, digits):
    train = HARD[name]
    system = fitted(train, digits=digits)
    for share in (1, 3):
        request = share * len(train), share * train.span_ns
        made = system.sample(*request, np.random.default_rng(1))
        registry().track("headers").check(made, request, train)
        assert len(made) == request[0]


def test_a_trace_before_1970_is_learnt_as_it_is_later():
    later, decades = example_trace(), 2 * 10**18
    earlier = replace(later, time_ns=later.time_ns - decades)
    made, same = (fitted(train).sample(50, 10**9, np.random.default_rng(1)) for train in (earlier, later))
    assert earlier.time_ns[0] <= made.time_ns[0] < 0
    assert replace(made, time_ns=made.time_ns + decades).digest() == same.digest()


def test_fields_stay_in_the_range_that_training_has(tmp_path):
    train = example_trace()
    SYSTEM.save(tmp_path)
    again = REaLTabFormer(SMALL)
    again.load(tmp_path)
    for system in (SYSTEM, again):
        made = system.sample(400, train.span_ns, np.random.default_rng(2))
        for name in ("ttl", "ip_length", "source_port", "destination_port", "tos", "ip_id", "ip_flags"):
            known, found = getattr(train, name), getattr(made, name)
            assert known.min() <= found.min()
            assert found.max() <= known.max(), name
