"""Words, and the nearest ones."""

from dataclasses import replace

import numpy as np
import pytest
from ntgbench_e_wgan_gp.vocabulary import KINDS, PLACES, Sort, Table, Vocabulary

from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace import TCP, UDP, PacketTrace

TRAIN = example_trace()


def columns_of(trace):
    names = ("source", "destination", "source_port", "destination_port", "ttl", "ip_length")
    return {name: getattr(trace, name) for name in names}


@pytest.fixture(scope="module")
def learnt():
    return Vocabulary.learn(TRAIN, 1, 10)


def exact(vocabulary, words):
    """The vectors of words, float32 (N, 6, w)."""
    return np.stack([vocabulary.tables[kind].vectors[words[:, place]] for place, kind in enumerate(PLACES)], axis=1)


def protocols(vocabulary, trace):
    return (trace.protocol[:, None] == vocabulary.protocols).astype(np.float32)


def test_the_vectors_of_packets_decode_to_these_packets(learnt):
    vocabulary, words = learnt
    made = vocabulary.decode(exact(vocabulary, words), protocols(vocabulary, TRAIN))
    for name, column in (columns_of(TRAIN) | {"protocol": TRAIN.protocol}).items():
        np.testing.assert_array_equal(made[name], column, err_msg=name)


def test_every_value_is_a_word_of_its_kind_with_a_vector(learnt):
    vocabulary, words = learnt
    assert set(vocabulary.tables) == set(KINDS)
    for kind, columns in {
        "ip": (TRAIN.source, TRAIN.destination),
        "port": (TRAIN.source_port, TRAIN.destination_port),
        "ttl": (TRAIN.ttl,),
        "pkt_len": (TRAIN.ip_length,),
    }.items():
        table = vocabulary.tables[kind]
        np.testing.assert_array_equal(table.values, np.unique(np.concatenate(columns), axis=0))
        assert table.vectors.shape == (len(table.values), 10)
        assert len(np.unique(table.vectors, axis=0)) == len(table.values)
    assert words.shape == (len(TRAIN), 6)


def test_the_seed_and_the_width_decide_on_the_vectors(learnt):
    again, other, wide = (Vocabulary.learn(TRAIN, seed, width)[0] for seed, width in ((1, 10), (2, 10), (1, 4)))
    assert np.array_equal(again.tables["port"].vectors, learnt[0].tables["port"].vectors)
    assert not np.array_equal(other.tables["port"].vectors, learnt[0].tables["port"].vectors)
    assert wide.tables["port"].vectors.shape[1] == 4


def test_the_nearest_word_is_that_of_the_smallest_euclidean_distance():
    rng = np.random.default_rng(1)
    # Vectors of very different lengths, for which cosine and distance disagree.
    known = (rng.normal(size=(3000, 10)) * rng.lognormal(0, 1, (3000, 1))).astype(np.float32)
    table = Table(np.arange(3000), known)
    vocabulary = made_up(port=table)
    vectors = np.zeros((500, 6, 10), np.float32)
    vectors[:, 2] = rng.normal(size=(500, 10))
    found = vocabulary.decode(vectors, np.ones((500, 1), np.float32))["source_port"]
    distance = np.linalg.norm(vectors[:, 2, None].astype(np.float64) - known, axis=2)
    np.testing.assert_array_equal(found, np.argmin(distance, axis=1))
    cosine = (vectors[:, 2] @ known.T) / np.linalg.norm(known, axis=1)
    assert (found != np.argmax(cosine, axis=1)).mean() > 0.2


PLAIN = (Sort(True, UDP, 0, 0, 0, 0),)


def made_up(sorts=PLAIN, **tables):
    """A vocabulary of vectors at random, in which only what is given has been chosen."""
    addresses = np.array([[0, 0xFFFF_0000_0001]], np.uint64)
    small = {
        "ip": Table(addresses, np.ones((1, 10), np.float32)),
        **{kind: Table(np.array([100]), np.ones((1, 10), np.float32)) for kind in ("port", "ttl", "pkt_len")},
    }
    return Vocabulary(small | tables, sorts)


def test_a_length_without_room_for_the_headers_is_not_taken():
    lengths = Table(np.array([28, 39, 40, 1500]), np.eye(4, 10, dtype=np.float32))
    sorts = (Sort(True, TCP, 0, 16, 0, 0), Sort(True, UDP, 0, 0, 0, 0))
    vectors = np.zeros((2, 6, 10), np.float32)
    vectors[:, 5, :] = [1.0, 0.5, 0.2, 0.1, *[0] * 6]
    made = made_up(sorts, pkt_len=lengths).decode(vectors, np.eye(2, dtype=np.float32))
    assert made["protocol"].tolist() == [TCP, UDP]
    assert made["ip_length"].tolist() == [40, 28]
    assert made["tcp_flags"].tolist() == [16, 0]


def test_where_no_length_has_room_a_packet_is_its_headers_alone():
    lengths = Table(np.array([20, 30]), np.eye(2, 10, dtype=np.float32))
    vectors = np.zeros((1, 6, 10), np.float32)
    made = made_up((Sort(True, TCP, 0, 0, 0, 0),), pkt_len=lengths).decode(vectors, np.ones((1, 1), np.float32))
    assert made["ip_length"].tolist() == [40]


def test_fields_that_are_not_made_are_those_that_such_packets_have_most_often():
    few = TRAIN.select(np.flatnonzero((TRAIN.protocol == TCP) & TRAIN.is_ipv4())[:5])
    train = replace(
        few,
        tos=np.array([8, 8, 0, 0, 8], np.uint8),
        tcp_flags=np.array([2, 18, 16, 24, 24], np.uint8),
        ip_id=np.array([0, 7, 7, 1, 2], np.uint16),
        ip_flags=np.array([0, 2, 2, 2, 0], np.uint8),
    )
    assert Vocabulary.learn(train, 1, 3)[0].sorts == (Sort(True, TCP, 8, 24, 7, 2),)


def test_words_of_the_same_number_but_other_kinds_are_not_one():
    trace = PacketTrace.of(
        time_ns=np.arange(4), source=np.full(4, 64), destination=np.full(4, 64), source_port=np.full(4, 64),
        destination_port=np.full(4, 64), protocol=np.full(4, UDP), ip_length=np.full(4, 64), ttl=np.full(4, 64),
    )  # fmt: skip
    vocabulary, _ = Vocabulary.learn(trace, 1, 10)
    vectors = np.concatenate([vocabulary.tables[kind].vectors for kind in KINDS])
    assert len(vectors) == len(np.unique(vectors, axis=0)) == 4
