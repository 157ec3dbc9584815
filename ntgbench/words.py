"""Words for a line of output: numbers with their nouns, and names that somebody else chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def printable(text: str) -> str:
    """`text` on one line: newlines, control characters and lone surrogates are written as Python escapes."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def titles(datasets: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], str]:
    """How messages call datasets, by name and digest: by name, and by source as well where two have one name.

    Args:
        datasets: name, digest and source of each; they may repeat.
    """
    known = {(name, digest): source for name, digest, source in datasets}
    names = [name for name, _ in known]
    return {key: key[0] if names.count(key[0]) == 1 else f"{key[0]} ({source})" for key, source in known.items()}


def pluralised(count: float, noun: str) -> str:
    """How many there are of what `noun` names: 1 cell, 1,000 cells, 2 classes, 0.5 minutes."""
    number = f"{count:,.0f}" if count == int(count) else f"{count:g}"
    return f"{number} {noun}" if count == 1 else f"{number} {plural(noun)}"


def plural(noun: str) -> str:
    """The plural of an English noun that forms it regularly."""
    return f"{noun}{'es' if noun.endswith('s') else 's'}"
