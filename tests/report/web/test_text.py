"""The page's text: the same as the Markdown, from rows alone, and inert whatever the rows say."""

import base64
import hashlib
import random
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from made_large import large_rows

from ntgbench.report import markdown, web
from ntgbench.report.blocks import Table
from ntgbench.report.pages import pages

from .made_page import HOSTILE, page_rows

ROWS = page_rows()
PAGES = pages(ROWS)
TEXT = web.render(ROWS, PAGES)["index.html"]


class Reader(HTMLParser):
    """All start tags with their attributes, and the text of the cells of all tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.open = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open = self.open and tag not in ("tr", "tbody")
        if tag in ("td", "th"):
            self.open = True
            self.cells.append("")

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("table", "thead", "tbody")

    def handle_data(self, data):
        if self.open:
            self.cells[-1] += data.strip("\n")


def test_rows_in_any_order_give_the_same_bytes() -> None:
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    assert web.render(shuffled, pages(shuffled))["index.html"] == TEXT


def test_the_page_needs_nothing_else() -> None:
    tags = Reader(TEXT).tags
    loaded = [(tag, one[key]) for tag, one in tags for key in ("src", "srcset", "data", "action") if key in one]
    assert loaded == []
    links = {one["href"] for tag, one in tags if tag in ("a", "link")}
    assert {link for link in links if not link.startswith("#")} == {
        "data:,", "rows.jsonl", "README.md", *(page.file for page in PAGES)
    }  # fmt: skip
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", TEXT)


def test_only_our_own_scripts_may_run() -> None:
    scripts = re.findall(r"<script>(.*?)</script>", TEXT, re.DOTALL)
    assert scripts == [files(web).joinpath(name).read_text() for name in web.SCRIPTS]
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    policy = next(one["content"] for tag, one in Reader(TEXT).tags if one.get("http-equiv"))
    assert re.findall(r"script-src ([^;]*)", policy) == [" ".join(f"'sha256-{one}'" for one in digests)]
    assert "default-src 'none'" in policy


def test_what_rows_say_makes_no_tag_and_no_attribute() -> None:
    tags = Reader(TEXT).tags
    names = {tag for tag, _ in tags}
    assert "img" not in names
    assert [one for tag, one in tags if tag == "script"][:-1] == [{}] * len(web.SCRIPTS)
    assert not [key for _, one in tags for key in one if key.startswith("on")]
    assert not [one for tag, one in tags if tag == "a" and "javascript" in (one.get("href") or "")]
    # They are there all the same, as text.
    cells = Reader(TEXT).cells
    for name in HOSTILE[:2]:
        assert [cell for cell in cells if cell == name]


def unmarked(cell: str) -> str:
    return re.sub(r"[`*\\]", "", cell).replace(" ± ", "±").replace("'", "")


def test_cells_are_those_of_the_markdown() -> None:
    read = {unmarked(cell) for cell in Reader(TEXT).cells}
    for page in PAGES:
        for table in (block for block in page.blocks if isinstance(block, Table)):
            lines = [table.heads, *table.body, *table.references]
            # A class may be called as Markdown writes emphasis, which a table of text alone cannot tell.
            wanted = {unmarked(cell) for line in lines for cell in line if "javascript" not in cell}
            assert wanted - read == set()


def test_every_file_of_the_page_is_short() -> None:
    for one in files(web).iterdir():
        if one.name.endswith((".js", ".css", ".html")):
            assert len(one.read_text().splitlines()) <= 300, one.name


@pytest.mark.slow
def test_a_large_leaderboard_is_a_small_file() -> None:
    rows = large_rows()
    made = pages(rows)
    text = web.render(rows, made)["index.html"]
    assert len(text.encode()) < 1_520_000
    assert len(markdown.render(rows, made)) > 50
