"""Long requests of the applications of a pair are of the same lengths, so that these tell nothing."""

import random

import pytest

from benchmarks.lab.workloads.apps import places, player, signature, terms


@pytest.mark.parametrize("question", [signature, player, terms, places])
@pytest.mark.parametrize("length", [280, 381, 480])
def test_a_question_is_as_long_as_it_should_be(question, length):
    for seed in range(20):
        assert abs(len(question(random.Random(seed), length)) - length) <= 40
