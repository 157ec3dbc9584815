"""Vectors of ports and protocols."""

import numpy as np
from made_port_words import random_words
from made_traces import trace

from ntgbench.mapping import words as module
from ntgbench.mapping.words import Words
from ntgbench.tracks.headers.example import example_trace

TRAIN = example_trace()


def test_every_word_has_a_vector_of_length_one():
    words = Words.learn(TRAIN, 3)
    assert words.ports.tolist() == sorted({*TRAIN.source_port.tolist(), *TRAIN.destination_port.tolist()})
    assert words.protocols.tolist() == [6, 17]
    assert words.table().shape == (len(words.ports) + 2, 10)
    np.testing.assert_allclose(np.linalg.norm(words.table(), axis=1), 1, rtol=1e-6)


def test_index_finds_the_words_of_each_packet():
    words = random_words([*TRAIN.source_port, *TRAIN.destination_port], TRAIN.protocol)
    names = [("port", port) for port in words.ports.tolist()] + [("proto", one) for one in words.protocols.tolist()]
    columns = [TRAIN.source_port.tolist(), TRAIN.destination_port.tolist(), TRAIN.protocol.tolist()]
    for row, source, destination, protocol in zip(words.index(TRAIN).tolist(), *columns, strict=True):
        assert [names[one] for one in row] == [("port", source), ("port", destination), ("proto", protocol)]


def test_ports_6_and_17_are_not_the_protocols_6_and_17():
    words = Words.learn(trace((0, (1, 6), (2, 17), 16, 0), (1, (1, 17), (2, 6), -1, 0)), 1)
    assert words.ports.tolist() == words.protocols.tolist() == [6, 17]
    assert len(np.unique(words.table(), axis=0)) == 4


def test_the_seed_decides_on_the_vectors():
    one, same, other = (Words.learn(TRAIN, seed).table() for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_every_word_is_learnt_when_not_all_packets_are(monkeypatch):
    monkeypatch.setattr(module, "MOST_SENTENCES", 5)
    words = Words.learn(TRAIN, 1)
    assert words.ports.tolist() == np.union1d(TRAIN.source_port, TRAIN.destination_port).tolist()
    assert words.protocols.tolist() == [6, 17]


def test_the_nearest_vector_is_the_one_with_the_smallest_angle():
    words = random_words(np.arange(0, 9000, 7), [6, 17])
    vectors = np.random.default_rng(1).normal(size=(1030, 10)).astype(np.float32)

    def plain(known, values):
        found = []
        for vector in vectors.astype(np.float64):
            cosines = [float(vector @ one) / np.linalg.norm(vector) / np.linalg.norm(one) for one in known]
            found.append(int(values[int(np.argmax(cosines))]))
        return found

    assert words.nearest_protocols(vectors).tolist() == plain(words.protocol_vectors, words.protocols)
    some = slice(1000, 1030)
    found = words.nearest_ports(vectors)
    vectors = vectors[some]
    assert found[some].tolist() == plain(words.port_vectors, words.ports)
    assert words.nearest_ports(np.zeros((0, 10), np.float32)).tolist() == []
