"""The fixed workload that tells a slow machine."""

import numpy as np
import pytest
from made_rows import make_row

from ntgbench.costs.reference import PASSES, reference, slowness, workload
from ntgbench.results import Row


def row(took: float | None) -> Row:
    metric = {"value": took, "version": 1, "goal": "min", "digits": 2}
    return make_row("a", 0, metrics={} if took is None else {"efficiency/reference_ms": metric})


def test_each_part_is_as_short_as_in_any_pass(clock) -> None:
    # One part is slow in all passes but one, and so is the other, but for another pass.
    times = [iter([1.0] * place + [0.25] + [1.0] * (PASSES - place - 1)) for place in (3, 7)]

    def part(own) -> None:
        clock[0] += next(own)

    assert reference([lambda own=own: part(own) for own in times]) == 0.5


def test_the_work_is_the_same_every_time() -> None:
    for one, other in zip(workload(), workload(), strict=True):
        first = one()
        np.testing.assert_array_equal(first, one())
        np.testing.assert_array_equal(first, other())


def test_a_row_is_as_slow_as_its_reference_is_beside_the_best() -> None:
    assert slowness([row(2.0), row(3.0), row(None)]) == pytest.approx([1.0, 1.5, 1.0])
    assert slowness([row(None)]) == [1.0]
    assert slowness([]) == []
