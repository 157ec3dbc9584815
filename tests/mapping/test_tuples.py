"""5-tuples as bits and vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_port_words import random_words, words_of
from made_traces import trace, traces

from ntgbench.mapping.tuples import Tuples
from ntgbench.traffic.trace import TCP, UDP, PacketTrace, is_ipv4

COLUMNS = ("source", "destination", "source_port", "destination_port", "protocol")


def through(packets, tuples):
    vectors = np.zeros((len(packets), 0), np.float32)
    if tuples.words is not None:
        vectors = tuples.words.table()[tuples.words.index(packets)].reshape(len(packets), -1)
    bits = tuples.encode(packets)
    assert bits.dtype == np.uint8
    assert bits.shape == (len(packets), tuples.bits)
    assert vectors.shape == (len(packets), 10 * tuples.vectors)
    return tuples.decode(bits, vectors)


@given(traces(), st.booleans(), st.booleans())
@settings(max_examples=30, deadline=None)
def test_every_5_tuple_comes_back(packets, only_ipv4, with_words):
    if only_ipv4 and packets.is_ipv4().any():
        packets = packets.select(packets.is_ipv4())
    tuples = Tuples(not packets.is_ipv4().all(), words_of(packets) if with_words else None)
    decoded = through(packets, tuples)
    for name in COLUMNS:
        assert decoded[name].dtype == getattr(packets, name).dtype
        assert np.array_equal(decoded[name], getattr(packets, name)), name


def test_hand_worked_bits():
    packets = trace((0, (0x0A000001, 1), (0xC0000203, 0x8002), -1, 0))
    bits = "".join(map(str, Tuples(False, None).encode(packets)[0]))
    assert bits[:64] == "00001010000000000000000000000001" + "11000000000000000000001000000011"
    assert bits[64:] == "0000000000000001" + "1000000000000010" + "1"


def test_numbers_of_a_5_tuple():
    words = random_words([1], [6])
    # CascadeNet: 128 numbers for the addresses and 30 for ports and protocol.
    assert Tuples(False, words).width == 158
    assert Tuples(False, None).width == 2 * (64 + 33)
    assert Tuples(True, words).width == 2 * 257 + 30
    assert Tuples(True, None).width == 2 * (256 + 33 + 1)


def test_ipv4_among_ipv6_has_the_last_bits():
    packets = trace((0, (0x0A000001, 1), (2, 3), 16, 0))
    bits = Tuples(True, None).encode(packets)[0]
    assert bits[:96].tolist() == [0] * 96
    assert bits[96:128].tolist() == Tuples(False, None).encode(packets)[0][:32].tolist()
    assert bits[-1] == 0


@pytest.mark.parametrize("ipv6", [False, True])
@pytest.mark.parametrize("with_words", [False, True])
def test_any_bits_are_a_5_tuple(ipv6, with_words):
    rng = np.random.default_rng(1)
    tuples = Tuples(ipv6, random_words(rng.integers(0, 65536, 50), [TCP, UDP]) if with_words else None)
    bits = rng.integers(0, 2, (200, tuples.bits), np.uint8)
    if ipv6:
        # The bits of an IPv4 address inside IPv6, which IPv6 must not have.
        bits[0, :128] = [0] * 80 + [1] * 16 + [0] * 32
        bits[:100, -1] = 1
        bits[100:, -1] = 0
    decoded = tuples.decode(bits, rng.normal(size=(200, 10 * tuples.vectors)).astype(np.float32))
    packets = PacketTrace.of(time_ns=np.arange(200), ip_length=np.full(200, 60), ttl=np.full(200, 1), **decoded)
    expected = (np.arange(200) >= 100) if ipv6 else np.ones(200, bool)
    assert np.array_equal(is_ipv4(packets.source), expected)
    assert np.array_equal(is_ipv4(packets.destination), expected)
    if with_words:
        assert np.isin(packets.source_port, tuples.words.ports).all()
