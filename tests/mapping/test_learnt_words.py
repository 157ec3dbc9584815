"""Vectors of the words of any columns."""

import numpy as np
import pytest

from ntgbench.mapping import words as module
from ntgbench.mapping.words import learnt, sentences

RNG = np.random.default_rng(1)
PORTS, SERVICES, LENGTHS = RNG.integers(0, 9, 300), RNG.integers(5, 14, 300), RNG.integers(5, 14, 300)
COLUMNS = [("port", PORTS), ("port", SERVICES), ("length", LENGTHS)]


def test_each_kind_has_its_values_in_order_and_a_vector_for_each() -> None:
    found = learnt(COLUMNS, 1, 4)
    assert list(found) == ["port", "length"]
    assert found["port"][0].tolist() == np.union1d(PORTS, SERVICES).tolist()
    assert found["length"][0].tolist() == np.unique(LENGTHS).tolist()
    for values, vectors in found.values():
        assert vectors.shape == (len(values), 4)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()


def test_one_value_of_two_kinds_is_two_words() -> None:
    found = learnt(COLUMNS, 1)
    both = np.intersect1d(found["port"][0], found["length"][0])
    assert len(both) == 9
    port, length = (vectors[np.isin(values, both)] for values, vectors in found.values())
    assert (np.abs(port - length).max(axis=1) > 1e-3).all()


@pytest.mark.parametrize("skip_gram", [False, True])
def test_the_seed_decides(skip_gram) -> None:
    one, same, other = (learnt(COLUMNS, seed, 5, skip_gram)["port"][1] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.allclose(one, other)


def test_skip_gram_is_another_training() -> None:
    bags, skip = (learnt(COLUMNS, 1, 5, one)["port"][1] for one in (False, True))
    assert not np.allclose(bags, skip)


@pytest.mark.parametrize("skip_gram", [False, True])
def test_words_that_occur_with_the_same_words_become_alike(skip_gram) -> None:
    # Ports 0..9 occur with lengths 0..4, and ports 10..19 with lengths 5..9.
    rng = np.random.default_rng(2)
    group = rng.integers(0, 2, 20_000)
    port, length = (size * group + rng.integers(0, size, len(group)) for size in (10, 5))
    vectors = learnt([("port", port), ("length", length)], 1, 10, skip_gram)["port"][1]
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    most_alike = np.argmax(units @ units.T - 2 * np.eye(20), axis=1)
    np.testing.assert_array_equal(most_alike // 10, np.arange(20) // 10)


def test_a_single_sentence_suffices() -> None:
    found = learnt([("a", np.array([3])), ("b", np.array([2**40]))], 1, 2, True)
    assert [values.tolist() for values, _ in found.values()] == [[3], [2**40]]


def test_few_sentences_are_all_learnt_from() -> None:
    assert sentences((PORTS, LENGTHS), 1).tolist() == [*range(300)]


def test_of_many_sentences_some_are_drawn_and_every_word_is_among_them(monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_SENTENCES", 50)
    rare = np.arange(300) // 10
    one, same, other = (sentences((rare, LENGTHS), seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert (np.diff(one) > 0).all()
    assert 50 <= len(one) <= 50 + 30 + 9
    assert set(rare[one].tolist()) == set(rare.tolist())
    assert set(LENGTHS[one].tolist()) == set(LENGTHS.tolist())
