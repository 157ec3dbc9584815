"""Tables as HTML, in few bytes: closing tags that HTML does not need are left out."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from ntgbench.report.blocks import Cell, Table
from ntgbench.report.text import EMPTY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt

_NUMBER = re.compile(r"(\*\*)?([\w., +±\[\]%-]+?)(?(1)\*\*)")
"""Text that means nothing else in Markdown, or a number in bold."""

_LONG = 32
"""Characters of a name above which the page cuts it."""

Notes = dict[str, int]
"""Notes beside cells by their number in the page, which holds each of them once."""


def table(one: Table, caption: str, notes: Notes) -> str:
    """A table in a box of its own, which scrolls.

    Lines of references, which have names in italics, are gathered below the others. A column of ranks is left out
    where nothing has one.
    """
    one = _without_ranks(one)
    columns = "".join(f"<th scope=col{_note(head, notes)}>{inline(head)}" for head in one.heads)
    lines = [*one.body, *one.references]
    below = [line for line in lines if _is_reference(line, one)]
    above = [line for line in lines if not _is_reference(line, one)]
    kind = " class=systems" if one.heads[one.left] == "system" else ""
    body = f"<tbody>{''.join(_line(line, one.left, notes) for line in above)}"
    if below and above:
        title = f"<tr><th colspan={len(one.heads)} scope=rowgroup>references"
        body += f"<tbody class=references>{title}{''.join(_line(line, one.left, notes) for line in below)}"
    elif below:
        body = f"<tbody class=references>{''.join(_line(line, one.left, notes) for line in below)}"
    head = f"<caption>{escape(caption)}</caption><thead><tr>{columns}"
    return f"<div class=box tabindex=0><table{kind}>{head}{body}</table></div>\n"


def _without_ranks(one: Table) -> Table:
    if one.heads[0] != "rank" or any(line[0] != EMPTY for line in one.body):
        return one
    body, references = ([line[1:] for line in lines] for lines in (one.body, one.references))
    return Table(one.heads[1:], body, references, one.left - 1)


def _is_reference(line: Sequence[str], one: Table) -> bool:
    return line in one.references or (line[one.left].startswith("*") and one.heads[one.left] == "system")


def _line(line: Sequence[str], left: int, notes: Notes) -> str:
    cells = [
        f"<{'th' if place == left else 'td'}{_note(text, notes)}>{(name if place == left else inline)(text)}"
        for place, text in enumerate(line)
    ]
    return f"<tr>{''.join(cells)}\n"


def _note(text: str, notes: Notes) -> str:
    note = text.note if isinstance(text, Cell) else ""
    return f" data-note={notes.setdefault(note, len(notes))}" if note else ""


@lru_cache(10_000)
def name(text: str) -> str:
    """A name: the page shows it as code, or as that of a reference, by its place."""
    made = re.sub("</?(code|em)>", "", inline(text))
    return f"<span class=long>{made}</span>" if len(text) > _LONG and "<" not in made else made


def inline(text: str) -> str:
    """Markdown within a line as HTML."""
    number = _NUMBER.fullmatch(text)
    if number is None or "_" in text:
        return _rendered(str(text))
    short = number[2].replace(" ± ", "±")
    return f"<b>{short}</b>" if number[1] else short


@lru_cache(10_000)
def _rendered(text: str) -> str:
    # In a table, "|" is escaped in code too.
    return str(markdown().renderInline(text.replace("\\|", "|")))


@lru_cache(1)
def markdown() -> MarkdownIt:
    """What renders Markdown; HTML in it is text."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")
