"""The tables of a page about header traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.report.tables import usual_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board
    from ntgbench.results import Row


def trace_tables(board: Board, rows: Sequence[Row]) -> list[str]:  # noqa: ARG001
    """The metrics against the training trace, and below them their controls."""
    return usual_tables(board)
