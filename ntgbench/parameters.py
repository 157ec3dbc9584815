"""Systems as users write them, `markov[order=2]`, with parameters checked against the system's dataclass."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ntgbench.errors import ProtocolError
from ntgbench.values import convert, fields_of, problem

if TYPE_CHECKING:
    from collections.abc import Mapping


_REQUEST = re.compile(r"(?P<name>[a-z0-9]+(-[a-z0-9]+)*)(\[(?P<body>[^\[\]`]*)\])?")

LONGEST = 1_000
"""Characters of a request."""


@dataclass(frozen=True)
class Request:
    """A system that a user asks for: its name, and its parameters as text."""

    name: str
    settings: tuple[tuple[str, str], ...] = ()


def parse_request(text: str) -> Request:
    """Read `name` or `name[parameter=value,…]`. Raises ProtocolError with an example for any other text."""
    match = _REQUEST.fullmatch(text.strip())
    if match is None or not text.isprintable() or len(text) > LONGEST:
        raise ProtocolError(
            f"cannot read the system {text!r:.200}; write it like markov or markov[order=2], "
            "with no brackets and backticks in values"
        )
    settings: dict[str, str] = {}
    for part in filter(None, (match["body"] or "").split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key:
            raise ProtocolError(
                f"cannot read {part.strip()!r} in {text!r}; write parameter=value, with no commas in values"
            )
        if key in settings:
            raise ProtocolError(f"{text!r} sets {key} twice")
        settings[key] = value
    return Request(match["name"], tuple(settings.items()))


def build_parameters(kind: type, settings: Mapping[str, Any], owner: str) -> Any:
    """An instance of the parameter dataclass `kind`; what `settings` lacks keeps its default.

    Text is read as the type of its field. Raises ProtocolError that names `owner`, the parameter and what is allowed,
    also when the dataclass's own checks raise anything.
    """
    fields = fields_of(kind)
    plain = {name: _plain(value, fields[name].type) if name in fields else value for name, value in settings.items()}
    return convert(plain, kind, owner, ProtocolError)


def _plain(value: Any, wanted: Any) -> Any:
    """The value that is written as `text`, or the text itself where the parameter is one."""
    if not isinstance(value, str) or problem(value, wanted) is None:
        return value
    try:
        return None if value == "none" else json.loads(value)
    except (ValueError, RecursionError):
        return value


def display_name(name: str, parameters: Any) -> str:
    """How a system is written everywhere: its name and the parameters that are not at their default."""
    changed = [
        f"{field.name}={_written(getattr(parameters, field.name))}"
        for field in dataclasses.fields(parameters)
        if getattr(parameters, field.name) != field.default
    ]
    return f"{name}[{','.join(changed)}]" if changed else name


def _written(value: Any) -> str:
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)
