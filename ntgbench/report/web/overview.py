"""The first thing a reader of the web page sees: what was measured, and which systems are first where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.plugins import registry
from ntgbench.report.blocks import Table
from ntgbench.report.text import EMPTY
from ntgbench.report.web.sections import key
from ntgbench.report.web.tables import Notes, table
from ntgbench.results import ROWS_FILE
from ntgbench.suites import FRONT, TRADEOFF
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.report.web.sections import Listed
    from ntgbench.results import Row

MOST_FIRST = 3
"""Systems that are named as the first of a board."""

_ABOUT = """\
<p>ntgbench measures generators of synthetic network traffic. Each system learns from real traffic of a dataset and \
makes as much synthetic traffic; a suite of metrics then measures that traffic or the system. A board ranks systems \
that were measured alike: same protocol, same data. <b>Bold</b> is the best number of a column, systems of equal rank \
cannot be told apart, and <i>references</i>, such as a copy of the training traffic, take no rank. Point at a column's \
head, at a sign beside a name or at a word in place of a number to read what it means.
"""

_TOLD = {
    TRADEOFF: "which systems no other beats in both quality and cost",
    FRONT: "which systems are as useful as real traffic, and repeat no more of the training traffic",
    "": "which systems differ over all datasets",
}


def overview(rows: Sequence[Row], pages: Sequence[Listed], notes: Notes) -> str:
    """The section."""
    suites = {one.page.suite for one in pages if one.page.boards}
    systems = {row["system"] for row in rows if not row["reference"]}
    references = {row["system"] for row in rows if row["reference"]}
    facts = [
        pluralised(len({row["dataset"] for row in rows}), "dataset"),
        pluralised(len(suites), "suite"),
        pluralised(len(systems), "system"),
        pluralised(len(references), "reference"),
        pluralised(len(rows), "cell"),
    ]
    numbers = "".join(f"<li><b>{number}</b> {noun}" for number, _, noun in (fact.partition(" ") for fact in facts))
    lines = [_line(one.page, one.name) for one in pages]
    heads = ["dataset", "board", "what it tells", "ranked first", "ranked by", "systems", "seeds"]
    boards = table(Table(heads, lines), "All boards", notes)
    return (
        f"<section id=overview><h2>What was measured</h2>{_ABOUT}<ul class=facts>{numbers}</ul>"
        f'<p class=files>All of it is made of <a href="{ROWS_FILE}" download>{ROWS_FILE}</a>, one line a system, '
        f'dataset and seed. <a href="README.md">The same as Markdown</a></p>{boards}</section>\n'
    )


def _line(page: Page, name: str) -> list[str]:
    link = f"[{name}](#{key(page)})"
    if not page.boards:
        return [page.dataset or "all", link, _TOLD.get(page.suite, EMPTY), *[EMPTY] * 4]
    board = page.boards[-1]
    suite = registry().suites(board.common.track).get(page.suite)
    primary = next((f"{one.name.partition('@')[0]} {one.sign}" for one in board.columns if one.primary), EMPTY)
    names = {row["system"] for row in board.rows}
    told = suite.summary if suite else EMPTY
    return [page.dataset, link, told, _first(page), primary, str(len(names)), str(board.seeds())]


def _first(page: Page) -> str:
    """The names of the systems that have rank 1 in the page's first table with ranks."""
    ranked = (block for block in page.blocks if isinstance(block, Table) and block.heads[0] == "rank")
    table = next(ranked, None)
    names = [str(line[table.left]) for line in table.body if line[0] == "1"] if table else []
    rest = len(names) - MOST_FIRST
    return ", ".join(names[:MOST_FIRST]) + (f" and {rest} more" if rest > 0 else "") or EMPTY
