import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.costs import timing
from ntgbench.costs.timing import Measured, Visit, median, shortest, visit

NUMBERS = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


def test_medians_in_closed_form() -> None:
    assert median([3.0]) == Measured(3.0, 3.0, 3.0, 1)
    assert median([4.0, 1.0]) == Measured(2.5, 1.0, 4.0, 2)
    # Of ten, the second smallest and the second largest hold the median with 1 - 2 (1 + 10) / 2**10 = 97.9%.
    assert median([float(n) for n in range(10)]) == Measured(4.5, 1.0, 8.0, 10)
    # Of nine it is the same, of eight 93% would be too little.
    assert (median([float(n) for n in range(9)]).low, median([float(n) for n in range(8)]).low) == (1.0, 0.0)


def test_outliers_lie_outside_the_outer_fences() -> None:
    # The quartiles of 0..10 are 2 and 8: the fences are at -16 and 26.
    assert median([*map(float, range(10)), 26.0]).outliers == 0
    assert median([*map(float, range(10)), 26.1]).outliers == 1
    assert median([1.0] * 8 + [0.9, 1.1]).outliers == 2


@given(NUMBERS)
def test_the_interval_is_the_narrowest_of_its_confidence(values: list[float]) -> None:
    found, ordered = median(values), sorted(values)
    assert ordered[0] <= found.low <= found.value <= found.high <= ordered[-1]

    def missed(cut: int) -> float:
        """Probability that the interval without `cut` values on each side does not hold the median."""
        return 2 * sum(math.comb(len(values), k) for k in range(cut + 1)) / 2 ** len(values)

    allowed = [cut for cut in range((len(values) + 1) // 2) if missed(cut) <= 0.05]
    cut = max(allowed, default=0)
    assert (found.low, found.high) == (ordered[cut], ordered[-1 - cut])


@given(NUMBERS, st.floats(0.1, 10))
def test_times_goes_through(values: list[float], factor: float) -> None:
    scaled = median([value * factor for value in values])
    own = median(values).times(factor)
    assert (own.low, own.high, own.count) == (scaled.low, scaled.high, scaled.count)
    assert own.value == pytest.approx(scaled.value)


def test_the_shortest_of_each_part_in_closed_form() -> None:
    # The first visit alone says 1 + 4, the second 3 + 2, and both 1 + 2.
    assert shortest([visit([[1.0, 9.0], [8.0, 4.0]]), visit([[3.0, 2.0]])]) == Measured(3.0, 3.0, 5.0, 3)
    assert shortest([visit([[7.0]])]) == Measured(7.0, 7.0, 7.0, 1)


def test_parts_that_are_not_as_many_are_held_against_one_another_as_wholes() -> None:
    uneven = visit([[1.0, 9.0], [8.0, 4.0, 0.5]])
    assert uneven == Visit([10.0, 12.5], [10.0])
    assert shortest([uneven, visit([[5.0, 7.0, 1.0]])]) == Measured(10.0, 10.0, 13.0, 3)
    assert shortest([visit([[1.0, 2.0]]), visit([[1.0, 1.0, 2.0]])]) == Measured(3.0, 3.0, 4.0, 2)


@given(
    st.integers(1, 4).flatmap(
        lambda parts: st.lists(
            st.lists(st.lists(st.floats(0, 1e6), min_size=parts, max_size=parts), min_size=1, max_size=4),
            min_size=1,
            max_size=4,
        )
    ),
    st.integers(0, 1000),
)
def test_what_disturbs_a_repetition_hardly_touches_the_shortest(visits: list[list[list[float]]], place: int) -> None:
    found = shortest([visit(repetitions) for repetitions in visits])
    repetitions = [times for visit in visits for times in visit]
    assert found.low == found.value <= found.high
    assert found.value <= min(sum(times) for times in repetitions) * (1 + 1e-12)
    disturbed = [time + 1e7 for time in repetitions[place % len(repetitions)]]
    again = shortest([visit(repetitions) for repetitions in [*visits, [disturbed]]])
    assert (again.value, again.count) == (found.value, found.count + 1)


def test_thousands_have_a_median_too() -> None:
    found = median([float(n) for n in range(5001)])
    # 1.96 standard deviations of fair coins, 35.4, on each side.
    assert (found.value, found.low, found.high) == (2500.0, 2430.0, 2570.0)


def test_seconds_are_those_of_the_work() -> None:
    begin = time.perf_counter()
    inside = timing.seconds(lambda: sum(range(10_000)), "cpu")
    assert 0 < inside <= time.perf_counter() - begin
    assert timing.clock()
