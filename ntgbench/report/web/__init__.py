"""The leaderboards as one web page, index.html: pure text made of rows, which needs no other file and no server."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from ntgbench.report.blocks import Picture
from ntgbench.report.markdown import MARK
from ntgbench.report.pictures import pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.results import Row

FILE = "index.html"

SCRIPTS = ("page.js", "cells.js")
"""Files of this folder that are put into the page, in this order, in its head. Each runs before the body is read."""

STYLES = ("page.css", "cells.css")
"""Likewise for styles."""


def render(rows: Sequence[Row], made: Sequence[Page]) -> dict[str, str]:
    """The page's text by its name; the same for rows in any order."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    sections = [
        f"<section><h1>{escape(page.title)}</h1>{_figures(pictures(page, rows))}{markdown.render(_text(page))}</section>"
        for page in made
    ]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>ntgbench leaderboards</title>'
    head += "".join(f"<style>{_own(name)}</style>" for name in STYLES)
    head += "".join(f"<script>{_own(name)}</script>" for name in SCRIPTS)
    return {FILE: f"{MARK}\n{head}<body>{''.join(sections)}</body></html>\n"}


def _figures(found: Sequence[Picture]) -> str:
    """The grid of a page's pictures."""
    figures = [f"<figure>{one.svg}<figcaption>{escape(one.title)}</figcaption></figure>" for one in found]
    return f'<div class="figures">{"".join(figures)}</div>' if figures else ""


def _own(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def _text(page: Page) -> str:
    return "\n\n".join(str(block) for block in page.blocks if not isinstance(block, Picture))
