"""heldout_bits: closed forms, and a plain sum over tokens."""

import math

import numpy as np
import pytest
from ntgbench_fidelity.likelihood import EPSILON, bits_of, heldout_bits

from ntgbench.interfaces import Measured
from ntgbench.testing import example_traffic
from ntgbench.traffic.biflows import Biflows


def measured(real, likelihood) -> Measured:
    found = heldout_bits(real, real, 1, likelihood)["heldout_bits"]
    assert isinstance(found, Measured)
    return found


def test_a_uniform_law_costs_the_logarithm_of_the_number_of_tokens() -> None:
    real = example_traffic(packets=6, pl_max=40)
    uniform = np.log(np.full((len(real), 7), 1 / 81))
    uniform[:, 0] = np.log(1 / 80)
    lengths = real.lengths()
    ends = lengths < 6  # the end after six packets is certain
    expected = math.log2(80) + (lengths - 1 + ends) * math.log2(81)
    assert bits_of(real, uniform) == pytest.approx(expected)
    assert measured(real, uniform).value == pytest.approx(expected.mean())


def test_it_is_a_sum_over_the_tokens_of_a_biflow() -> None:
    real = example_traffic(packets=5, pl_max=30)
    rng = np.random.default_rng(1)
    with np.errstate(divide="ignore"):
        likelihood = np.log(np.where(rng.random((len(real), 6)) < 0.2, 0, rng.random((len(real), 6))))
    expected = []
    for row, logs in zip(real.signed_pl.tolist(), likelihood.tolist(), strict=True):
        bits, flow = 0.0, [one for one in row if one]
        for place in range(min(len(flow) + 1, 5)):
            possible = 60 if place == 0 else 61
            bits -= math.log2((1 - EPSILON) * math.exp(logs[place]) + EPSILON / possible)
        expected.append(bits)
    assert bits_of(real, likelihood) == pytest.approx(expected, rel=1e-12)


def test_what_is_certain_costs_next_to_nothing_and_the_impossible_a_finite_price() -> None:
    real = Biflows([[5, -7, 0]], [0], ("a",), pl_max=10)
    assert bits_of(real, np.zeros((1, 4)))[0] == pytest.approx(0, abs=0.05)
    price = -math.log2(EPSILON / 20) - 2 * math.log2(EPSILON / 21)
    assert bits_of(real, np.full((1, 4), -np.inf))[0] == pytest.approx(price)


def test_the_interval_is_over_sessions_where_there_are_any() -> None:
    rng = np.random.default_rng(2)
    level = np.repeat(rng.random(20), 50)
    plain = Biflows(np.full((1000, 2), 5), np.zeros(1000, int), ("a",))
    sessions = Biflows(plain.signed_pl, plain.label, ("a",), session=np.repeat(np.arange(20), 50))
    likelihood = np.stack([-9 * level, -level, np.zeros(1000)], axis=1)
    alone, together = measured(plain, likelihood), measured(sessions, likelihood)
    assert alone.value == together.value
    assert alone.low < alone.value < alone.high
    assert together.high - together.low > 3 * (alone.high - alone.low)
    one = Biflows(plain.signed_pl, plain.label, ("a",), session=np.zeros(1000, int))
    assert measured(one, likelihood).low is None


def test_a_system_without_likelihoods_has_no_number() -> None:
    real = example_traffic()
    assert heldout_bits(real, real, 1, None) == {"heldout_bits": "the system tells no likelihoods"}
    nothing = heldout_bits(real.select([]), real, 1, np.zeros((0, 11)))["heldout_bits"]
    assert nothing == "there are no held-out biflows of classes that the system has learnt"
