"""The leaderboards as one web page, index.html: pure text made of rows, which needs no other file and no server."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING

from ntgbench.plugins import registry
from ntgbench.report.markdown import MARK, WEB
from ntgbench.report.pictures import pictures
from ntgbench.report.web import traffic
from ntgbench.report.web.overview import overview
from ntgbench.report.web.sections import Listed, section
from ntgbench.suites import PAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.report.web.tables import Notes
    from ntgbench.results import Row

SCRIPTS = ("csv.js", "page.js", "cells.js", "traffic.js")
"""Files of this folder that are put into the page, in this order, in its head. Each runs before the body is read."""

STYLES = ("page.css", "cells.css", "traffic.css")
"""Likewise for styles."""

MOST_BYTES = 1_430_000
"""Of the page without its scripts, as far as pictures of traffic can be told less finely."""


def render(rows: Sequence[Row], made: Sequence[Page]) -> dict[str, str]:
    """The page's text by its name; the same for rows in any order."""
    notes: Notes = {}
    listed = _listed(made)
    body = [overview(rows, listed, notes)]
    body += [section(one, pictures(one.page, rows), notes) for one in listed]
    body.append(traffic.sections(rows, MOST_BYTES - sum(len(part.encode()) for part in body)))
    frame = _own("frame.html").replace("<!-- styles -->", "".join(f"<style>{_own(name)}</style>" for name in STYLES))
    scripts = [_own(name) for name in SCRIPTS]
    frame = frame.replace("{hashes}", " ".join(map(_hash, scripts)))
    frame = frame.replace("<!-- scripts -->", "".join(f"<script>{script}</script>" for script in scripts))
    before, after = frame.split("<!-- sections -->")
    told = json.dumps(list(notes), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    data = f'<script type="application/json" id="notes">{told}</script>'
    return {WEB: f"{MARK}\n{before}{''.join(body)}{data}{after}"}


def _listed(made: Sequence[Page]) -> list[Listed]:
    """The pages by track and dataset, suites in the order in which the installation lists them; ranks last."""
    tracks = {page.dataset: page.track for page in reversed(made) if page.track}
    names = {**PAGES, "": "ranks"}
    order = [name for track in registry().tracks() for name in registry().suites(track)]

    def place(one: Listed) -> tuple[bool, str, str, bool, int, str]:
        suite = one.page.suite
        known = order.index(suite) if suite in order else len(order)
        return not one.page.dataset, one.track, one.page.dataset, not one.page.track, known, suite

    found = (
        Listed(page, page.track or tracks.get(page.dataset, ""), names.get(page.suite, page.suite)) for page in made
    )
    return sorted(found, key=place)


def _hash(script: str) -> str:
    """How the page's security policy names a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _own(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
