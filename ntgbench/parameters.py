"""System requests as users write them, `markov[order=2]`, checked against the system's parameters."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import re
import reprlib
import types
import typing
from dataclasses import dataclass
from typing import Any

from ntgbench.errors import ProtocolError

_REQUEST = re.compile(r"(?P<name>[a-z0-9]+(-[a-z0-9]+)*)(\[(?P<body>[^\[\]`]*)\])?")

LARGEST = 2.0**63
"""Bound of parameters that are numbers."""

LONGEST = 1_000
"""Characters of a request."""


@dataclass(frozen=True)
class Request:
    """A system that a user asks for: its name, and parameters as the text that was written."""

    name: str
    settings: tuple[tuple[str, str], ...] = ()


def parse_request(text: str) -> Request:
    """Read `name` or `name[parameter=value,…]`. Raises ProtocolError with an example when `text` is neither."""
    match = _REQUEST.fullmatch(text.strip())
    if match is None or not text.isprintable() or len(text) > LONGEST:
        raise ProtocolError(f"cannot read the system {text!r}; write it like markov or markov[order=2]")
    settings = []
    for part in filter(None, (match["body"] or "").split(",")):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ProtocolError(f"cannot read {part.strip()!r} in {text!r}; write parameter=value")
        settings.append((key.strip(), value.strip()))
    repeated = {key for key, _ in settings if [name for name, _ in settings].count(key) > 1}
    if repeated:
        raise ProtocolError(f"{text!r} sets {', '.join(sorted(repeated))} twice")
    return Request(match["name"], tuple(settings))


def build_parameters(kind: type, settings: typing.Mapping[str, Any], owner: str) -> Any:
    """An instance of the parameter dataclass `kind` with `settings` in the place of its defaults.

    Text is read as the type of its field; values of other types must already have it. Raises ProtocolError that names
    `owner`, the parameter and what is allowed; a ValueError of the dataclass's own checks becomes one too.
    """
    hints = typing.get_type_hints(kind)
    known = [item.name for item in dataclasses.fields(kind)]
    values = {}
    for name, value in settings.items():
        if name not in known:
            raise ProtocolError(f"{owner} has no parameter {name!r}; {_advice(name, known)}")
        values[name] = _read(value, hints[name], f"{owner}: {name}")
    try:
        return kind(**values)
    except Exception as error:  # the dataclass is a plugin's, and checks itself as it likes
        raise ProtocolError(f"{owner}: {error}") from error


def display_name(name: str, parameters: Any) -> str:
    """How a system is written everywhere: its name and the parameters that are not at their default."""
    changed = [
        f"{item.name}={_write(getattr(parameters, item.name))}"
        for item in dataclasses.fields(parameters)
        if getattr(parameters, item.name) != item.default
    ]
    return f"{name}[{','.join(changed)}]" if changed else name


def suggestion(name: str, known: typing.Iterable[str]) -> str:
    """A hint for a name that is not in `known`: the nearest ones, or all of them."""
    return _advice(name, sorted(known))


def _advice(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=2)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(known)}" if known else "it has none"


def choices(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the type itself."""
    return typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def _read(value: Any, hint: Any, where: str) -> Any:
    for choice in choices(hint):
        found, read = _read_as(value, choice)
        if found:
            return read
    raise ProtocolError(f"{where} must be {_spell(choices(hint))}, not {reprlib.repr(value)}")


def _read_as(value: Any, kind: Any) -> tuple[bool, Any]:
    """Whether `value`, a text or a plain value, reads as `kind`, and as what."""
    if typing.get_origin(kind) is typing.Literal:
        for option in typing.get_args(kind):
            if value == option or str(option) == value:
                return True, option
        return False, None
    if kind is types.NoneType:
        return value is None or value == "none", None
    if kind is str:
        return isinstance(value, str), value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return False, None
    # Any program must be able to read what is written down: no NaN, no infinity, nothing that takes more than 64 bits.
    if type(value) in (int, float) and not -LARGEST < value < LARGEST:
        return False, None
    if kind is float and type(value) in (int, float):
        try:
            number = float(value)
        except OverflowError:
            return False, None
        return math.isfinite(number), number
    return type(value) is kind, value


def _spell(allowed: tuple[Any, ...]) -> str:
    spelt = []
    for choice in allowed:
        if typing.get_origin(choice) is typing.Literal:
            spelt += [repr(option) for option in typing.get_args(choice)]
        else:
            spelt.append(
                {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(choice, "none")
            )
    return " or ".join(spelt)


def _write(value: Any) -> str:
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)
