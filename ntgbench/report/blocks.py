"""What pages are made of: text in Markdown, tables and pictures. The Markdown boards and the web page show the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board


class Cell(str):
    """The text of a cell, with a note in plain text that the web page shows to who asks: what it means, or why."""

    note: str

    def __new__(cls, text: str, note: str = "") -> Self:
        """The text, and its note; empty for none."""
        cell = super().__new__(cls, text)
        cell.note = note
        return cell


@dataclass(frozen=True)
class Table:
    """A table of cells in Markdown; `str` of it is the whole table in Markdown. Each may be a `Cell` with a note.

    Attributes:
        heads: one for each column.
        body: lines of as many cells.
        references: lines below the others, set apart: references take no rank.
        left: the column of names, aligned to the left; all others are aligned to the right.
    """

    heads: Sequence[str]
    body: Sequence[Sequence[str]]
    references: Sequence[Sequence[str]] = ()
    left: int = 1

    def __str__(self) -> str:
        """The table in Markdown."""
        from tabulate import tabulate

        lines = [list(line) for line in self.body]
        if self.references:
            lines.append(["*references*" if place == self.left else "" for place in range(len(self.heads))])
            lines += [list(line) for line in self.references]
        align = tuple("left" if place == self.left else "right" for place in range(len(self.heads)))
        return str(tabulate(lines, self.heads, tablefmt="pipe", colalign=align, disable_numparse=True))


@dataclass(frozen=True)
class Picture:
    """A drawing; `str` of it is a link to its file in Markdown.

    Attributes:
        file: its name in the folder of leaderboards.
        title: what it shows, in a few words, for those who cannot see it.
        svg: its text, without an XML head.
    """

    file: str
    title: str
    svg: str

    def __str__(self) -> str:
        """A link to the file."""
        return f"![{self.title}]({self.file})"


@dataclass(frozen=True)
class Folded:
    """Text in Markdown, of which the web page shows the end only, until one opens the rest."""

    hidden: str
    shown: str = ""

    def __str__(self) -> str:
        """The whole text."""
        return self.hidden + self.shown


@dataclass(frozen=True)
class Bullets:
    """A list below its title, lines in Markdown; the web page sets apart those that warn."""

    title: str
    lines: Sequence[str]
    warns: bool = False

    def __str__(self) -> str:
        """Title and list."""
        return "\n\n".join([f"**{self.title}**", "\n".join(f"- {line}" for line in self.lines)])


Block = str | Table | Picture | Folded | Bullets
"""Text is one paragraph, heading or list in Markdown. A plugin's tables may hand back other objects with a `str`."""


@dataclass(frozen=True)
class Page:
    """One file of the leaderboards.

    Attributes:
        file: its name.
        title: its heading.
        track, dataset, suite: what it is about; empty where it is about several.
        blocks: what it shows, in order.
        boards: the boards that it shows, those of one suite and dataset; empty for other pages.
    """

    file: str
    title: str
    track: str
    dataset: str
    suite: str
    blocks: tuple[Block, ...]
    boards: tuple[Board, ...] = ()
