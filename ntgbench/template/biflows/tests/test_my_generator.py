"""Tests of the contract of all generators, and of this generator."""

import numpy as np
import pytest
from my_generator import MyGeneratorParameters
from my_generator.generator import MyGenerator

from ntgbench import Biflows, Context
from ntgbench.testing import Check, system_checks


@pytest.mark.parametrize("check", system_checks("my-generator"), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()


def test_without_jitter_it_copies() -> None:
    train = Biflows(np.array([[517, -1448, 0], [80, 0, 0]]), np.array([0, 1]), ("web", "dns"))
    generator = MyGenerator(MyGeneratorParameters(jitter=0.0))
    generator.fit(train, Context(seed=1))
    made = generator.sample(np.array([1, 0, 1], np.int32), np.random.default_rng(1))
    assert made.tolist() == [[80, 0, 0], [517, -1448, 0], [80, 0, 0]]


def test_negative_jitter_is_refused() -> None:
    with pytest.raises(ValueError, match="jitter"):
        MyGeneratorParameters(jitter=-1.0)
