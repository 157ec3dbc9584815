import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.efficiency.clock import Measured, clock, median, minimum, now

NUMBERS = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], Measured(3.0, 3.0, 3.0, 1)),
        ([4.0, 1.0], Measured(2.5, 1.0, 4.0, 2)),
        # Without one value on each side the interval has a confidence of 1 - 2 (1 + 8) / 2**8 = 93% of eight values,
        # which is too little, and 1 - 2 (1 + 10) / 2**10 = 98% of ten.
        ([float(n) for n in range(8)], Measured(3.5, 0.0, 7.0, 8)),
        ([float(n) for n in range(10)], Measured(4.5, 1.0, 8.0, 10)),
        # 1.96 standard deviations of 1001 fair coins, 15.8, on each side.
        ([float(n) for n in range(1001)], Measured(500.0, 469.0, 531.0, 1001)),
    ],
)
def test_medians_in_closed_form(values: list[float], expected: Measured) -> None:
    assert median(values) == expected


@given(NUMBERS)
def test_the_interval_is_the_narrowest_with_95_percent(values: list[float]) -> None:
    found, ordered = median(values), sorted(values)

    def missed(cut: int) -> float:
        """Probability that the interval without `cut` values on each side misses the median."""
        return 2 * sum(math.comb(len(values), k) for k in range(cut + 1)) / 2 ** len(values)

    cut = max((cut for cut in range((len(values) + 1) // 2) if missed(cut) <= 0.05), default=0)
    assert (found.low, found.high) == (ordered[cut], ordered[-1 - cut])
    assert found.low <= found.value <= found.high


def test_a_minimum_has_the_minima_of_its_rounds_as_its_interval() -> None:
    assert minimum([[3.0, 2.0], [5.0, 4.0, 9.0]]) == Measured(2.0, 2.0, 4.0, 5)
    assert minimum([[7.0]]) == Measured(7.0, 7.0, 7.0, 1)


def test_a_scaled_number_has_a_scaled_interval() -> None:
    assert median([1.0, 2.0, 4.0]).scaled(2.0) == median([2.0, 4.0, 8.0])


def test_the_clock_goes_forward_and_has_a_name() -> None:
    assert now("cpu") <= now("cpu")
    assert clock()
