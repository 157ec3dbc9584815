"""What all reference systems promise."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_traces import down, trace, up
from ntgbench_trace_references import ntgbench_generators
from ntgbench_trace_references.kept import FILE

from ntgbench.errors import NtgbenchError
from ntgbench.interfaces import Context
from ntgbench.plugins import registry, resolve
from ntgbench.testing import system_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import TCP, UDP, PacketTrace
from ntgbench.traffic.trace_files import write_trace_file

SPECS = {spec.name: spec for spec in ntgbench_generators()}

# Whether the plugin is light needs a process, and is the same for all its systems.
CHECKS = [
    (name, check)
    for name in SPECS
    for check in system_checks(name, track="headers")
    if name == "real" or check.name != "light"
]

TRAIN = example_trace()


def fitted(name, train):
    system = resolve(SPECS[name].target)(SPECS[name].parameters())
    system.fit(train, Context(seed=0))
    return system


@st.composite
def traces(draw):
    """Up to 30 packets between few hosts and ports, so that both directions of a connection are often there."""
    packet = st.tuples(
        st.integers(0, 10**9), st.integers(1, 3), st.integers(1, 3), st.sampled_from([53, 443, 40_000, 60_000]),
        st.sampled_from([53, 443, 40_000, 60_000]), st.sampled_from([TCP, UDP]), st.integers(40, 1500),
    )  # fmt: skip
    rows = np.array(draw(st.lists(packet, min_size=1, max_size=30)), np.int64)
    names = ("time_ns", "source", "destination", "source_port", "destination_port", "protocol", "ip_length")
    return PacketTrace.of(**dict(zip(names, rows.T, strict=True)), ttl=np.full(len(rows), 64)).sorted_by_time()


def test_all_are_references_and_only_real_sees_held_out_traffic():
    assert list(SPECS) == ["real", "shifted", "flow-bootstrap", "poisson", "marginals", "zero"]
    assert all(spec.reference and spec.track == "headers" for spec in SPECS.values())
    assert [name for name, spec in SPECS.items() if spec.heldout] == ["real"]


@pytest.mark.parametrize("check", [check for _, check in CHECKS], ids=[f"{name}-{check}" for name, check in CHECKS])
def test_keeps_the_contract(check):
    check()


@pytest.mark.parametrize("name", SPECS)
@settings(max_examples=25)
@given(train=traces(), packets=st.integers(1, 100), span_ns=st.integers(0, 10**10), seed=st.integers(0, 2**32 - 1))
def test_any_request_gets_a_valid_trace_that_follows_from_the_seed(name, train, packets, span_ns, seed):
    system = fitted(name, train)
    made = system.sample(packets, span_ns, np.random.default_rng(seed))
    registry().track("headers").check(made, (packets, span_ns), train)
    assert made.digest() == system.sample(packets, span_ns, np.random.default_rng(seed)).digest()


@pytest.mark.parametrize("name", SPECS)
def test_spans_that_floats_cannot_hold_are_not_exceeded(name):
    train = replace(TRAIN, time_ns=np.sort(TRAIN.time_ns[0] + (TRAIN.time_ns - TRAIN.time_ns[0]) * 250_001))
    assert train.span_ns > 2**53
    for seed in range(5):
        made = fitted(name, train).sample(len(train), train.span_ns, np.random.default_rng(seed))
        registry().track("headers").check(made, (len(train), train.span_ns), train)


@pytest.mark.parametrize("damaged", [TRAIN.select([]), trace(up(1), down(0))], ids=["empty", "out of order"])
def test_a_model_that_no_fit_has_made_is_refused(damaged, tmp_path):
    write_trace_file(damaged, tmp_path / FILE)
    with pytest.raises(NtgbenchError, match="is damaged; it must have packets in the order of time"):
        fitted("real", TRAIN).load(tmp_path)


def test_real_is_the_trace_itself_and_never_more():
    system, rng = fitted("real", TRAIN), np.random.default_rng(1)
    assert system.sample(len(TRAIN), TRAIN.span_ns, rng).digest() == TRAIN.digest()
    assert system.sample(10 * len(TRAIN), 10 * TRAIN.span_ns, rng).digest() == TRAIN.digest()
    assert system.sample(7, TRAIN.span_ns, rng).digest() == TRAIN.select(np.arange(7)).digest()
    first_second = TRAIN.window(TRAIN.time_ns[0], TRAIN.time_ns[0] + 10**9 + 1)
    assert system.sample(len(TRAIN), 10**9, rng).digest() == first_second.digest()


def test_shifted_is_the_same_trace_at_a_time_when_the_other_is_over():
    made = fitted("shifted", TRAIN).sample(len(TRAIN), TRAIN.span_ns, np.random.default_rng(1))
    assert made.time_ns[0] >= TRAIN.time_ns[-1]
    assert replace(made, time_ns=made.time_ns - made.time_ns[0] + TRAIN.time_ns[0]).digest() == TRAIN.digest()


@pytest.mark.parametrize("last", [2**62, 2**63 - 10, 2**63 - 1])
@pytest.mark.parametrize("first", [0, 2**62 - 1])
def test_shifted_stays_in_order_where_times_end(first, last):
    train = replace(TRAIN.select([0, 1]), time_ns=np.array([first, last]))
    made = fitted("shifted", train).sample(2, train.span_ns, np.random.default_rng(1))
    assert made.span_ns == train.span_ns
    assert made.time_ns[0] >= first


def test_zero_has_every_flow_at_its_middle():
    train = trace(up(0, 1), down(1, 2), up(4, 3), down(8, 4))
    made = fitted("zero", train).sample(4, train.span_ns, np.random.default_rng(1))
    np.testing.assert_array_equal(made.time_ns, np.array([2, 2, 4.5, 4.5]) * 1e9)
    assert made.payload_length.tolist() == [1, 3, 2, 4]


def test_poisson_has_training_packets_and_exponential_gaps():
    from scipy.stats import kstest

    span_ns = 10**12
    made = fitted("poisson", TRAIN).sample(20_000, span_ns, np.random.default_rng(1))
    assert (len(made), made.span_ns) == (20_000, span_ns)
    assert kstest(np.diff(made.time_ns) / (span_ns / 19_999), "expon").pvalue > 0.01
    own, seen = (
        {tuple(row) for row in np.column_stack([one.source, one.source_port, one.ip_length, one.ip_id]).tolist()}
        for one in (made, TRAIN)
    )
    assert own == seen


def test_marginals_keep_each_column_and_nothing_between_them():
    made = fitted("marginals", TRAIN).sample(50_000, TRAIN.span_ns, np.random.default_rng(1))
    for kind in (TCP, UDP):
        own, real = made.select(made.protocol == kind), TRAIN.select(TRAIN.protocol == kind)
        for name in (field.name for field in fields(TRAIN) if field.name not in ("time_ns", "source", "destination")):
            values = np.unique(getattr(real, name))
            assert np.isin(getattr(own, name), values).all()
            assert getattr(own, name).mean() == pytest.approx(getattr(real, name).mean(), rel=0.03, abs=0.01), name
        # In the training trace either the source or the destination port is that of a service.
        service = [(one.source_port < 6000) & (one.destination_port < 6000) for one in (own, real)]
        assert service[0].mean() > 0.1 > service[1].mean()
    gaps = np.diff(made.time_ns)
    assert np.corrcoef(gaps[1:], gaps[:-1])[0, 1] == pytest.approx(0, abs=0.02)
