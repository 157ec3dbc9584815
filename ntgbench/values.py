"""Values from outside (TOML, JSON, text of the command line) as checked values of an annotated type.

A type is int, float, bool, str, None, Literal, a dataclass or TypedDict, tuple[X, ...], list[X], dict[K, V], a union of
these, or a class whose instances pass as they are. `Annotated[X, msgspec.Meta(...)]` sets a range (ge, gt, le, lt), a
length (min_length, max_length) or a pattern; Meta(description=...) says in errors what the value must be instead.

For every type, numbers must be finite and below 2**63, a bool is not accepted as a number, text must be printable, and
unknown keys are refused.
"""

from __future__ import annotations

import math
import re
from functools import cache
from operator import ge, gt, le, lt
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from msgspec import Meta, inspect

from ntgbench.errors import NtgbenchError
from ntgbench.words import pluralised, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Count = Annotated[int, Meta(ge=1)]
"""A whole number of at least 1."""

Positive = Annotated[float, Meta(gt=0)]
"""A number above 0."""

SIZE = 2**63
"""Bound of every number: any program can read what is below it."""

T = TypeVar("T")

_BOUNDS = (("ge", ge, "at least"), ("gt", gt, "above"), ("le", le, "at most"), ("lt", lt, "below"))


def convert(value: Any, kind: type[T], where: str, error: type[NtgbenchError] = NtgbenchError) -> T:
    """`value` as a `kind`: tables become dataclasses, lists become tuples, whole numbers become floats where wanted.

    Args:
        value: plain value, as TOML or JSON has them.
        kind: the type.
        where: how errors begin, such as the file or the option that the value is from.
        error: class of the errors.

    Raises:
        NtgbenchError: of the class `error`, with the path of the value that is wrong, what it must be and what it is.
    """
    try:
        return _read(value, _described(kind))  # type: ignore[no-any-return,arg-type]
    except _Wrong as wrong:
        raise error(f"{where}: {wrong}") from wrong.__cause__


def problem(value: Any, kind: Any) -> str | None:
    """What keeps `value` from being a `kind`, a type or a description of one, with its path, or None."""
    try:
        _read(value, kind if isinstance(kind, inspect.Type) else _described(kind))
    except _Wrong as wrong:
        return str(wrong)
    return None


@cache
def fields_of(kind: type) -> dict[str, inspect.Field]:
    """The fields of a dataclass or TypedDict, with all that their annotations say. Raises TypeError."""
    return {field.name: field for field in inspect.type_info(kind).fields}  # type: ignore[attr-defined]


class _Wrong(Exception):
    """What is wrong with a value, without the path, which is added while the error passes tables and lists.

    `kind` is the type in words when the value has another type; a union then tries its next member.
    """

    def __init__(self, told: str, kind: str | None = None) -> None:
        super().__init__(told)
        self.path, self.told, self.kind = "", told, kind

    def __str__(self) -> str:
        return f"{self.path or 'it'}{self.told}".removeprefix("it: ").removeprefix(".")


def _must_be(expected: str, value: Any, of_another_kind: bool = False) -> _Wrong:
    return _Wrong(f" must be {expected}, not {shown(value)}", expected if of_another_kind else None)


_described = cache(inspect.type_info)


def _read(value: Any, info: Any) -> Any:
    kind = type(info)
    if kind in _KINDS:
        types, words, check = _KINDS[kind]
        if type(value) in types:
            return check(value, info)
        raise _must_be(words, value, True)
    if kind is inspect.LiteralType:
        if any(type(value) is type(option) and value == option for option in info.values):
            return value
        raise _must_be(" or ".join(map(repr, sorted(info.values, key=str))), value, True)
    if kind is inspect.Metadata:
        try:
            return _read(value, info.type)
        except _Wrong as wrong:
            described = (info.extra_json_schema or {}).get("description")
            raise wrong if described is None else _must_be(described, value, wrong.kind is not None) from None
    if kind is inspect.UnionType:
        kinds = []
        for member in info.types:
            try:
                return _read(value, member)
            except _Wrong as wrong:
                if wrong.kind is None:
                    raise
                kinds.append(wrong.kind)
        raise _must_be(" or ".join(kinds), value, True)
    if isinstance(value, info.cls):  # a class of its own
        return value
    raise _must_be(f"a {info.cls.__name__}", value, True)


def _inside(step: str, items: Iterable[tuple[Any, Any, Any]]) -> list[Any]:
    """The finished values of (key, value, type); `step` says how a key is written in the path of an error."""
    read = []
    for key, value, info in items:
        try:
            read.append(_read(value, info))
        except _Wrong as wrong:
            wrong.path = step.format(key) + wrong.path
            raise
    return read


def _same(value: Any, _: Any) -> Any:
    return value


def _number(value: float, info: inspect.IntType | inspect.FloatType) -> float:
    if not -SIZE < value < SIZE:  # as for NaN
        raise _must_be("below 2**63" if isinstance(value, int) or math.isfinite(value) else "finite", value)
    for name, holds, words in _BOUNDS:
        bound = getattr(info, name)
        if bound is not None and not holds(value, bound):
            raise _must_be(f"{words} {bound:,}", value)
    # Minus zero is zero: two ways to write one number are not two systems.
    return float(value) + 0.0 if isinstance(info, inspect.FloatType) else value


def _text(value: str, info: inspect.StrType) -> str:
    _require_length(value, info, "character")
    if not value.isprintable() and not " ".join(value.split()).isprintable():
        raise _must_be("printable text", value)
    if info.pattern is not None and not re.search(info.pattern, value):
        raise _Wrong(f" must not be {shown(value)}")
    return value


def _list(value: list[Any], info: inspect.VarTupleType | inspect.ListType) -> Any:
    _require_length(value, info, "value")
    if isinstance(info.item_type, inspect.IntType) and _are_whole(value, info.item_type):
        read = list(value)
    else:
        read = _inside("[{}]", ((at, item, info.item_type) for at, item in enumerate(value)))
    return read if isinstance(info, inspect.ListType) else tuple(read)


def _are_whole(values: list[Any], info: inspect.IntType) -> bool:
    """Whether all are whole numbers within the bounds: told fast, as matrices of rows have a thousand of them."""
    if set(map(type, values)) != {int}:
        return False
    try:
        return _number(min(values), info) <= _number(max(values), info)
    except _Wrong:
        return False


def _table(value: dict[Any, Any], info: inspect.DictType) -> dict[Any, Any]:
    _require_length(value, info, "value")
    keys = _inside(": a key", ((key, key, info.key_type) for key in value))
    return dict(zip(keys, _inside("[{!r}]", ((key, value[key], info.value_type) for key in value)), strict=True))


def _record(value: dict[Any, Any], info: inspect.DataclassType | inspect.TypedDictType) -> Any:
    fields = fields_of(info.cls)
    unknown = [key for key in value if key not in fields]
    if unknown:
        raise _Wrong(f": unknown key {shown(unknown[0])}; {suggestion(str(unknown[0]), fields)}")
    missing = [name for name, field in fields.items() if field.required and name not in value]
    if missing:
        raise _Wrong(f": {', '.join(missing)} must be given")
    items = _inside(".{}", ((key, item, fields[key].type) for key, item in value.items()))
    read = dict(zip(value, items, strict=True))
    if isinstance(info, inspect.TypedDictType):
        return read
    try:
        return info.cls(**read)
    except Exception as failure:  # a dataclass checks itself as it likes
        raise _Wrong(f": {failure}") from failure


def _require_length(value: Any, info: Any, unit: str) -> None:
    least, most = info.min_length or 0, info.max_length
    if len(value) < least or (most is not None and len(value) > most):
        bound = f"at least {pluralised(least, unit)}" if len(value) < least else f"at most {pluralised(most, unit)}"
        raise _Wrong(f" must have {bound}, not {len(value):,}")


_KINDS: dict[type[inspect.Type], tuple[tuple[type, ...], str, Callable[[Any, Any], Any]]] = {
    inspect.IntType: ((int,), "a whole number", _number),
    inspect.FloatType: ((float, int), "a number", _number),
    inspect.BoolType: ((bool,), "true or false", _same),
    inspect.StrType: ((str,), "text", _text),
    inspect.NoneType: ((NoneType,), "none", _same),
    inspect.VarTupleType: ((list, tuple), "a list", _list),
    inspect.ListType: ((list,), "a list", _list),
    inspect.DictType: ((dict,), "a table", _table),
    inspect.DataclassType: ((dict,), "a table", _record),
    inspect.TypedDictType: ((dict,), "a table", _record),
}
