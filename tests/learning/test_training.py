"""The training loop, on a model so small that the right result is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_bigram import MAPPING, Bigram, rows, train
from torch import nn

from ntgbench.errors import PluginError
from ntgbench.interfaces import Context
from ntgbench.learning import training
from ntgbench.learning.device import matrix_type
from ntgbench.learning.recipe import Recipe
from ntgbench.learning.token_model import next_token_loss
from ntgbench.testing import example_traffic


def test_the_loss_before_training_is_that_of_a_fair_draw() -> None:
    model = Bigram(MAPPING.vocabulary)
    loss, terms = next_token_loss(model)(rows())
    assert loss.item() == pytest.approx(np.log(MAPPING.vocabulary), rel=1e-5)
    # Packets and EOS count; classes and PAD do not.
    assert terms == int((rows() > 0).sum()) - len(rows())


def test_training_lowers_the_loss_to_the_entropy_of_the_traffic() -> None:
    model, trained = train(Recipe(epochs=150, batch=200, learning_rate=0.3, weight_decay=0.0))
    assert len(trained.train_loss) == 150
    counts = np.zeros((MAPPING.vocabulary, MAPPING.vocabulary))
    for before, after in zip(rows()[:, :-1].ravel().tolist(), rows()[:, 1:].ravel().tolist(), strict=True):
        counts[before, after] += after != 0
    seen = counts[counts > 0]
    share = (counts / counts.sum(axis=1, keepdims=True).clip(1))[counts > 0]
    entropy = -(seen * np.log(share)).sum() / counts.sum()
    assert trained.train_loss[0] > entropy + 1
    assert training.evaluate(model, next_token_loss(model), rows(), 7) == pytest.approx(entropy, abs=0.02)


def test_the_seed_decides_and_nothing_else() -> None:
    torch.manual_seed(1)
    first, _ = train()
    torch.manual_seed(2)
    same, _ = train()
    other, _ = train(seed=2)
    assert torch.equal(first.embedding.weight, same.embedding.weight)
    assert not torch.equal(first.embedding.weight, other.embedding.weight)


def test_the_best_epoch_stays_and_patience_ends() -> None:
    # Validation traffic that is unlike the training traffic: the better the fit, the higher its loss.
    unlike = torch.tensor([[2, MAPPING.vocabulary - 1, MAPPING.vocabulary - 2, MAPPING.vocabulary - 1, 1, 0]])
    model, trained = train(Recipe(epochs=20, batch=16, learning_rate=0.5, patience=3), validation=unlike)
    best = int(np.argmin(trained.validation_loss))
    assert len(trained.validation_loss) == best + 1 + 3 < 20
    found = training.evaluate(model, next_token_loss(model), unlike, 16)
    assert found == pytest.approx(trained.validation_loss[best], rel=1e-6)


def test_progress_reports_the_loss_and_the_time_left() -> None:
    told = []
    train(progress=lambda *state: told.append(state))
    done = [state[0] / state[1] for state in told]
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert "loss" in told[-1][2]
    assert "left" in told[-1][2]


def test_the_learning_rate_rises_then_falls() -> None:
    shares = np.linspace(0, 1, 201)
    rates = np.array([training.schedule(share) for share in shares])
    peak = int(rates.argmax())
    assert shares[peak] == pytest.approx(training.WARM_UP)
    assert rates[peak] == 1.0
    assert 0 < rates[0] < 0.02
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()


def test_the_validation_part_has_a_tenth_of_every_class() -> None:
    traffic = example_traffic()
    kept, held_out = training.hold_out(traffic, 1)
    assert len(kept) + len(held_out) == len(traffic)
    assert held_out.class_counts().tolist() == [6, 4, 1, 0]


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=300).map(lambda v: np.array(v, np.int32)),
    st.floats(0, 1),
    st.integers(0, 100),
)
def test_draws_are_as_often_as_the_balance_says(labels, balance, seed) -> None:
    drawn = np.bincount(training.draws(labels, balance, np.random.default_rng(seed)), minlength=len(labels))
    weight = np.bincount(labels)[labels] ** -balance
    expected = len(labels) * weight / weight.sum()
    assert drawn.sum() == len(labels)
    assert (np.abs(drawn - expected) < 1 + 1e-6).all()
    if balance == 0:
        assert (drawn == 1).all()


def test_balance_trains_on_rare_classes_more_often() -> None:
    seen = []

    def loss(found):
        seen.extend(found[:, 0].tolist())
        return next_token_loss(model)(found)

    model = Bigram(MAPPING.vocabulary)
    recipe = Recipe(epochs=1, batch=16, learning_rate=0.1, balance=1.0)
    training.fit(model, loss, rows(), rows()[:0], recipe, Context(seed=1), example_traffic().label)
    counts = np.bincount(seen)[2:]
    assert counts.sum() == len(rows())
    assert np.ptp(counts) <= 8


def test_one_biflow_is_not_held_out_and_none_is_refused() -> None:
    one = example_traffic().select([0])
    kept, held_out = training.hold_out(one, 1)
    assert (len(kept), len(held_out)) == (1, 0)
    with pytest.raises(PluginError, match="no training biflow"):
        training.hold_out(one.select([]), 1)


def test_the_average_of_the_weights_is_what_is_kept() -> None:
    seen = []

    def loss(found):
        seen.append(model.embedding.weight.detach().clone())
        return next_token_loss(model)(found)

    model = Bigram(MAPPING.vocabulary)
    recipe = Recipe(epochs=1, batch=64, learning_rate=0.1, average=0.5)
    training.fit(model, loss, rows(), rows()[:0], recipe, Context(seed=1))
    # The loss sees the weights after each step but the last.
    before_last = seen[0]
    for step, weights in enumerate(seen[1:]):
        before_last = torch.lerp(before_last, weights, 1 - min(0.5, (1 + step) / (10 + step)))
    plain = Bigram(MAPPING.vocabulary)
    training.fit(plain, next_token_loss(plain), rows(), rows()[:0], replace(recipe, average=0.0), Context(1))
    last = len(seen) - 1
    expected = torch.lerp(before_last, plain.embedding.weight.detach(), 1 - min(0.5, (1 + last) / (10 + last)))
    torch.testing.assert_close(model.embedding.weight.detach(), expected)


def test_bfloat16_is_the_type_of_products_and_not_of_weights() -> None:
    types = []

    def loss(found):
        made = torch.nn.functional.linear(found.float(), model.weight)
        types.append(made.dtype)
        return made.float().square().mean(), len(found)

    model = nn.Linear(6, 2, bias=False)
    recipe = Recipe(epochs=1, batch=64, precision="bfloat16")
    training.fit(model, loss, rows(), rows()[:8], recipe, Context(seed=1))
    assert model.weight.dtype == torch.float32
    # Validation is in full precision.
    assert set(types[:-1]) == {torch.bfloat16}
    assert types[-1] == torch.float32


def test_weights_decay_but_gains_and_biases_do_not() -> None:
    model = nn.Linear(3, 2)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    recipe = Recipe(epochs=1, batch=10, learning_rate=0.1, weight_decay=0.5)
    rows = torch.ones(10, 3)
    training.fit(model, lambda part: (0.0 * model(part).sum(), len(part)), rows, rows[:0], recipe, Context(seed=1))
    rate = 0.1 * training.schedule(0.0)
    torch.testing.assert_close(model.weight.detach(), (1 - rate * 0.5) * before["weight"])
    assert torch.equal(model.bias, before["bias"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"balance": 1.5}, "balance must be in"),
        ({"average": 1.0}, "average must be at least 0 and below 1"),
    ],
)
def test_an_impossible_recipe_is_refused(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**settings)


@pytest.mark.parametrize(("abilities", "messages"), [({"avx512_bf16": True}, 0), ({"avx2": True}, 1), ({}, 1)])
def test_bfloat16_without_instructions_for_it_is_a_warning(abilities, messages, monkeypatch, caplog) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities)
    cpu = torch.device("cpu")
    assert matrix_type("float32", cpu) == torch.float32
    assert not caplog.records
    # The type is used all the same: a system is the same on every machine.
    assert matrix_type("bfloat16", cpu) == torch.bfloat16
    assert [record.message.partition(",")[0] for record in caplog.records] == [
        "bfloat16 is slow on this CPU"
    ] * messages
