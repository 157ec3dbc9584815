"""The page in a real browser."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from made_browser import in_browser
from playwright.sync_api import expect

from ntgbench.report.publish import publish

from .made_page import HOSTILE, page_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = in_browser

expect.set_options(timeout=30_000)  # ms, as for all else; 5,000 are few on a busy machine

VIEWS = (
    "overview",
    "made-utility",
    "made-privacy",
    "made-front",
    "made-efficiency",
    "made-tradeoff",
    "trace-statistics",
)
BOARD = "section.on table"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    publish(page_rows(), folder)
    return (folder / "index.html").as_uri()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that has said nothing on the console by the end of the test."""
    context = browser.new_context(**getattr(request, "param", {"viewport": {"width": 1440, "height": 900}}))
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


def column(page: Page, at: int) -> list[str]:
    """What is shown in a column of the first table."""
    rows = page.locator(BOARD).first.locator("tbody tr:not(:has([scope=rowgroup])):visible")
    return rows.evaluate_all("(rows, at) => rows.map((row) => row.cells[at].innerText.trim())", at)


def names(page: Page) -> list[str]:
    return [name.split()[0] for name in column(page, 1)]


def head(page: Page, text: str):
    return page.locator(BOARD).first.locator("thead button", has_text=text)


def look(page: Page, address: str, view: str = "") -> None:
    page.goto("about:blank")  # an address that differs behind "#" only would not load the page anew
    page.goto(address + view)


def test_sorting_by_value_with_references_below(page: Page, address: str) -> None:
    look(page, address, "#made-efficiency")
    as_given = names(page)
    times = page.locator(BOARD).first.locator("thead th", has_text="shortest")
    times.locator("button").click()
    assert names(page) == ["cvae", "llama[q=4]", "mamba", "smote"]  # 2, 9, 10 and 1,234.5: by value, not as text
    assert times.get_attribute("aria-sort") == "ascending"
    times.locator("button").click()
    assert names(page) == ["smote", "mamba", "llama[q=4]", "cvae"]
    assert times.get_attribute("aria-sort") == "descending"
    times.locator("button").click()
    assert names(page) == as_given
    assert times.get_attribute("aria-sort") is None

    look(page, address, "#made-utility")
    head(page, "accuracy").click()  # higher is better, so the highest comes first
    assert names(page) == ["cvae", "smote", "mamba", "llama[q=4]", "broken", "copy", "real"]
    head(page, "accuracy").click()  # what has no number is last either way
    assert names(page) == ["smote", "cvae", "mamba", "llama[q=4]", "broken", "real", "copy"]
    head(page, "system").click()
    assert names(page) == ["broken", "cvae", "llama[q=4]", "mamba", "smote", "copy", "real"]


def test_filters(page: Page, address: str) -> None:
    look(page, address, "#made-utility")
    page.get_by_label("Systems").fill("MAMBA smo")
    assert names(page) == ["smote", "mamba"]
    assert page.get_by_role("status").inner_text() == "2 of 7 shown"
    page.get_by_label("Systems").fill("")
    page.get_by_label("Show").select_option("references")
    assert names(page) == ["real", "copy"]
    page.get_by_label("Show").select_option("ranked")
    assert set(names(page)) == {"smote", "cvae", "mamba", "llama[q=4]", "broken"}
    page.get_by_label("Show").select_option("marked")
    assert names(page) == ["cvae"]
    page.get_by_label("Show").select_option("unmarked")
    assert "cvae" not in names(page)
    # Lines that are classes are no systems.
    classes = page.locator(BOARD, has=page.locator("th", has_text="tested"))
    assert classes.locator("tbody tr:visible").count() == len(HOSTILE)


def test_navigation_by_track_dataset_and_board(page: Page, address: str) -> None:
    look(page, address)
    assert page.locator("section.on h2").all_inner_texts() == ["What was measured", "made: fidelity"]
    links = page.get_by_role("navigation")
    links.get_by_role("link", name="headers").click()
    assert page.locator("section.on h2").all_inner_texts() == ["trace: statistics"]
    links.get_by_role("link", name="biflows").click()
    links.get_by_role("link", name="utility", exact=True).click()
    assert page.locator("section.on h2").all_inner_texts() == ["made: utility"]
    current = links.locator("[aria-current]").all_inner_texts()
    assert current == ["biflows", "made", "utility"]
    page.go_back()
    expect(page).to_have_title(re.compile("^made: fidelity"))
    links.get_by_role("link", name="overview").click()
    page.locator("section.on").get_by_role("link", name="privacy").click()
    expect(page).to_have_title("made: privacy - ntgbench")


def test_the_address_brings_a_view_back(page: Page, address: str) -> None:
    look(page, address, "#made-utility")
    page.get_by_label("Systems").fill("m o&=%#")
    page.get_by_label("Show").select_option("ranked")
    page.get_by_label("Theme").select_option("dark")
    head(page, "macro_f1").click()
    head(page, "macro_f1").click()
    seen = page.url, names(page), page.locator("html").get_attribute("data-theme")
    assert seen[1] == ["llama[q=4]", "mamba", "smote"]
    look(page, address, "#" + seen[0].partition("#")[2])
    assert (page.url, names(page), page.locator("html").get_attribute("data-theme")) == seen
    assert page.get_by_label("Systems").input_value() == "m o&=%#"
    # Another board keeps the filters and the theme; the order was that of one table.
    page.get_by_role("navigation").get_by_role("link", name="privacy").click()
    assert unquote(page.url.partition("#")[2]) == "made-privacy&q=m o&=%#&kind=ranked&theme=dark"
    # What an address cannot mean is left out.
    look(page, address, "#nowhere&kind=odd&theme=pink&sort=99.99.up,x")
    assert page.locator("section.on h2").first.inner_text() == "What was measured"


def saved(page: Page, at: int) -> list[list[str]]:
    with page.expect_download() as download:
        page.locator(BOARD).nth(at).get_by_role("button", name="CSV").click()
    return list(csv.reader(io.StringIO(Path(download.value.path()).read_bytes().decode())))


def test_csv_of_what_is_on_screen(page: Page, address: str) -> None:
    look(page, address, "#made-utility")
    page.get_by_label("Systems").fill("smote cvae mamba real")
    head(page, "macro_f1").click()
    assert saved(page, 0) == [
        ["rank", "system", "macro_f1 ↑", "macro_f1 ↑ ±", "accuracy ↑", "accuracy ↑ ±", "kind"],
        ["1", "smote", "0.901", "0.013", "0.100", "0.000", "ranked"],
        ["2", "cvae ‡", "0.801", "0.013", "0.200", "0.000", "ranked"],
        ["2", "mamba", "0.801", "0.013", "failed", "", "ranked"],
        ["-", "real", "0.951", "0.013", "0.050", "0.000", "reference"],
    ]
    classes = [line[0] for line in saved(page, 1)[1:]]
    # Markdown has no backquote in code, and what a spreadsheet would compute is marked as text.
    wanted = {("'" if name.startswith("=") else "") + name.strip().replace("`", "'") for name in HOSTILE}
    assert set(classes) == wanted
    look(page, address, "#made-efficiency&q=smote")
    assert saved(page, 0)[1][2:5] == ["1234.50", "1111.05", "1357.95"]


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_accessible_and_fits(page: Page, address: str, view: str) -> None:
    page.goto(f"{address}#{view}")
    assert page.locator(f"#{view}").is_visible()
    # Half of the four is seen by axe, which takes a second for each: both widths and both themes.
    for width, theme, seen in (
        (1440, "light", True),
        (390, "light", False),
        (390, "dark", True),
        (1440, "dark", False),
    ):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if seen:
            found = Axe().run(page).response["violations"]
            assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_the_theme_is_that_of_the_system_until_one_is_chosen(page: Page, address: str) -> None:
    page.goto(address)
    papers = {}
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        papers[theme] = paper(page)
    assert papers["light"] == "rgb(255, 255, 255)"
    assert papers["dark"] != papers["light"]
    for theme in ("light", "dark"):
        page.get_by_label("Theme").select_option(theme)
        assert paper(page) == papers[theme]


def paper(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_a_keyboard_reaches_everything(page: Page, address: str) -> None:
    look(page, address, "#made-utility&q=m")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the tables"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.url.endswith("#made-utility&q=m")
    look(page, address, "#made-utility")
    page.locator("nav [aria-current]", has_text="utility").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("^made: privacy"))
    assert page.evaluate("document.activeElement.textContent") == "privacy"
    # Every button, link, list and cell with a note is on the way of the Tab key.
    look(page, address, "#made-utility")
    wanted = page.evaluate(
        """() => {
            const found = [...document.querySelectorAll("a, button, input, select, summary, tbody [data-note]")]
              .filter((one) => one.checkVisibility());
            found.forEach((one) => { one.dataset.left = "yes"; });
            addEventListener("focusin", (event) => { delete event.target.dataset.left; });
            return found.length;
        }"""
    )
    for _ in range(2 * wanted):
        page.keyboard.press("Tab")
    assert page.locator("[data-left]").evaluate_all("(all) => all.map((one) => one.outerHTML)") == []


def test_notes_say_what_and_why(page: Page, address: str) -> None:
    look(page, address, "#made-utility")
    assert "Higher is better" in head(page, "macro_f1").get_attribute("title")
    failed = page.locator(BOARD).first.locator("td", has_text="failed").first
    failed.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert page.locator("#note").inner_text() == "out of memory " + HOSTILE[0]
    page.keyboard.press("Escape")
    assert page.locator("#note").is_hidden()
    undefined = page.locator(BOARD).first.locator("td", has_text="undefined").first
    assert undefined.get_attribute("title") == "it tells no likelihood"
    marked = page.locator(BOARD).first.locator("tbody th", has_text="cvae")
    assert marked.get_attribute("title").startswith("‡ copies")
    assert page.locator("section.on .warning").first.inner_text().startswith("Too small to rank well:")
    provenance = page.locator("section.on .provenance")
    assert provenance.locator("pre").is_hidden()
    provenance.locator("summary").click()
    assert "ntgbench run" in provenance.locator("pre").inner_text()


@pytest.mark.parametrize("page", [{"java_script_enabled": False}], indirect=True)
def test_without_a_script_all_tables_are_there(page: Page, address: str) -> None:
    page.goto(address)
    for view in VIEWS:
        assert page.locator(f"#{view} table").first.is_visible()
    page.locator("#overview").get_by_role("link", name="privacy").click()
    assert page.url.endswith("#made-privacy")
