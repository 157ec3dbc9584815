"""A page of the leaderboards as one section of the web page."""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from ntgbench.report.blocks import Bullets, Folded, Picture, Table
from ntgbench.report.web.tables import Notes, markdown, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ntgbench.report.blocks import Block, Page

_LONG = 800
"""Characters of an explanation above which it is set in columns."""


class Listed(NamedTuple):
    """A page, its track, also where it shows several suites, and what the navigation calls it."""

    page: Page
    track: str
    name: str


def section(one: Listed, pictures: Sequence[Picture], notes: Notes) -> str:
    """How the page is read, its pictures, and then each of its parts."""
    page = one.page
    first = next((at for at, block in enumerate(page.blocks) if _level(block) == 2), len(page.blocks))
    reading = "".join(markdown().render(str(block)) for block in page.blocks[:first])
    columns = " class=long-text" if len(reading) > _LONG else ""
    about = {"track": one.track, "dataset": page.dataset, "name": one.name}
    data = "".join(f' data-{key}="{escape(value)}"' for key, value in about.items() if value)
    return (
        f'<section id="{key(page)}"{data}><h2>{escape(page.title)}</h2>'
        f"<details class=reading open><summary>How to read it</summary><div{columns}>{reading}</div></details>"
        f"{figures(pictures)}{_parts(page, first, notes)}"
        f'<p class=files><a href="{escape(page.file)}">This page as Markdown</a></section>\n'
    )


def key(page: Page) -> str:
    """What identifies the page in an address."""
    return page.file.removesuffix(".md")


def figures(found: Sequence[Picture]) -> str:
    """The grid of a page's pictures."""
    made = [f"<figure>{one.svg}<figcaption>{escape(one.title)}</figcaption></figure>" for one in found]
    return f"<div class=figures>{''.join(made)}</div>" if made else ""


def _parts(page: Page, first: int, notes: Notes) -> str:
    """Each part with its provenance folded below its heading; a table is named by the heading above it."""
    numbered = list(zip(page.blocks, _headings(page.blocks), strict=True))[first:]
    total, number = Counter(heading for block, heading in numbered if isinstance(block, Table)), Counter[str]()
    made = []
    for at, (block, heading) in enumerate(numbered):
        if isinstance(block, Table):
            number[heading] += 1
            of = f", {number[heading]} of {total[heading]}" if total[heading] > 1 else ""
            made.append(table(block, f"{page.title}, {heading}{of}", notes))
        elif isinstance(block, Bullets):
            lines = markdown().render(str(block))
            made.append(f"<div class={'warning' if block.warns else 'list'}>{lines}</div>")
        elif isinstance(block, Folded):
            shown = block.shown.lstrip("., ")
            made.append(f"<div class=about>{markdown().render(shown)}</div>" if shown else "")
        elif not isinstance(block, Picture):
            text = str(block)
            made.append(markdown().render(f"#{text}" if text.startswith("#") else text))
        if _level(block) == 2:
            rest = (one for one, _ in numbered[at + 1 :])
            made.append(_provenance(rest))
    return "".join(made)


def _provenance(rest: Iterator[Block]) -> str:
    """What is folded in a part, whose blocks come first in `rest`."""
    part = takewhile(lambda block: _level(block) != 2, rest)
    hidden = "".join(markdown().render(block.hidden) for block in part if isinstance(block, Folded))
    title = "Protocol, data, command and machine"
    return f"<details class=provenance><summary>{title}</summary>{hidden}</details>" if hidden else ""


def _level(block: Block) -> int:
    """Of a heading; 0 of all others."""
    return len(block) - len(block.lstrip("#")) if isinstance(block, str) else 0


def _headings(blocks: Sequence[Block]) -> list[str]:
    """The text of the last heading up to each block."""
    found, last = [], ""
    for block in blocks:
        if _level(block):
            last = re.sub(r"[`*\\]", "", str(block).lstrip("# "))
        found.append(last)
    return found
