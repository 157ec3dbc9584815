"""Values from outside (TOML, JSON, text of the command line) as checked values of an annotated type.

A type is int, float, bool, str, None, Literal, a dataclass or TypedDict, tuple[X, ...], list[X], dict[K, V], a union of
these, or a class whose instances pass as they are. `Annotated[X, msgspec.Meta(...)]` sets a range (ge, gt, le, lt), a
length (min_length, max_length) or a pattern; Meta(description=...) says in errors what the value must be instead.

Whatever the type says, numbers are finite and below 2**63, a bool is no number, text is printable, and unknown keys are
refused.
"""

from __future__ import annotations

import json
import math
import operator
import re
import types
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from msgspec import Meta, inspect

from ntgbench.errors import NtgbenchError
from ntgbench.words import pluralised, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

Count = Annotated[int, Meta(ge=1)]
"""A whole number of at least 1."""

Positive = Annotated[float, Meta(gt=0)]
"""A number above 0."""

SIZE = 2**63
"""Bound of every number: any program can read what is below it."""

T = TypeVar("T")

_KINDS: dict[type[inspect.Type], tuple[tuple[type, ...], str]] = {
    inspect.IntType: ((int,), "a whole number"),
    inspect.FloatType: ((int, float), "a number"),
    inspect.BoolType: ((bool,), "true or false"),
    inspect.StrType: ((str,), "text"),
    inspect.NoneType: ((types.NoneType,), "none"),
    inspect.VarTupleType: ((list, tuple), "a list"),
    inspect.ListType: ((list,), "a list"),
    inspect.DictType: ((dict,), "a table"),
    inspect.DataclassType: ((dict,), "a table"),
    inspect.TypedDictType: ((dict,), "a table"),
}
_BOUNDS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "ge": (operator.ge, "at least"),
    "gt": (operator.gt, "above"),
    "le": (operator.le, "at most"),
    "lt": (operator.lt, "below"),
}


def convert(value: Any, kind: type[T], where: str, error: type[NtgbenchError] = NtgbenchError) -> T:
    """`value` as a `kind`: tables become dataclasses, lists become tuples, whole numbers become floats where wanted.

    Args:
        value: plain value, as TOML or JSON has them.
        kind: the type.
        where: the source of the value, named first in errors.
        error: class of the errors.

    Raises:
        NtgbenchError: of the class `error`, with the path of the value that is wrong, what it must be and what it is.
    """
    try:
        return _read(value, describe(kind), "")  # type: ignore[no-any-return,arg-type]
    except _Wrong as wrong:
        raise error(f"{where}: {wrong}") from wrong.__cause__


def problem(value: Any, kind: Any) -> str | None:
    """What keeps `value` from being a `kind`, with its path, or None."""
    try:
        _read(value, describe(kind), "")
    except _Wrong as wrong:
        return str(wrong)
    return None


def from_text(settings: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """The plain values of `name=value` settings of the dataclass `kind`: texts are JSON or "none" unless text fits."""
    fields = _fields(kind)
    return {
        name: _plain(value, fields[name].type) if name in fields and isinstance(value, str) else value
        for name, value in settings.items()
    }


@cache
def describe(kind: Hashable) -> inspect.Type:
    """A type with all that its annotations say. Raises TypeError for a type that msgspec does not know."""
    return inspect.type_info(kind)


def alternatives(info: inspect.Type) -> tuple[inspect.Type, ...]:
    """The members of a union, or the type itself, without descriptions."""
    members = info.types if isinstance(info, inspect.UnionType) else (info,)
    return tuple(one.type if isinstance(one, inspect.Metadata) else one for one in members)


class _Wrong(Exception):
    """What is wrong with a value, as a sentence that names its path."""


@cache
def _fields(kind: type) -> dict[str, inspect.Field]:
    return {field.name: field for field in describe(kind).fields}  # type: ignore[attr-defined]


def _plain(text: str, info: inspect.Type) -> Any:
    if any(_is(text, one) for one in alternatives(info)):
        return text
    try:
        return None if text == "none" else json.loads(text)
    except (ValueError, RecursionError):
        return text


def _read(value: Any, info: inspect.Type, path: str) -> Any:
    members = info.types if isinstance(info, inspect.UnionType) else (info,)
    for one, member in zip(alternatives(info), members, strict=True):
        if _is(value, one):
            try:
                return _checked(value, one, path)
            except _Wrong as wrong:
                described = member.extra_json_schema if isinstance(member, inspect.Metadata) else None
                if described is None:
                    raise
                raise _wrong(path, described["description"], value) from wrong.__cause__
    raise _wrong(path, " or ".join(map(_spelled, alternatives(info))), value)


def _is(value: Any, info: inspect.Type) -> bool:
    """Whether `value` is of this kind, whatever its range."""
    if isinstance(info, inspect.LiteralType):
        return any(type(value) is type(option) and value == option for option in info.values)
    if isinstance(info, inspect.CustomType):
        return isinstance(value, info.cls)
    return type(value) in _KINDS[type(info)][0]


def _spelled(info: inspect.Type) -> str:
    if isinstance(info, inspect.LiteralType):
        return " or ".join(map(repr, sorted(info.values, key=str)))
    return f"a {info.cls.__name__}" if isinstance(info, inspect.CustomType) else _KINDS[type(info)][1]


def _wrong(path: str, expected: str, value: Any) -> _Wrong:
    return _Wrong(f"{path or 'it'} must be {expected}, not {shown(value)}")


def _checked(value: Any, info: inspect.Type, path: str) -> Any:
    match info:
        case inspect.DataclassType() | inspect.TypedDictType():
            return _record(value, info, path)
        case inspect.IntType() | inspect.FloatType():
            if not -SIZE < value < SIZE:  # so is NaN
                expected = "finite" if isinstance(value, float) and not math.isfinite(value) else "below 2**63"
                raise _wrong(path, expected, value)
            for name, (holds, words) in _BOUNDS.items():
                bound = getattr(info, name)
                if bound is not None and not holds(value, bound):
                    raise _wrong(path, f"{words} {bound:,}", value)
            return float(value) if isinstance(info, inspect.FloatType) else value
        case inspect.StrType():
            _require_length(value, info, "character", path)
            if not (value.isprintable() or " ".join(value.split()).isprintable()):
                raise _wrong(path, "printable text", value)
            if info.pattern is not None and not re.search(info.pattern, value):
                raise _Wrong(f"{path or 'it'} must not be {shown(value)}")
        case inspect.VarTupleType() | inspect.ListType():
            _require_length(value, info, "value", path)
            items = [_read(item, info.item_type, f"{path}[{at}]") for at, item in enumerate(value)]
            return items if isinstance(info, inspect.ListType) else tuple(items)
        case inspect.DictType():
            _require_length(value, info, "value", path)
            return {
                _read(key, info.key_type, f"a key of {path}"): _read(item, info.value_type, f"{path}[{shown(key)}]")
                for key, item in value.items()
            }
    return value


def _record(value: dict[Any, Any], info: inspect.DataclassType | inspect.TypedDictType, path: str) -> Any:
    fields = _fields(info.cls)
    prefix = f"{path}: " if path else ""
    unknown = [key for key in value if key not in fields]
    if unknown:
        raise _Wrong(f"{prefix}unknown key {shown(unknown[0])}; {suggestion(str(unknown[0]), fields)}")
    missing = [name for name, field in fields.items() if field.required and name not in value]
    if missing:
        raise _Wrong(f"{prefix}{', '.join(missing)} must be given")
    read = {key: _read(item, fields[key].type, f"{path}.{key}" if path else key) for key, item in value.items()}
    if isinstance(info, inspect.TypedDictType):
        return read
    try:
        return info.cls(**read)
    except Exception as failure:  # a dataclass checks itself as it likes
        raise _Wrong(f"{prefix}{failure}") from failure


def _require_length(value: Any, info: Any, unit: str, path: str) -> None:
    least, most = info.min_length or 0, info.max_length
    if len(value) < least or (most is not None and len(value) > most):
        bound = f"at least {pluralised(least, unit)}" if len(value) < least else f"at most {pluralised(most, unit)}"
        raise _Wrong(f"{path or 'it'} must have {bound}, not {len(value):,}")
