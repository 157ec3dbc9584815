"""Values from outside become what a type says, or an error that names the path."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from ntgbench.errors import NtgbenchError, ProtocolError
from ntgbench.values import Count, Positive, convert, problem

Word = Annotated[str, Meta(pattern=r"\A[a-z]+\Z", max_length=8, description="a word of lower-case letters")]


@dataclass(frozen=True)
class Inner:
    count: Count | None = None
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5

    def __post_init__(self) -> None:
        if self.share == 0.25:
            raise ValueError("0.25 is taken")


class Entry(TypedDict):
    value: float | None
    reason: NotRequired[str]


@dataclass(frozen=True)
class Outer:
    name: Word
    inner: Inner = dataclasses.field(default_factory=Inner)
    shares: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (1.0,)
    mode: Literal["a", "b"] = "a"
    flag: bool = False
    entries: dict[Word, Entry] = dataclasses.field(default_factory=dict)
    numbers: Annotated[list[int], Meta(max_length=2)] = dataclasses.field(default_factory=list)
    any_of: bool | int | float | str | None = None
    text: str = ""
    rate: float = 1.0
    kind: type = int


FULL: dict[str, Any] = {
    "name": "x",
    "inner": {"count": 2, "share": 0.1},
    "shares": [1, 0.5],
    "mode": "b",
    "flag": True,
    "entries": {"key": {"value": None, "reason": "two\nlines"}},
    "numbers": [0, -1],
    "any_of": 3,
    "text": "é",
    "rate": 2,
    "kind": str,
}


def test_plain_values_become_dataclasses_tuples_and_floats() -> None:
    made = convert(FULL, Outer, "here")
    assert made == Outer(**{**FULL, "inner": Inner(2, 0.1), "shares": (1.0, 0.5), "rate": 2.0})
    assert isinstance(made.rate, float)
    assert type(made.any_of) is int
    assert convert({"name": "x"}, Outer, "here") == Outer("x")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (3, "it must be a table, not 3"),
        ({"nam": 1}, "unknown key 'nam'; did you mean name?"),
        ({"inner": {"cont": 1}}, "inner: unknown key 'cont'; did you mean count?"),
        ({"inner": {"zzz": 1}}, "inner: unknown key 'zzz'; known: count, share"),
        ({"inner": 3}, "inner must be a table, not 3"),
        ({"inner": {"count": 0}}, "inner.count must be at least 1, not 0"),
        ({"inner": {"count": True}}, "inner.count must be a whole number or none, not True"),
        ({"inner": {"count": 1.0}}, "inner.count must be a whole number or none, not 1.0"),
        ({"inner": {"count": 2**63}}, "inner.count must be below 2**63, not a very large number"),
        ({"inner": {"share": 1}}, "inner.share must be below 1, not 1"),
        ({"inner": {"share": math.nan}}, "inner.share must be finite, not nan"),
        ({"inner": {"share": 0.25}}, "inner: 0.25 is taken"),
        ({"rate": -math.inf}, "rate must be finite, not -inf"),
        ({"rate": 10**400}, "rate must be below 2**63, not a very large number"),
        ({"rate": 1e300}, "rate must be below 2**63, not 1e+300"),
        ({"rate": False}, "rate must be a number, not False"),
        ({"rate": [[1]] * 9}, "rate must be a number, not a list of 9"),
        ({"shares": []}, "shares must have at least 1 value, not 0"),
        ({"shares": [1, 0]}, "shares[1] must be above 0, not 0"),
        ({"shares": "1"}, "shares must be a list, not '1'"),
        ({"numbers": [1, 2, 3]}, "numbers must have at most 2 values, not 3"),
        ({"numbers": [None]}, "numbers[0] must be a whole number, not None"),
        ({"mode": "c"}, "mode must be 'a' or 'b', not 'c'"),
        ({"mode": ["a"]}, "mode must be 'a' or 'b', not a list of 1"),
        ({"flag": 1}, "flag must be true or false, not 1"),
        ({"name": "x\n"}, "name must be a word of lower-case letters, not 'x\\n'"),
        ({"name": "x" * 9}, "name must be a word of lower-case letters, not 'xxxxxxxxx'"),
        ({"text": "\ud800"}, "text must be printable text, not '\\ud800'"),
        ({"text": "a\x00"}, "text must be printable text, not 'a\\x00'"),
        ({"text": None}, "text must be text, not None"),
        ({"entries": {"A": {}}}, "entries: a key must be a word of lower-case letters, not 'A'"),
        ({"entries": {1: {}}}, "entries: a key must be a word of lower-case letters, not 1"),
        ({"entries": {"a": {}}}, "entries['a']: value must be given"),
        ({"entries": {"a": {"value": "1"}}}, "entries['a'].value must be a number or none, not '1'"),
        ({"any_of": []}, "any_of must be true or false or a whole number or a number or text or none, not a list of 0"),
        ({"kind": 3}, "kind must be a type, not 3"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_with_its_path(changed: Any, said: str) -> None:
    value = {**FULL, **changed} if isinstance(changed, dict) else changed
    assert problem(value, Outer) == said
    with pytest.raises(ProtocolError) as caught:
        convert(value, Outer, "x.toml", ProtocolError)
    assert str(caught.value) == f"x.toml: {said}".replace("\ud800", "\\ud800")


def test_a_key_that_is_not_given_is_named() -> None:
    assert problem({}, Outer) == "name must be given"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.sampled_from(list(FULL)), PLAIN)
def test_any_value_is_converted_or_refused_in_a_short_line(key: str, value: Any) -> None:
    wrong = problem({**FULL, key: value}, Outer)
    if wrong is None:
        made = convert({**FULL, key: value}, Outer, "here")
        assert convert(dataclasses.asdict(made), Outer, "here") == made
    else:
        assert str(NtgbenchError(wrong)).isprintable()
        assert len(wrong) < 300
