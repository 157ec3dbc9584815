"""Grams of several lengths, and positions: what is special about them."""

import importlib.util
from math import comb
from pathlib import Path

import numpy as np
import pytest
from ntgbench_fidelity import ngrams
from ntgbench_fidelity.positions import TRIPLES, by_position, kmarginal, triples

from ntgbench.traffic.biflows import Biflows

_spec = importlib.util.spec_from_file_location("plain_fidelity", Path(__file__).with_name("plain_fidelity.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)


def biflows(*rows, pl_max=1460):
    return Biflows(np.array(rows), np.zeros(len(rows), int), ("chat",), pl_max=pl_max)


def test_grams_of_long_payloads_are_told_apart():
    # Five lengths of 16 bits are more than a key of 64 bits holds.
    rng = np.random.default_rng(0)
    sides = [
        Biflows(rng.choice([-32767, -1, 1, 32767], (400, 6)), rng.integers(0, 3, 400), tuple("abc"), pl_max=32767)
        for _ in range(2)
    ]
    assert ngrams.raw(*sides, 0) == pytest.approx(plain.long_raw(*sides), abs=1e-12, rel=0)
    first_differs = biflows([1, 9, 9, 9, 9], pl_max=32767), biflows([2, 9, 9, 9, 9], pl_max=32767)
    assert ngrams.raw(*first_differs, 0)["jsd_5gram_raw"] == 1.0


def test_longer_grams_see_what_pairs_do_not():
    # Both sides have the same pairs: a cycle once around and back, and its halves exchanged.
    one, other = biflows([1, 2, 3, 2, 1, 2], [2, 3, 2, 1, 2, 3]), biflows([1, 2, 1, 2, 3, 2], [2, 3, 2, 3, 2, 1])
    found = ngrams.raw(one, other, 0)
    assert 0 < found["jsd_3gram_raw"] < found["jsd_5gram_raw"]


def test_positions_by_hand():
    # Position 1 is the same, position 2 apart, position 3 absent from half of the real biflows, 4 from all.
    real, synthetic = biflows([5, 400, 7, 0], [5, 400, 0, 0]), biflows([5, -400, 7, 0], [5, -400, 7, 0])
    half = 0.5 * (0.5 * np.log2(0.5 / 0.75) + 0.5 * np.log2(0.5 / 0.25)) + 0.5 * np.log2(1 / 0.75)
    assert by_position(real, synthetic, 0)["jsd_position"] == pytest.approx((0 + 1 + half + 0) / 4, abs=1e-15)


def test_order_within_a_biflow_counts():
    real, synthetic = biflows([5, 400, 900]), biflows([900, 400, 5])
    assert by_position(real, synthetic, 0)["jsd_position"] == pytest.approx(2 / 3)
    assert kmarginal(real, synthetic, 0) == {"kmarginal": 1.0}


def test_a_triple_by_hand():
    real = biflows([5, 5, 5], [5, 5, 5], [400, 5, 5], [5, 5, 0])
    synthetic = biflows([5, 5, 5], [400, 5, 5], [400, 5, 5], [400, 5, 5])
    # Shares of the three cells: 2/4, 1/4, 1/4 and 1/4, 3/4, 0.
    assert kmarginal(real, synthetic, 0) == {"kmarginal": 0.5}


@pytest.mark.parametrize("packets", range(1, 11))
def test_all_triples_of_few_positions_are_compared_whatever_the_seed(packets):
    found = triples(packets, 1)
    assert len(found) == len(np.unique(found, axis=0)) == comb(packets, min(packets, 3)) <= TRIPLES
    assert (np.diff(found, axis=1) > 0).all()
    assert (found >= 0).all()
    assert (found < packets).all()
    np.testing.assert_array_equal(found, triples(packets, 2))


@pytest.mark.parametrize("packets", [11, 4096])
def test_of_many_positions_some_triples_are_drawn_by_the_seed(packets):
    found = triples(packets, 1)
    assert found.shape == np.unique(found, axis=0).shape == (TRIPLES, 3)
    assert (np.diff(found, axis=1) > 0).all()
    assert (found >= 0).all()
    assert (found < packets).all()
    assert not np.array_equal(found, triples(packets, 2))
    np.testing.assert_array_equal(found, triples(packets, 1))


def test_triples_reach_all_positions_alike():
    drawn = np.concatenate([triples(40, seed) for seed in range(100)])
    # 12,000 draws of three positions: each is drawn 900 times, with a standard deviation of 29.
    assert np.abs(np.bincount(drawn.ravel(), minlength=40) - 900).max() < 6 * 29
