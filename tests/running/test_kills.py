"""A few kills; `python -m benchmarks.kills 200` makes many."""

import pytest

from benchmarks import kills


@pytest.mark.slow
def test_rows_of_killed_runs_are_those_of_undisturbed_ones() -> None:
    assert sum(kills.main(5, seed=0, systems=("copy", "fast-retransmit")).values()) == 5
