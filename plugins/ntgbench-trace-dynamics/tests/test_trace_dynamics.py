import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ntgbench_trace_dynamics import ntgbench_metrics
from ntgbench_trace_dynamics.queue import lost_share, quantile_distance, queue_replay, waiting
from ntgbench_trace_dynamics.scaling import (
    BINS,
    counts,
    diagram,
    diagrams,
    energies,
    gaps_shuffled,
    slope,
    starts_redrawn,
)
from scipy.stats import wasserstein_distance

from ntgbench.scores import score
from ntgbench.testing import metric_checks
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import UDP, PacketTrace

_spec = importlib.util.spec_from_file_location("plain_dynamics", Path(__file__).with_name("plain_dynamics.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

EXAMPLE = example_trace()

LEFT = 8
"""Sums of bins that are left after the last octave of a diagram."""


def packets(time_ns, ip_length=1000, flow=0):
    """UDP packets of flows that differ by their source port."""
    time_ns = np.asarray(time_ns, np.int64)
    fill = np.zeros(len(time_ns), np.int64)
    return PacketTrace.of(
        time_ns=time_ns, source=fill + 1, destination=fill + 2, source_port=fill + flow, destination_port=fill + 53,
        protocol=fill + UDP, ip_length=fill + ip_length, ttl=fill + 64,
    )  # fmt: skip


@st.composite
def traces(draw):
    rows = st.tuples(st.integers(0, 10**6), st.integers(28, 60_000), st.integers(0, 4))
    time, length, flow = zip(*draw(st.lists(rows, min_size=2, max_size=40)), strict=True)
    time = (10**18, 10**18 + 10**6, *sorted(10**18 + one for one in time))
    return packets(time, np.array([28, 1500, *length]), np.array([0, 1, *flow])).sorted_by_time()


@settings(deadline=None)
@given(traces(), traces())
def test_queues_agree_with_plain_python(real, synthetic):
    ours, theirs = queue_replay(real, synthetic, 1), plain.queue_replay(real, synthetic, 1)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert value == (theirs[name] if isinstance(value, str) else pytest.approx(theirs[name], rel=1e-4, abs=1e-4))


@settings(max_examples=15, deadline=None)
@given(traces(), traces(), st.integers(0, 3))
def test_diagrams_agree_with_plain_python(real, synthetic, seed):
    assert diagrams(real, synthetic, seed) == pytest.approx(plain.diagrams(real, synthetic, seed), abs=1e-12)


@given(*[st.lists(st.integers(0, 1000), min_size=1, max_size=30).map(np.array)] * 2)
def test_distance_of_quantiles_is_the_earth_movers_distance(first, second):
    assert quantile_distance(first, second) == pytest.approx(wasserstein_distance(first, second), abs=1e-9)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
def test_packets_at_a_constant_rate_never_wait(load):
    trace = packets(10**18 + 999_983 * np.arange(10_000))
    assert waiting(trace, 1000 / 999_983 / load).max() == 0
    assert lost_share(trace, 1000 / 999_983 / load, 1000) == 0


@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
def test_random_arrivals_wait_as_in_an_m_d_1_queue(load):
    """Mean wait rho / (2 mu (1 - rho)), Pollaczek and Khinchine."""
    trace = packets(np.cumsum(np.random.default_rng(0).exponential(1e6, 1_000_000)).astype(np.int64))
    capacity = 1000 * len(trace) / trace.span_ns / load
    served = capacity / 1000
    assert waiting(trace, capacity).mean() / capacity == pytest.approx(load / (2 * served * (1 - load)), rel=0.01)


def test_a_small_buffer_loses_what_exceeds_the_capacity():
    trace = packets(1000 * np.arange(100_000))
    # Twice as much comes as can be sent; only what the buffer holds at the end is not lost.
    assert lost_share(trace, 0.5, 5000) == pytest.approx(0.5, abs=1e-4)
    assert lost_share(packets(np.zeros(10), 1000), 1.0, 4000) == pytest.approx(0.6)
    assert lost_share(trace, 1.0, 1000) == 0


@pytest.mark.parametrize("shift", [0, 10**12])
def test_a_shifted_copy_is_at_distance_0(shift):
    copy = replace(EXAMPLE, time_ns=EXAMPLE.time_ns + shift)
    values = queue_replay(EXAMPLE, copy, 1) | diagrams(EXAMPLE, copy, 1)
    assert values == dict.fromkeys(values, 0.0)


def test_bursts_wait_and_smooth_traffic_does_not():
    even = packets(np.linspace(0, 1e9, 1000).astype(np.int64))
    bursts = packets(np.repeat(np.arange(100), 10) * 10**7)
    assert queue_replay(bursts, even, 1)["queue_50"] == pytest.approx(1.0)


def test_random_arrivals_have_a_flat_diagram():
    time = np.random.default_rng(1).integers(0, 10**9 + 1, 64 * BINS)
    found = slope(counts(time, 10**9))
    assert abs(found.value) < 2 * found.error
    assert diagram(counts(time, 10**9))[:6] == pytest.approx(np.full(6, 6), abs=0.25)


@pytest.mark.parametrize("hurst", [0.5, 0.6, 0.7, 0.8, 0.9])
def test_slope_tells_the_hurst_exponent_of_fractional_gaussian_noise(hurst):
    found = slope(fractional_gaussian_noise(hurst, BINS, np.random.default_rng(3)))
    assert found.hurst == pytest.approx(hurst, abs=0.03)
    assert 0 < found.error < 0.03


def fractional_gaussian_noise(hurst, count, rng):
    """Davies & Harte 1987: exact, by a circulant covariance."""
    lag = np.arange(count + 1.0)
    covariance = ((lag + 1) ** (2 * hurst) - 2 * lag ** (2 * hurst) + np.abs(lag - 1) ** (2 * hurst)) / 2
    spectrum = np.fft.fft(np.concatenate([covariance, covariance[-2:0:-1]])).real
    noise = rng.standard_normal(2 * count) + 1j * rng.standard_normal(2 * count)
    return np.fft.fft(np.sqrt(np.maximum(spectrum, 0) / (2 * count)) * noise).real[:count]


@given(traces())
def test_energies_of_all_octaves_add_up_to_the_sum_of_squares(trace):
    values = counts(trace.time_ns - trace.time_ns[0], trace.span_ns)
    energy, number = energies(values)
    rest = values.reshape(LEFT, -1).sum(axis=1)
    left = np.square(rest).sum() * LEFT / BINS
    assert (energy * number).sum() + left == pytest.approx(np.square(values).sum())


@pytest.mark.parametrize("span", [1, BINS - 1, BINS, 10**9 + 7, 2**62])
def test_bins_are_exact(span):
    time = [0, 1, span // 3, span - 1, span]
    expected = np.bincount([min(one * BINS // span, BINS - 1) for one in time], minlength=BINS)
    assert (counts(np.array(time), span) == expected).all()


def test_semi_experiments_keep_the_rest():
    flows, order = EXAMPLE.flows, EXAMPLE.flows.order
    begin, rng = EXAMPLE.time_ns[0], np.random.default_rng
    time = EXAMPLE.time_ns[order] - begin
    moved, mixed = starts_redrawn(EXAMPLE, rng(5)), gaps_shuffled(EXAMPLE, rng(5))
    first, last = flows.first, flows.last
    assert moved.min() >= 0
    assert moved.max() <= EXAMPLE.span_ns
    inside = np.setdiff1d(np.arange(len(time)), first)
    assert (np.diff(moved)[inside - 1] == np.diff(time)[inside - 1]).all()
    assert (moved[first] != time[first]).any()
    assert (mixed[first] == time[first]).all()
    assert (mixed[last] == time[last]).all()
    assert (np.sort(np.diff(mixed)[inside - 1]) == np.sort(np.diff(time)[inside - 1])).all()
    assert (mixed != time).any()


@pytest.mark.parametrize(("real", "synthetic"), [(0, 1), (1, 0)])
def test_traces_of_one_moment_have_no_scales(real, synthetic):
    one_moment, usual = packets([5, 5]), packets([5, 50, 51])
    given = [(usual, one_moment)[side] for side in (real, synthetic)]
    scores = score(ntgbench_metrics(), *given, seed=1)
    assert scores["diagram"]["undefined"]
    assert ("undefined" in scores["queue_80"]) == (real == 1)


def test_a_real_trace_without_delay_gives_a_reason():
    constant = packets(1000 * np.arange(50))
    assert isinstance(queue_replay(constant, EXAMPLE, 1)["queue_50"], str)
    assert queue_replay(constant, constant, 1)["loss_95"] == 0


@pytest.mark.parametrize("name", [spec.name for spec in ntgbench_metrics()])
def test_keeps_the_contract(name):
    for check in metric_checks(name):
        check()
