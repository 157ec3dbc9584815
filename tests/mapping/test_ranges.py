"""Header fields as shares of a range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntgbench.mapping.ranges import LIMITS, are_ranges, ranges_of, shares, values_of
from ntgbench.traffic.trace import TCP, PacketTrace

SOME = {"ip_length": [40, 90, 1_500], "tos": [8, 0, 16], "ip_id": [7, 7, 9], "ttl": [49, 62, 64]}


def trace(**columns):
    return PacketTrace.of(
        time_ns=np.arange(3),
        source=np.full(3, 1),
        destination=np.full(3, 2),
        source_port=np.full(3, 1000),
        destination_port=np.full(3, 443),
        protocol=np.full(3, TCP),
        **{name: np.array(column) for name, column in columns.items()},
    )


def test_observed_ranges_are_those_of_the_trace_and_types_say_what_fields_hold():
    observed = dict(zip(LIMITS, ranges_of(trace(**SOME), "observed"), strict=True))
    assert observed == {
        "ip_length": (40, 1_500), "tos": (0, 16), "ip_id": (7, 9), "fragment_offset": (0, 0), "ttl": (49, 64),
    }  # fmt: skip
    assert ranges_of(trace(**SOME), "type") == ((40, 1_500), (0, 255), (0, 65_535), (0, 8_191), (0, 255))


RANGES = st.tuples(st.integers(0, 65_535), st.integers(0, 65_535)).map(sorted).map(tuple)


@given(RANGES, st.integers(0, 2**32))
def test_values_come_back_from_single_precision(within, seed):
    values = np.random.default_rng(seed).integers(*within, 50, endpoint=True)
    found = shares(values, within)
    assert 0 <= found.min() <= found.max() <= 1
    assert np.array_equal(values_of(found.astype(np.float32), within), values)


@given(RANGES, st.lists(st.floats(-3, 3, width=32), min_size=1))
def test_any_share_is_a_value_of_the_range(within, numbers):
    found = values_of(np.array(numbers, np.float32), within)
    assert within[0] <= found.min() <= found.max() <= within[1]


def test_shares_are_in_proportion_and_one_value_stays_one():
    assert shares(np.array([49, 52, 64], np.uint8), (49, 64)).tolist() == [0.0, 0.2, 1.0]
    assert values_of(np.array([0.0, 0.03, 0.04, 0.5, 1.0]), (49, 64)).tolist() == [49, 49, 50, 56, 64]
    assert shares(np.array([49, 49], np.uint8), (49, 49)).tolist() == [0.0, 0.0]
    assert values_of(np.array([0.0, 0.6, 1.0]), (49, 49)).tolist() == [49, 49, 49]


@pytest.mark.parametrize("wrong", [(5, 4), (-1, 3), (0, 8_192)])
def test_what_can_be_ranges(wrong):
    good = [(40, 1_500), (0, 0), (3, 65_535), (0, 8_191), (255, 255)]
    assert are_ranges(tuple(good))
    assert not are_ranges((*good[:3], wrong, good[4]))
