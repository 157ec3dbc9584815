"""What the rounds of a system hand on from one process to the next."""

import json

import pytest

from ntgbench.efficiency.settings import EFFICIENCY_VERSION
from ntgbench.efficiency.timings import Timings, add, rounds_of

ROUND = Timings([0.1, 0.2], [1.0], {1: 0.1, 512: 2.0}, {8: 0.4}, [1.0], [2.0], [0.001], {"others_use": 1.5})


def kept(*rounds: Timings) -> dict:
    """What a suite has kept, as the next process reads it."""
    earlier: dict = {}
    for one in rounds:
        add(earlier, one)
    return json.loads(json.dumps(earlier))


def test_rounds_are_read_as_they_were_added() -> None:
    assert rounds_of({}) == []
    assert rounds_of(kept(ROUND, Timings())) == [ROUND, Timings()]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rounds: None,
        lambda rounds: {},
        lambda rounds: [*rounds, 1],
        lambda rounds: [{**rounds[0], "sample": ["much"]}],
        lambda rounds: [{**rounds[0], "version": EFFICIENCY_VERSION - 1}],
    ],
)
def test_damaged_rounds_and_those_of_another_version_do_not_count(spoil) -> None:
    assert rounds_of({"rounds": spoil(kept(ROUND)["rounds"])}) == []
