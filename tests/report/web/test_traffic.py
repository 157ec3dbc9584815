"""The part of the page that shows traffic: its text, and what its script draws, in a real browser."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from made_browser import in_browser
from made_profiles import biflow_row, trace_row
from made_rows import make_row

from ntgbench.report.pictures import biflows
from ntgbench.report.publish import publish
from ntgbench.report.web import traffic

from .made_page import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROWS = [biflow_row("first", 2, HOSTILE[:4]), biflow_row("second & <b>", 3, HOSTILE[:4])]
ROWS[1]["system"] = "second[a=1]"
ROWS += [biflow_row("other", 4, dataset="other"), trace_row("cascadenet", 2), make_row("without", 0)]


ROOM = 1_000_000


def stored(text: str) -> Any:
    return json.loads(re.search(r'id="traffic">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]


def test_rows_without_a_profile_add_nothing() -> None:
    assert traffic.sections([make_row("a", 0)], ROOM) == ""


def test_names_cannot_leave_their_place() -> None:
    text = traffic.sections(ROWS, ROOM)
    assert set(stored(text)[0]["reals"][0]["classes"]) == set(HOSTILE[:4])
    assert "<img" not in text
    assert text.count("<script") == 1 == text.count("</script")


def test_the_real_side_is_stored_once_a_dataset() -> None:
    found = stored(traffic.sections(ROWS, ROOM))
    assert [len(one["reals"]) for one in found] == [1, 1, 0]
    assert [[system for system, *_ in one["systems"]] for one in found] == [["first", "second[a=1]"], ["other"], []]


def test_with_less_room_a_page_is_told_in_larger_units() -> None:
    sizes = []
    others = 3 * traffic.PICTURES
    for most in (ROOM, 9_000, 8_000, 6_000, 3_000):
        text = traffic.sections(ROWS, most + others)
        sizes.append(len(json.dumps(stored(text), separators=(",", ":"), ensure_ascii=False)))
        assert sizes[-1] <= most or stored(text)[0]["reals"][0]["classes"] == []
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    publish(ROWS, folder)
    return (folder / "index.html").as_uri()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that has said nothing on the console by the end of the test."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    page.close()
    assert said == []


SHOWN = "#made-traffic"


def test_the_navigation_has_one_order_on_every_view(page: Page, address: str) -> None:
    orders = set()
    for view in ("", SHOWN, "#made-utility", "#trace-traffic"):
        page.goto(f"{address}{view}")
        orders.add(page.locator("nav ul").first.inner_text())
    assert [order.split() for order in orders] == [["overview", "biflows", "headers"]]


def drawn(page: Page) -> list[str]:
    """All that the script draws: paths, shades, what is told on hover, texts, and the table."""
    return page.locator(SHOWN).evaluate(  # type: ignore[no-any-return]
        """section => [...section.querySelectorAll("svg *, tbody *")].flatMap((one) => [
          one.getAttribute("d") ?? "", one.getAttribute("fill-opacity") ?? "",
          one.getAttribute("fill") ? getComputedStyle(one).fill : "",
          one.children.length ? "" : one.textContent.trim()])"""
    )


LESS_IS_REAL = """cells => {
  const svg = cells[0].ownerSVGElement;
  const colour = (name) => getComputedStyle(svg.querySelector(`g.${name}`)).fill;
  const more = (one) => (/: -/.test(one.textContent) ? "real" : "synthetic");
  return cells.filter((one) => getComputedStyle(one).fill !== colour(more(one))).map((one) => one.textContent);
}"""
"""What is told in cells of the difference whose colour is not that of the side that has more."""


def as_numbers(found: list[str]) -> list[Any]:
    """Coordinates to a tenth may differ by rounding."""
    return [[float(one) for one in re.findall(r"-?\d+(?:\.\d+)?", text)] for text in found]


@in_browser
def test_the_script_draws_what_python_draws(page: Page, address: str) -> None:
    page.goto(address + SHOWN)
    first = drawn(page)
    page.locator(f"{SHOWN} select[name=class]").select_option(index=2)
    changed = drawn(page)
    assert sum(a != b for a, b in zip(first, changed, strict=True)) > 50
    for row, system in ((ROWS[0], 0), (ROWS[1], 1)):
        page.locator(f"{SHOWN} select[name=system]").select_option(index=system)
        for group in (0, 1, 2, 3, 4):
            page.locator(f"{SHOWN} select[name=class]").select_option(index=group)
            told = stored(traffic.sections(ROWS, ROOM))[0]
            profile = {**row["profile"], "real": told["reals"][0]["parts"], "synthetic": told["systems"][system][2]}
            both = biflows.looks(profile, group)  # type: ignore[arg-type]
            expected = biflows.drawn(both, row["profile"]["scale"], "it")
            for part, (_, svg) in expected.items():
                own = page.locator(f"{SHOWN} svg[data-part={part}]").evaluate("one => one.outerHTML")
                for attribute in ("d", "fill-opacity"):
                    pairs = [re.findall(rf'(?<![-\w]){attribute}="([^"]*)"', text) for text in (own, svg)]
                    ours, theirs = map(as_numbers, pairs)
                    assert [len(one) for one in ours] == [len(one) for one in theirs]
                    for mine, other in zip(ours, theirs, strict=True):
                        assert mine == pytest.approx(other, abs=0.11)
                if part == "transitions":
                    assert page.locator(f"{SHOWN} .difference path").evaluate_all(LESS_IS_REAL) == []
                texts = [re.findall(r">([^<\n]+)<", text) for text in (own, svg)]
                assert texts[0] == texts[1]
    page.locator(f"{SHOWN} select[name=system]").select_option(index=0)
    page.locator(f"{SHOWN} select[name=class]").select_option(index=0)
    assert drawn(page) == first


@in_browser
def test_the_choice_is_in_the_address(page: Page, address: str) -> None:
    page.goto(address + SHOWN)
    page.locator(f"{SHOWN} select[name=system]").select_option("second[a=1]")
    page.locator(f"{SHOWN} select[name=class]").select_option(HOSTILE[2])
    told, then = page.locator(f"{SHOWN} .shown").text_content(), drawn(page)
    assert told == f"made, class {HOSTILE[2]}, second[a=1] beside real traffic"
    label = page.locator(f"{SHOWN} svg[data-part=packets]").get_attribute("aria-label")
    assert label == f"Packets of {told}"
    page.locator("[name=theme]").select_option("dark")  # the page keeps it when it changes the address
    page.locator("[name=theme]").select_option("")
    there = page.url
    page.goto("about:blank")
    page.goto(there)
    assert page.locator(f"{SHOWN} .shown").text_content() == told
    assert drawn(page) == then
    page.goto("about:blank")
    page.goto(f"{address}{SHOWN}&system=unknown&class=unknown")
    assert page.locator(f"{SHOWN} .shown").text_content() == "made, all classes, first beside real traffic"


@in_browser
def test_it_is_accessible_in_both_themes(page: Page, address: str) -> None:
    for theme in ("light", "dark"):
        page.goto("about:blank")
        page.goto(f"{address}{SHOWN}&theme={theme}")
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


@in_browser
def test_without_a_script_the_first_system_is_shown(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator(f"{SHOWN} .shown").is_visible()
    assert not page.locator(f"{SHOWN} select").first.is_visible()
    assert page.locator(f"{SHOWN} svg").count() == 4
    context.close()
