"""The generator: its contract, its probabilities, and that no decoder speaks of what it alone has learnt."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from ntgbench_crossfit.counts import counted
from ntgbench_crossfit.decoder import Decoder, DecoderSteps
from ntgbench_crossfit.folds import dealt, distinct, unlike
from ntgbench_crossfit.generator import CrossfitGenerator
from ntgbench_crossfit.parameters import CrossfitParameters
from ntgbench_crossfit.steps import UNSEEN, CrossfitSteps, Parts, seen_in
from ntgbench_llama.steps import Weights

from ntgbench.errors import PluginError
from ntgbench.interfaces import Budget, Context
from ntgbench.learning.sampling import Sampler
from ntgbench.mapping.tokens import TokenMapping
from ntgbench.testing import Check, system_checks
from ntgbench.tracks.biflows.example import example_traffic
from ntgbench.traffic.biflows import Biflows

SMALL = CrossfitParameters(hidden=16, intermediate=16, layers=1, heads=2, epochs=2, batch=16, folds=3, least_steps=1)


@pytest.mark.parametrize(
    "check", system_checks("crossfit[hidden=16,intermediate=16,layers=1,heads=2,epochs=1,least_steps=1]"), ids=str
)
def test_keeps_the_contract(check: Check) -> None:
    check()


@pytest.fixture(scope="module")
def train() -> Biflows:
    return example_traffic(packets=5)


@pytest.fixture(scope="module")
def fitted(train: Biflows) -> CrossfitGenerator:
    generator = CrossfitGenerator(SMALL)
    generator.fit(train, Context(seed=1))
    return generator


@pytest.mark.parametrize(("rows", "epochs"), [(1, 500), (16, 500), (17, 250), (4_000, 2), (5_000, 2)])
def test_few_biflows_are_learnt_in_more_epochs(rows: int, epochs: int) -> None:
    assert replace(SMALL, least_steps=500).for_rows(rows).epochs == epochs


def test_a_decoder_of_few_biflows_takes_the_least_steps(train: Biflows) -> None:
    few = train.select(np.arange(40))
    long, short = (CrossfitGenerator(replace(SMALL, folds=2, least_steps=steps)) for steps in (60, 1))
    for generator in (long, short):
        generator.fit(few, Context(seed=1))
    assert long.log_likelihood(few).sum() > short.log_likelihood(few).sum()


@pytest.mark.parametrize("library", [np, torch])
def test_steps_of_a_decoder_are_those_of_its_training(library) -> None:
    mapping = TokenMapping(classes=2, packets=4, pl_max=40)
    decoder = Decoder(SMALL, mapping)
    decoder.initialise(1)
    decoder.eval()
    rows = mapping.encode(
        np.array([[3, -40, 7, 1], [9, 9, -2, -1], [1, 2, 3, 4]], np.int16), np.array([0, 1, 1], np.int32)
    )
    steps = DecoderSteps(Weights(decoder.folded(), library), len(rows))
    with torch.no_grad():
        wanted = decoder(torch.from_numpy(rows))
        for position in range(3):
            torch.testing.assert_close(steps.step(rows[:, position]), wanted[:, position], atol=1e-5, rtol=1e-5)
        swapped = np.array([2, 0, 1])
        torch.testing.assert_close(
            steps.select(swapped).step(rows[swapped, 3]), wanted[swapped, 3], atol=1e-5, rtol=1e-5
        )


def without(fitted: CrossfitGenerator, changed: int) -> CrossfitGenerator:
    """The fitted system with another decoder of one fold."""
    decoder = Decoder(SMALL, fitted.mapping)
    decoder.initialise(99)
    decoders = [decoder.eval() if k == changed else one for k, one in enumerate(fitted.decoders)]
    starts = [partial(DecoderSteps, Weights(one.folded(), np)) for one in decoders]
    other = CrossfitGenerator(SMALL)
    other.mapping = fitted.mapping
    other.sampler = Sampler(partial(CrossfitSteps, Parts(fitted.counts, starts, fitted.seen)), fitted.mapping)
    return other


def test_only_the_decoder_that_has_not_learnt_from_a_biflow_speaks_of_it_alone(
    train: Biflows, fitted: CrossfitGenerator
) -> None:
    fold, _ = dealt(train, SMALL.folds, Context(seed=1).rng())
    rows = fitted.mapping.encode(train.signed_pl, train.label)
    # From where on each biflow is the only one that begins so.
    alone = np.array(
        [next((p for p in range(1, 7) if (rows[:, :p] == row[:p]).all(axis=1).sum() == 1), 7) for row in rows]
    )
    said = fitted.log_likelihood(train)
    for k in range(SMALL.folds):
        differs = ~np.isclose(without(fitted, k).log_likelihood(train), said, atol=1e-6)
        for position in range(1, 6):
            told_alone = (alone <= position) & (train.signed_pl[:, position - 1] != 0)
            # The tokens that follow such a beginning are of the decoder of the biflow's fold.
            assert not differs[told_alone & (fold != k), position].any()
    assert (alone < 6).any(), "some biflow is alone"


def test_probabilities_sum_to_one(fitted: CrossfitGenerator, train: Biflows) -> None:
    parts = Parts(
        fitted.counts, [partial(DecoderSteps, Weights(one.folded(), np)) for one in fitted.decoders], fitted.seen
    )
    rows = fitted.mapping.encode(train.signed_pl, train.label)
    steps = CrossfitSteps(parts, len(rows))
    for position in range(4):
        torch.testing.assert_close(steps.step(rows[:, position]).exp().sum(dim=1), torch.ones(len(rows)))


def test_lengths_that_a_class_lacks_are_much_rarer_than_decoders_say(train: Biflows, fitted: CrossfitGenerator) -> None:
    rows = fitted.mapping.encode(train.signed_pl, train.label)
    # Of one session alone there are no counts: the decoder says it all.
    counts = counted(rows, np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64), fitted.mapping, 1.0)
    starts = [partial(DecoderSteps, Weights(fitted.decoders[0].folded(), np))]
    seen = seen_in(rows, fitted.mapping)
    first = rows[:1, :1].ravel()
    said, plain = (
        CrossfitSteps(Parts(counts, starts, one[None]), 1).step(first)[0] for one in (seen, torch.ones_like(seen))
    )
    packets = slice(fitted.mapping.first_value, None)
    change = (said - plain)[packets]
    rarer = change[seen[train.label[0], packets]].mean() - change
    torch.testing.assert_close(rarer, torch.where(seen[train.label[0], packets], 0.0, UNSEEN), atol=1e-4, rtol=0)


def test_no_decoder_knows_a_length_that_its_fold_alone_has(train: Biflows, fitted: CrossfitGenerator) -> None:
    fold, _ = dealt(train, SMALL.folds, Context(seed=1).rng())
    rows = fitted.mapping.encode(train.signed_pl, train.label)
    for k in range(SMALL.folds):
        torch.testing.assert_close(fitted.seen[k], seen_in(rows[fold != k], fitted.mapping))
    assert (fitted.seen[0] != fitted.seen[1]).any(), "some length is of one fold"


def test_what_follows_a_class_is_what_its_biflows_have(train: Biflows, fitted: CrossfitGenerator) -> None:
    few = train.select(train.label != 0)
    seen = seen_in(fitted.mapping.encode(few.signed_pl, few.label), fitted.mapping).numpy()
    for label in range(1, len(train.classes)):
        values = set(few.signed_pl[few.label == label].ravel()) - {0}
        tokens = fitted.mapping.encode(
            np.array([[v, 0, 0, 0, 0] for v in values], np.int16), np.zeros(len(values), np.int32)
        )
        assert set(np.flatnonzero(seen[label])) - {0, 1} == set(tokens[:, 1])
    np.testing.assert_array_equal(seen[0], seen[1:].any(axis=0))


def test_a_saved_model_holds_no_biflow_of_one_session_alone(fitted: CrossfitGenerator, train: Biflows) -> None:
    rows = fitted.mapping.encode(train.signed_pl, train.label)
    lengths = np.zeros(len(fitted.counts.parent), np.int64)
    for node in range(fitted.mapping.classes, len(lengths)):
        lengths[node] = lengths[fitted.counts.parent[node]] + 1
    _, index, count = np.unique(rows[:, :-1], axis=0, return_index=True, return_counts=True)
    node = rows[:, 0] - rows[:, 0].min()
    depth = np.zeros(len(rows), np.int64)
    for position in range(1, rows.shape[1] - 1):
        node = fitted.counts.child(node, rows[:, position])
        depth += node >= 0
    for row in index[count == 1]:
        packets = np.count_nonzero(train.signed_pl[row])
        shared = max((rows[:, : p + 1] == rows[row, : p + 1]).all(axis=1).sum() > 1 and p for p in range(packets + 1))
        assert depth[row] <= shared + 1


def test_folds_are_of_whole_sessions_and_about_equal() -> None:
    session = np.repeat(np.arange(12), 5).astype(np.int32)
    train = Biflows(np.ones((60, 2), np.int16), np.zeros(60, np.int32), ("a",), session)
    fold, of = dealt(train, 3, np.random.default_rng(1))
    assert all(len(set(fold[session == one])) == 1 for one in range(12))
    assert np.bincount(fold).tolist() == [20, 20, 20]
    np.testing.assert_array_equal(of, session)


def test_folds_of_biflows_without_sessions_share_each_class() -> None:
    train = Biflows(np.ones((31, 2), np.int16), np.repeat([0, 1], [10, 21]).astype(np.int32), ("a", "b"))
    fold, of = dealt(train, 2, np.random.default_rng(1))
    assert np.bincount(fold[:10]).tolist() == [5, 5]
    assert abs(np.diff(np.bincount(fold[10:]))) == 1
    assert len(set(of)) == 31


def test_of_one_session_biflows_are_dealt() -> None:
    train = Biflows(np.ones((31, 2), np.int16), np.zeros(31, np.int32), ("a",), np.full(31, 7, np.int64))
    fold, of = dealt(train, 2, np.random.default_rng(1))
    assert abs(np.diff(np.bincount(fold))) == 1
    assert len(set(of)) == 31


def test_validation_has_no_row_that_is_learnt() -> None:
    rows, others = np.array([[1, 2], [3, 4], [1, 2]]), np.array([[3, 4], [5, 6]])
    np.testing.assert_array_equal(unlike(distinct(rows), distinct(others)), [[1, 2]])


@pytest.mark.parametrize("biflows", [1, 2, 3])
def test_a_few_biflows_are_enough(biflows: int) -> None:
    generator = CrossfitGenerator(SMALL)
    train = example_traffic(packets=5)
    few = train.select(np.arange(biflows))
    generator.fit(few, Context(seed=1))
    assert generator.sample(few.label, np.random.default_rng(1)).shape == (biflows, 5)


def test_saved_and_loaded_it_makes_the_same_traffic(fitted: CrossfitGenerator, train: Biflows, tmp_path) -> None:
    fitted.save(tmp_path)
    loaded = CrossfitGenerator(SMALL)
    loaded.load(tmp_path)
    made = [one.sample(train.label, np.random.default_rng(3)) for one in (fitted, loaded)]
    np.testing.assert_array_equal(*made)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("fold", lambda fold: fold + 7, "folds of the model"),
        ("parent", lambda parent: np.sort(parent)[::-1].copy(), "classes that come first"),
        ("share", lambda share: share + 2, "probabilities"),
        ("token", lambda token: token * 0, "in order"),
        ("novel", lambda novel: novel[1:], "columns differ in length"),
    ],
)
def test_damaged_counts_are_refused(fitted: CrossfitGenerator, tmp_path, name: str, change, said: str) -> None:
    from safetensors.torch import load_file, save_file

    fitted.save(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    tensors[name] = torch.from_numpy(np.ascontiguousarray(change(tensors[name].numpy())))
    save_file(tensors, file)
    with pytest.raises(PluginError, match=said):
        CrossfitGenerator(SMALL).load(tmp_path)


def test_a_killed_training_goes_on_with_the_decoder_it_was_at(train: Biflows, tmp_path) -> None:
    class Killed(Exception):
        pass

    def kill(done: float, total: float, note: str = "") -> None:
        if done > 1.5:
            raise Killed(note)

    whole, resumed = CrossfitGenerator(SMALL), CrossfitGenerator(SMALL)
    whole.fit(train, Context(seed=1))
    with pytest.raises(Killed, match="decoder 2 of 3"):
        resumed.fit(train, Context(seed=1, checkpoint=tmp_path, progress=kill))
    resumed.fit(train, Context(seed=1, checkpoint=tmp_path))
    for one, other in zip(whole.decoders, resumed.decoders, strict=True):
        for weight, same in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(weight, same, rtol=0, atol=0)


def test_the_budget_is_of_all_decoders(train: Biflows, caplog) -> None:
    steps = []
    generator = CrossfitGenerator(SMALL)
    generator.fit(train, Context(seed=1, budget=Budget(steps=6), progress=lambda done, *_: steps.append(done)))
    assert len(steps) == 6


@pytest.mark.parametrize(
    ("name", "value"), [("folds", 1), ("folds", 101), ("discount", 0.0), ("discount", 1.5), ("dropout", 1.0)]
)
def test_impossible_parameters_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        CrossfitParameters(**{name: value})


def test_less_discount_copies_more(train: Biflows) -> None:
    # Of the same decoders, since counts take no part in training.
    rows = []
    for discount in (1.0, 0.5, 0.1):
        generator = CrossfitGenerator(CrossfitParameters(**{**vars(SMALL), "discount": discount}))
        generator.fit(train, Context(seed=1, budget=Budget(epochs=1)))
        rows.append(generator.log_likelihood(train).sum())
    assert rows[0] < rows[1] < rows[2]
