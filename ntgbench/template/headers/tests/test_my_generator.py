"""Tests of the contract of all generators, and of this generator."""

import numpy as np
import pytest
from my_generator import MyGeneratorParameters
from my_generator.generator import MyGenerator

from ntgbench import Context, PacketTrace
from ntgbench.testing import Check, system_checks


@pytest.mark.parametrize("check", system_checks("my-generator"), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()


def test_without_stretch_flows_keep_their_gaps() -> None:
    train = PacketTrace.of(
        time_ns=[0, 100, 300, 1000],
        source=[1, 1, 1, 2],
        destination=[3, 3, 3, 3],
        source_port=[5000] * 4,
        destination_port=[53] * 4,
        protocol=[17] * 4,
        ip_length=[60, 70, 80, 90],
        ttl=[64] * 4,
    )
    generator = MyGenerator(MyGeneratorParameters(stretch=0.0))
    generator.fit(train, Context(seed=1))
    made = generator.sample(4, 10**12, np.random.default_rng(1))
    gaps, _ = made.flows.gaps_ns(made.time_ns)
    assert gaps.tolist() == [100, 200]
    assert sorted(made.ip_length.tolist()) == [60, 70, 80, 90]


def test_negative_stretch_is_refused() -> None:
    with pytest.raises(ValueError, match="stretch"):
        MyGeneratorParameters(stretch=-1.0)
