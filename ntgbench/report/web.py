"""The leaderboards as one web page, index.html: pure text made of rows, which needs no other file and no server."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ntgbench.report.markdown import MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.results import Row

FILE = "index.html"


def render(rows: Sequence[Row], made: Sequence[Page]) -> dict[str, str]:  # noqa: ARG001
    """The page's text by its name; the same for rows in any order."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    sections = [f"<section><h1>{escape(page.title)}</h1>{markdown.render(_text(page))}</section>" for page in made]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>ntgbench leaderboards</title>'
    return {FILE: f"{MARK}\n{head}<body>{''.join(sections)}</body></html>\n"}


def _text(page: Page) -> str:
    return "\n\n".join(map(str, page.blocks))
