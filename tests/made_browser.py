"""The browser that tests of the web page use."""

from __future__ import annotations

import shutil

import pytest

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

in_browser = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
