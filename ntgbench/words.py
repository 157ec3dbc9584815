"""Parts of messages: numbers with their nouns, names and values from outside, suggestions."""

from __future__ import annotations

import difflib
import reprlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMPARED = 150
"""Characters of a name that are compared with known ones."""


def printable(text: str) -> str:
    """`text` on one line: newlines, control characters and lone surrogates are written as Python escapes."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def titles(datasets: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], str]:
    """The datasets as messages name them, by name and digest: the argument is added to a name that two datasets have.

    Args:
        datasets: name, digest and argument of each; they may repeat.
    """
    known = {(name, digest): argument for name, digest, argument in datasets}
    names = [name for name, _ in known]
    return {key: key[0] if names.count(key[0]) == 1 else f"{key[0]} ({argument})" for key, argument in known.items()}


def pluralised(count: float, noun: str) -> str:
    """A number with its noun: 1 cell, 1,000 cells, 2 classes, 0.5 minutes."""
    number = f"{count:,.0f}" if count == int(count) else f"{count:g}"
    return f"{number} {noun}" if count == 1 else f"{number} {plural(noun)}"


def plural(noun: str) -> str:
    """The plural of an English noun that forms it regularly."""
    return f"{noun}{'es' if noun.endswith('s') else 's'}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not in `known`: the nearest names, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name[:_COMPARED], known, n=2)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(known)}" if known else "there are none"


def shown(value: object) -> str:
    """A value of any size in a message: short and on one line."""
    if isinstance(value, dict | list | tuple):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    # Python refuses to print whole numbers of thousands of digits.
    return "a very large number" if isinstance(value, int) and abs(value) >= 2**63 else printable(reprlib.repr(value))
