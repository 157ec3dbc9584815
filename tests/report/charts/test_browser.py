"""A grid in a real browser: what a cell tells on hover, on the page and in a file."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from made_browser import in_browser

from ntgbench.report.charts import Grid, grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = in_browser

ROWS = tuple(f"class <{i}>" for i in range(39))
VALUES = tuple(tuple(None if i == j else (3 * i + j) % 101 / 100 for j in range(39)) for i in range(39))
SHOWN = Grid(ROWS, ROWS, VALUES, "true class", "taken for", "share", 0.0, 1.0)


@pytest.fixture(params=[1440, 360])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    own = files("ntgbench.report.web")
    script, style = ((own / name).read_text(encoding="utf-8") for name in ("cells.js", "cells.css"))
    page = browser.new_page(viewport={"width": request.param, "height": 800})
    page.set_content(
        f"<!doctype html><style>{style}</style><script>{script}</script>"
        f'<figure style="overflow:auto;margin:0">{grid(SHOWN, "about", inline=True)}</figure>'
    )
    yield page
    page.close()


def test_a_cell_tells_the_same_on_the_page_as_in_a_file(page: Page) -> None:
    root = ElementTree.fromstring(grid(SHOWN, "about"))
    in_file = [one.text for one in root.iter("{http://www.w3.org/2000/svg}title") if (one.text or "").count("\n") == 2]
    assert len(in_file) == 39 * 39
    box = page.locator("[data-values]").bounding_box()
    assert box is not None
    told = page.locator(".cell")
    assert told.is_hidden()
    for row, column in ((0, 0), (0, 1), (7, 3), (38, 20), (20, 22)):
        page.mouse.move(box["x"] + (column + 0.5) * box["width"] / 39, box["y"] + (row + 0.5) * box["height"] / 39)
        *names, value = told.inner_text().split("\n")
        *wanted, wanted_value = (in_file[39 * row + column] or "").split("\n")
        assert names == wanted
        number, wanted_number = (one.removeprefix("share: ") for one in (value, wanted_value))
        assert number == wanted_number == "no number" or float(number) == float(wanted_number)
    page.mouse.move(box["x"] - 5, box["y"] - 20)
    assert told.is_hidden()


def test_a_phone_shows_texts_that_can_be_read(page: Page) -> None:
    """A wide grid scrolls in its figure; it is not made smaller."""
    sizes = page.locator("svg text").evaluate_all(
        "texts => texts.map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)"
    )
    assert min(sizes) >= 8.0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
