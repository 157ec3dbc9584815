"""What every generator of its track promises, at a few steps of training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_ctgan.biflows import CtganOfBiflows
from ntgbench_ctgan.headers import CtganOfPackets
from ntgbench_ctgan.parameters import BiflowParameters, HeaderParameters

from ntgbench.interfaces import Context
from ntgbench.plugins import registry
from ntgbench.testing import example_traffic, system_checks
from ntgbench.tracks.headers.example import example_trace

TINY = {"steps": 3, "batch": 20, "hidden": 8, "noise": 4, "modes": 4}
SMALL = ",".join(f"{name}={value}" for name, value in TINY.items())

# Whether the plugin is light needs a process, and is the same for all.
CHECKS = [
    (f"{track}-{form}", check)
    for track, form in (
        ("headers", "endpoints=mixed"),
        ("headers", "endpoints=modes,fields=modes"),
        ("biflows", "lengths=mixed"),
        ("biflows", "lengths=modes"),
    )
    for check in system_checks(f"ctgan[{SMALL},{form}]", track=track)
    if form == "endpoints=mixed" or check.name != "light"
]


@pytest.mark.parametrize("check", [check for _, check in CHECKS], ids=[f"{name}-{check}" for name, check in CHECKS])
def test_keeps_the_contract(check):
    check()


def of_packets(endpoints):
    system = CtganOfPackets(HeaderParameters(**TINY, endpoints=endpoints))
    system.fit(example_trace(), Context(seed=1))
    return system


SYSTEMS = [of_packets(endpoints) for endpoints in ("mixed", "modes")]


@settings(max_examples=25, deadline=None)
@given(
    system=st.sampled_from(SYSTEMS),
    packets=st.integers(1, 3_000),
    span_ns=st.integers(0, 10**12) | st.integers(2**53, 2**55),
    seed=st.integers(0, 9),
)
def test_any_request_gets_as_many_packets_in_its_span(system, packets, span_ns, seed):
    train = example_trace()
    made = system.sample(packets, span_ns, np.random.default_rng(seed))
    registry().track("headers").check(made, (packets, span_ns), train)
    assert len(made) == packets
    assert made.time_ns[0] >= train.time_ns[0]
    assert made.time_ns[-1] - train.time_ns[0] <= span_ns


@pytest.mark.parametrize("lengths", ["mixed", "modes"])
def test_biflows_have_a_packet_and_no_holes(lengths):
    train = example_traffic()
    system = CtganOfBiflows(BiflowParameters(**TINY, lengths=lengths))
    system.fit(train, Context(seed=1))
    made = system.sample(np.arange(2_000, dtype=np.int32) % 4, np.random.default_rng(1))
    assert made.shape == (2_000, train.packets)
    there = made != 0
    assert there[:, 0].all()
    assert (there == np.logical_and.accumulate(there, axis=1)).all()
    assert np.abs(made).max() <= train.pl_max
