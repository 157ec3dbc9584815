"""Any bytes are read, or refused by one error of ours. The long form is `python -m benchmarks.fuzz`."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.targets import TARGETS, mutant, tried
from ntgbench.errors import NtgbenchError

LEARN = ("models-cascadenet", "models-torch", "models-int8", "models-onnx")
FAST = [name for name in TARGETS if name not in LEARN]


@cache
def inputs(name: str) -> list[bytes]:
    return TARGETS[name].seeds()


@pytest.mark.parametrize("name", FAST)
def test_what_mutants_are_made_of_is_read(name: str) -> None:
    assert all(tried(TARGETS[name], content) for content in inputs(name))


# The same examples in every run: others are for the long form.
@pytest.mark.parametrize("name", FAST)
@settings(max_examples=40, derandomize=True, database=None)
@given(data=st.data())
def test_mutants_are_read_or_refused(name: str, data: st.DataObject) -> None:
    made = st.integers(0, 2**32).map(lambda number: mutant(TARGETS[name], inputs(name), number))
    tried(TARGETS[name], data.draw(made | st.binary(max_size=40)))


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARN)
@settings(max_examples=12, derandomize=True, database=None)
@given(number=st.integers(0, 2**32))
def test_mutants_of_models_that_learn_make_traffic_or_are_refused(name: str, number: int) -> None:
    tried(TARGETS[name], mutant(TARGETS[name], inputs(name), number))


def test_an_error_that_quotes_very_much_is_cut_but_for_what_to_do() -> None:
    told = str(NtgbenchError(f"cannot read {'x' * 10_000}; write less"))
    assert told.startswith("cannot read xxx")
    assert told.endswith("x; write less")
    assert len(told) == 2_000
