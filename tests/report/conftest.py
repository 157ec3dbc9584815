"""What tests in a browser share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from made_browser import PROGRAM
from playwright.sync_api import Browser, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the tests of a module: it does not share its loop with others."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield browser
        browser.close()
