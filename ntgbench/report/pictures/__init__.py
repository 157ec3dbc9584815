"""Pictures of a page of the leaderboards, made of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.report.blocks import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.results import Row


def pictures(page: Page, rows: Sequence[Row]) -> list[Picture]:  # noqa: ARG001
    """What the web page shows above the page's tables, in order; `rows` are those of all pages."""
    return [block for block in page.blocks if isinstance(block, Picture)]
