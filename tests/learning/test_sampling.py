"""The sampling loop: it draws from the model's distribution, and only what may follow."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from ntgbench.learning import sampling
from ntgbench.mapping.tokens import EOS, TokenMapping

MAPPING = TokenMapping(classes=2, packets=3, pl_max=2)


class Table:
    """Logits that depend on all tokens so far, through a number made of them: a model whose state is that number."""

    def __init__(self, rows: int, asked: list[int] | None = None) -> None:
        self.history = np.zeros(rows, np.int64)
        self.asked = asked if asked is not None else []

    def step(self, tokens: np.ndarray) -> torch.Tensor:
        self.asked.append(len(tokens))
        self.history = self.history[: len(tokens)] * MAPPING.vocabulary + tokens
        return logits(torch.from_numpy(self.history))

    def select(self, rows: np.ndarray) -> "Table":
        chosen = Table(len(rows), self.asked)
        chosen.history = self.history[rows]
        return chosen


def logits(history: torch.Tensor) -> torch.Tensor:
    return 1.5 * torch.sin(1.0 + history[:, None] * torch.arange(1, MAPPING.vocabulary + 1))


@cache
def distribution(label: int) -> dict[tuple[int, ...], float]:
    """Probability of each row, by going through all of them."""
    unfinished, finished = {(label + 2,): 1.0}, {}
    for position in range(MAPPING.packets):
        going = {}
        for row, before in unfinished.items():
            history = 0
            for token in row:
                history = history * MAPPING.vocabulary + token
            weight = logits(torch.tensor([history])).double().exp()[0].numpy()
            weight[: MAPPING.first_value if position == 0 else EOS] = 0
            weight[EOS + 1 : MAPPING.first_value] = 0
            for token in np.flatnonzero(weight):
                after = before * weight[token] / weight.sum()
                (finished if token == EOS else going)[(*row, int(token))] = after
        unfinished = going
    finished |= {(*row, EOS): probability for row, probability in unfinished.items()}
    return {(*row, *[0] * (MAPPING.packets + 2 - len(row))): p for row, p in finished.items()}


@pytest.mark.parametrize("largest_batch", [1000, 97])
def test_rows_have_the_distribution_of_plain_multinomial_sampling(monkeypatch, largest_batch) -> None:
    monkeypatch.setattr(sampling, "LARGEST_BATCH", largest_batch)
    labels = np.random.default_rng(1).permutation(np.repeat(np.array([0, 1], np.int32), 10_000))
    rows = sampling.Sampler(Table, MAPPING).sample(labels, np.random.default_rng(2))
    for label in (0, 1):
        expected = distribution(label)
        assert sum(expected.values()) == pytest.approx(1.0)
        kinds, counts = np.unique(rows[labels == label], axis=0, return_counts=True)
        found = {tuple(kind): count for kind, count in zip(kinds.tolist(), counts, strict=True)}
        assert found.keys() <= expected.keys()
        often = [row for row, p in expected.items() if p * 10_000 >= 5]
        observed = [found.get(row, 0) for row in often]
        wanted = [expected[row] * 10_000 for row in often]
        rest = [10_000 - sum(observed)], [10_000 - sum(wanted)]
        assert chisquare(observed + rest[0], wanted + rest[1]).pvalue > 0.001


def test_rows_follow_from_the_random_state_alone() -> None:
    labels = np.resize(np.array([0, 1], np.int32), 500)
    first, same = (sampling.Sampler(Table, MAPPING).sample(labels, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, same)
    other = sampling.Sampler(Table, MAPPING).sample(labels, np.random.default_rng(4))
    assert (first != other).any()
    # What else is made makes no difference to a row.
    some = sampling.Sampler(Table, MAPPING).sample(labels[:100], np.random.default_rng(3))
    np.testing.assert_array_equal(some, first[:100])


def test_an_independent_row_is_what_its_numbers_draw_one_token_after_the_other() -> None:
    labels = np.resize(np.array([0, 1], np.int32), 200)
    made = sampling.Sampler(Table, MAPPING).sample(labels, np.random.default_rng(7))
    numbers = np.random.default_rng(7).random((200, MAPPING.packets), np.float32)
    for row, label, own in zip(made.tolist(), labels.tolist(), numbers, strict=True):
        expected = distribution(label)
        for position in range(MAPPING.packets):
            known, token = tuple(row[: position + 1]), row[position + 1]
            # Probabilities of this and of all lower tokens, given those before.
            whole, below, upto = (
                sum(p for other, p in expected.items() if other[: len(known)] == known and other[len(known)] in tokens)
                for tokens in (range(MAPPING.vocabulary), range(token), range(token + 1))
            )
            assert below / whole - 1e-6 <= own[position] <= upto / whole + 1e-6
            if token == EOS:
                break


@given(
    counts=st.tuples(st.integers(0, 9), st.integers(0, 300)),
    largest_batch=st.sampled_from([7, 97, 1000]),
    seed=st.integers(0, 2**32 - 1),
)
def test_systematic_rows_share_out_the_distribution(counts, largest_batch, seed) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.array([0, 1], np.int32), counts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "LARGEST_BATCH", largest_batch)
        rows = sampling.Sampler(Table, MAPPING, "systematic").sample(labels, rng)
    np.testing.assert_array_equal(rows[:, 0], MAPPING.class_tokens(labels))
    for label, count in enumerate(counts):
        own = rows[labels == label]
        for length in range(2, MAPPING.packets + 3):
            wanted: dict[tuple[int, ...], float] = {}
            for row, p in distribution(label).items():
                wanted[row[:length]] = wanted.get(row[:length], 0.0) + count * p
            found = dict.fromkeys(map(tuple, own[:, :length].tolist()), 0)
            for row in map(tuple, own[:, :length].tolist()):
                found[row] += 1
            assert found.keys() <= wanted.keys()
            # The model's probabilities are float32.
            assert all(abs(found.get(row, 0) - share) < 1 + 1e-6 * count for row, share in wanted.items())


def test_systematic_rows_follow_from_the_random_state_alone_whatever_the_batches(monkeypatch) -> None:
    labels = np.resize(np.array([0, 1, 1], np.int32), 500)
    sampler = sampling.Sampler(Table, MAPPING, "systematic")
    first, same, other = (sampler.sample(labels, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    monkeypatch.setattr(sampling, "LARGEST_BATCH", 13)
    np.testing.assert_array_equal(sampler.sample(labels, np.random.default_rng(3)), first)
    assert sampler.sample(labels[:0], np.random.default_rng(3)).shape == (0, 5)


def test_what_biflows_begin_with_is_read_once() -> None:
    asked: list[int] = []
    sampler = sampling.Sampler(lambda count: Table(count, asked), MAPPING)
    assert asked == [2]
    labels = np.resize(np.array([0, 1], np.int32), 200)
    rng = np.random.default_rng(5)
    for _ in range(2):
        asked.clear()
        rows = sampler.sample(labels, rng)
        going = rows[rows[:, 2] != EOS]
        assert asked == [len(np.unique(rows[:, :2], axis=0)), len(np.unique(going[:, :3], axis=0))]


@pytest.mark.parametrize("ended", [5, 50])
def test_finished_rows_cost_nothing_when_they_are_many(ended: int) -> None:
    """Of a model whose rows share nothing, and of which some end at their second packet."""
    mapping = TokenMapping(classes=1, packets=3, pl_max=100)
    asked: list[int] = []

    class Unlike(Table):
        def step(self, tokens: np.ndarray) -> torch.Tensor:
            self.asked.append(len(tokens))
            likely = torch.zeros(len(tokens), mapping.vocabulary)
            if len(self.asked) == 2:
                likely[:ended, EOS] = 1e9
            return likely

        def select(self, rows: np.ndarray) -> "Unlike":
            return Unlike(len(rows), self.asked)

    # Each number begins a biflow of its own.
    class Spread:
        def random(self, shape: tuple[int, int], dtype: type) -> np.ndarray:
            return np.tile((np.arange(shape[0], dtype=dtype)[:, None] + 0.5) / shape[0], shape[1])

    rows = sampling.Sampler(lambda count: Unlike(count, asked), mapping).sample(np.zeros(100, np.int32), Spread())
    assert (rows[:, 2] == EOS).sum() == ended
    assert asked == [1, 100, 100 if ended < 10 else 100 - ended]


def test_no_rows_are_made_of_no_labels() -> None:
    assert sampling.Sampler(Table, MAPPING).sample(np.zeros(0, np.int32), np.random.default_rng(6)).shape == (0, 5)


HIGHEST = float(np.nextafter(np.float32(1), np.float32(0)))


@pytest.mark.parametrize("times", [1, sampling.MANY])
def test_the_lowest_and_the_highest_number_draw_possible_tokens(times: int) -> None:
    likely = torch.tensor([0.0, 0.0, 0.25, 0.0, 0.75, 0.0]).repeat(4 * times, 1)
    numbers = np.array([0.0, 0.2499, 0.25, HIGHEST] * times, np.float32)
    assert sampling.draw(likely, np.arange(4 * times), numbers).tolist() == [2, 2, 4, 4] * times


@pytest.mark.parametrize("vocabulary", [1, 5, sampling.BLOCK, sampling.BLOCK + 1, 3 * sampling.BLOCK, 2929])
def test_tokens_of_many_rows_are_those_of_exact_arithmetic(vocabulary: int) -> None:
    rng = np.random.default_rng(vocabulary)
    likely = rng.exponential(size=(400, vocabulary)).astype(np.float32) * (rng.random((400, vocabulary)) < 0.3)
    likely[:, rng.integers(vocabulary)] += 0.1  # no row of zeros
    numbers = np.r_[np.zeros(9), np.full(9, HIGHEST), rng.random(382)].astype(np.float32)
    cumulated = likely.astype(np.float64).cumsum(axis=1)
    share = cumulated / cumulated[:, -1:]
    tokens = sampling.draw(torch.from_numpy(likely), np.arange(400), numbers)
    assert (np.take_along_axis(likely, tokens[:, None], 1) > 0).all()
    # The place that a number falls on begins before it and ends behind it, up to rounding.
    begin, end = (np.take_along_axis(np.c_[np.zeros(400), share], tokens[:, None] + k, 1)[:, 0] for k in (0, 1))
    assert (begin <= numbers + 1e-6).all()
    assert (numbers <= end + 1e-6).all()


@pytest.mark.parametrize("largest_batch", [1000, 7])
def test_likelihoods_are_the_probabilities_of_all_rows(monkeypatch, largest_batch) -> None:
    monkeypatch.setattr(sampling, "LARGEST_BATCH", largest_batch)
    expected = distribution(0) | distribution(1)
    rows = np.random.default_rng(3).permutation(np.array(list(expected)))
    told = sampling.Sampler(Table, MAPPING).log_likelihood(rows)
    assert told.shape == (len(rows), MAPPING.packets + 1)
    assert np.exp(told.sum(axis=1)) == pytest.approx([expected[tuple(row)] for row in rows.tolist()], rel=1e-5)
    assert not told[:, -1].any()  # the end after all packets is certain
    assert sampling.Sampler(Table, MAPPING).log_likelihood(rows[:0]).shape == (0, MAPPING.packets + 1)
