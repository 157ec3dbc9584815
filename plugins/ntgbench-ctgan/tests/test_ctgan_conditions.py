"""Conditions, rows of networks, and what the networks do with them."""

import math

import numpy as np
import pytest
import torch
from ntgbench_ctgan.columns import Mixtures, discrete, mixed
from ntgbench_ctgan.conditions import Conditions, Sampler, cumulative, drawn
from ntgbench_ctgan.networks import Critic, Generator, condition_loss
from ntgbench_ctgan.parameters import CtganParameters
from ntgbench_ctgan.table import Rows, Table

from ntgbench.traffic.biflows import MOST_CLASSES

COUNTS = {0: 900, 1: 90, 2: 10}


@pytest.fixture(scope="module")
def example():
    """A table of two discrete columns, one of three values and one that says whether it is 2, and one of numbers."""
    first = np.repeat([0.0, 1.0, 2.0], list(COUNTS.values()))
    numbers = np.random.default_rng(1).normal(5.0, 1.0, len(first))
    parts = [
        discrete(first),
        mixed(numbers, Mixtures(3, 1_000), 0, np.random.default_rng(1)),
        discrete((first == 2).astype(float)),
    ]
    return Table(tuple(part[0] for part in parts), (0, 2)), Rows.of([part[1:] for part in parts])


def test_a_row_has_choices_one_hot_and_then_places(example):
    table, rows = example
    modes = table.sizes[1]
    assert table.width == 3 + modes + 2 + 1
    assert table.conditions == 3 + 2
    made = table.expand(torch.from_numpy(rows.choice), torch.from_numpy(rows.place)).numpy()
    for i, start in enumerate(table.starts):
        part = made[:, start : start + table.sizes[i]]
        assert (part.argmax(axis=1) == rows.choice[:, i]).all()
        assert (part.sum(axis=1) == 1).all()
    assert (made[:, -1] == rows.place[:, 1]).all()


@pytest.mark.parametrize("logarithmic", [True, False])
def test_conditions_follow_the_frequencies_or_their_logarithms(example, logarithmic):
    table, _ = example
    uniform = torch.rand(60_000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    made = drawn(cumulative(table, logarithmic), uniform)
    assert (made.column == 0).double().mean() == pytest.approx(0.5, abs=0.01)
    weights = np.array([math.log1p(count) if logarithmic else count for count in COUNTS.values()])
    found = torch.bincount(made.choice[made.column == 0], minlength=3).numpy()
    assert found / found.sum() == pytest.approx(weights / weights.sum(), abs=0.015)
    assert made.choice[made.column == 1].max() == 1


def test_a_choice_that_no_row_has_is_never_drawn():
    column, choice, place = discrete(np.array([1.0, 1.0, 2.0]), range(4))
    table = Table((column,), (0,))
    uniform = torch.tensor([[0.0, 0.0], [0.5, 0.999999999999], [1.0 - 1e-16, 1.0 - 1e-16]], dtype=torch.float64)
    made = drawn(cumulative(table, True), uniform)
    assert made.choice.tolist() == [1, 2, 2]
    assert len(Rows.of([(choice, place)])) == 3


def test_training_rows_meet_their_conditions_and_all_that_do_are_drawn(example):
    table, rows = example
    sampler = Sampler(table, rows, torch.device("cpu"))
    torch.manual_seed(3)
    given = sampler.draw(4_000)
    made = sampler.rows(given)
    starts = torch.tensor([table.starts[i] for i in table.conditional])
    assert (made[torch.arange(4_000), starts[given.column] + given.choice] == 1).all()
    rare = Conditions(torch.zeros(2_000, dtype=torch.int64), torch.full((2_000,), 2))
    places = set(sampler.rows(rare)[:, -1].tolist())
    assert places == set(rows.place[rows.choice[:, 0] == 2, 1].tolist())
    assert given.vectors(table).sum(dim=1).eq(1).all()


def test_a_column_may_have_as_many_choices_as_there_may_be_classes():
    column, choice, place = discrete(np.array([0.0, MOST_CLASSES - 1]), range(MOST_CLASSES))
    table = Table((column,), (0,))
    sampler = Sampler(table, Rows.of([(choice, place)]), torch.device("cpu"))
    made = sampler.rows(Conditions(torch.zeros(2, dtype=torch.int64), torch.from_numpy(choice)))
    assert made.argmax(dim=1).tolist() == choice.tolist()


def test_a_table_without_conditions_is_drawn_from_evenly(example):
    table, rows = example
    bare = Table(table.columns[1:2], ())
    sampler = Sampler(bare, Rows(rows.choice[:, 1:2], rows.place[:, 1:2]), torch.device("cpu"))
    torch.manual_seed(3)
    given = sampler.draw(5_000)
    assert given.vectors(bare).shape == (5_000, 0)
    found = sampler.rows(given)[:, -1].mean().item()
    assert found == pytest.approx(float(rows.place[:, 1].mean()), abs=0.02)
    assert condition_loss(bare, torch.zeros(4, 1, 3), given) == 0


def test_the_loss_of_conditions_is_the_cross_entropy_of_their_columns(example):
    table, _ = example
    parameters = CtganParameters(hidden=4, noise=2)
    generator = Generator(table, parameters)
    logits, places = generator(torch.zeros(2, 2), torch.zeros(2, table.conditions))
    assert places.shape == (2, 1)
    # Even logits: the logarithm of the number of choices of each column.
    even = torch.where(logits.isinf(), logits, 0.0)
    given = Conditions(torch.tensor([0, 1]), torch.tensor([2, 1]))
    expected = (math.log(3) + math.log(2)) / 2
    assert condition_loss(table, even, given).item() == pytest.approx(expected, rel=1e-6)


def test_soft_rows_are_nearly_one_hot_and_follow_the_logits(example):
    table, _ = example
    generator = Generator(table, CtganParameters(hidden=4, noise=2))
    logits = generator.padded(torch.zeros(4_000, sum(table.sizes)))
    logits[:, 0, :3] = torch.tensor([0.7, 0.2, 0.1]).log()
    torch.manual_seed(5)
    made = generator.soft(logits, torch.zeros(4_000, 1))
    assert made.shape == (4_000, table.width)
    torch.testing.assert_close(made[:, :3].sum(dim=1), torch.ones(4_000))
    chosen = torch.bincount(made[:, :3].argmax(dim=1), minlength=3) / 4_000
    assert chosen.tolist() == pytest.approx([0.7, 0.2, 0.1], abs=0.03)
    assert made[:, :3].max(dim=1).values.median() > 0.95


def test_the_critic_sees_packs_of_rows(example):
    table, _ = example
    critic = Critic(table, CtganParameters(hidden=4, pac=5, batch=20))
    rows, conditions = torch.rand(20, table.width), torch.rand(20, table.conditions)
    packs = critic.packed(rows, conditions)
    assert critic(packs).shape == (4, 1)
    assert torch.equal(packs[1].view(5, -1)[2], torch.cat([rows[7], conditions[7]]))
    with pytest.raises(ValueError, match="multiple of pac"):
        CtganParameters(batch=21, pac=5)


def test_the_networks_have_the_sizes_of_the_paper(example):
    table, _ = example
    parameters = CtganParameters()
    inputs = 128 + table.conditions
    norm = 2 * 256
    expected = (
        (inputs * 256 + 256 + norm) + ((inputs + 256) * 256 + 256 + norm) + ((inputs + 512) * table.width + table.width)
    )
    assert sum(weight.numel() for weight in Generator(table, parameters).parameters()) == expected
    seen = 10 * (table.width + table.conditions)
    expected = (seen * 256 + 256) + (256 * 256 + 256) + 257
    assert sum(weight.numel() for weight in Critic(table, parameters).parameters()) == expected
