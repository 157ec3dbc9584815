"""Numbers with the word for what they count."""

from __future__ import annotations


def counted(count: float, noun: str) -> str:
    """How many there are of what `noun` names: 1 cell, 1,000 cells, 2 classes, 0.5 minutes."""
    number = f"{count:,.0f}" if count == int(count) else f"{count:g}"
    return f"{number} {noun}" if count == 1 else f"{number} {plural(noun)}"


def plural(noun: str) -> str:
    """The plural of an English noun that forms it regularly."""
    return f"{noun}{'es' if noun.endswith('s') else 's'}"
