"""Leaderboards as Markdown: pure text made of rows, the same bytes wherever it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.report import across
from ntgbench.report.blocks import Picture
from ntgbench.report.board import boards
from ntgbench.report.failures import rows_that_failed
from ntgbench.report.pages import pages
from ntgbench.report.reading import caution_lines
from ntgbench.suites import PAGES
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.results import Row

MARK = "<!-- Written by ntgbench from rows.jsonl; edits are lost. -->"
"""First line of every file, by which ntgbench knows its own."""

WEB = "index.html"
"""The web page, which `ntgbench.report.web` makes."""


def render(rows: Sequence[Row], made: Sequence[Page] | None = None) -> dict[str, str]:
    """Text of each file by name: one for each of the rows' pages, which may be given, its pictures, and README.md."""
    made = pages(rows) if made is None else made
    texts = {page.file: "\n\n".join([f"# {page.title}", *map(str, page.blocks)]) + "\n" for page in made}
    texts["README.md"] = _index(rows, made)
    pictures = {one.file: one.svg for page in made for one in page.blocks if isinstance(one, Picture)}
    # In a drawing the mark is a comment as well.
    return {
        **{name: f"{MARK}\n\n{text}" for name, text in texts.items()},
        **{name: f"{MARK}\n{text}" for name, text in pictures.items()},
    }


def _index(rows: Sequence[Row], made: Iterable[Page]) -> str:
    parts = [
        "# Leaderboards",
        "Written by `ntgbench run`; `ntgbench report` makes the same bytes from `rows.jsonl`.",
        f"[{WEB}]({WEB}) shows the same as one page with sorting and filters; it needs no server.",
    ]
    lines = []
    for dataset in sorted({row["dataset"] for row in rows}):
        own = [row for row in rows if row["dataset"] == dataset]
        links = ", ".join(
            f"[{PAGES.get(page.suite, page.suite)}]({page.file})" for page in made if page.dataset == dataset
        )
        systems = pluralised(len({row["system"] for row in own}), "system")
        lines.append(f"- **{dataset}**: {links or 'no cell has a number'} ({systems}, {pluralised(len(own), 'cell')})")
        lines += [f"  - {line}" for line in caution_lines(own)]
        if not links:
            lines += [f"  - {line}" for board in boards(own) for line in rows_that_failed(board)]
    if any(page.file == across.PAGE for page in made):
        lines.append(f"- [Ranks over datasets and seeds]({across.PAGE})")
    return "\n\n".join(parts) + "\n\n" + "\n".join(lines) + "\n"
