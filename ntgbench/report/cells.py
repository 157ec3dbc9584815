"""Parts of tables that all boards share: lines of systems, ranks, and the text for a missing number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.report.blocks import Cell
from ntgbench.report.text import EMPTY, shown
from ntgbench.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ntgbench.report.board import Entry

LONGEST_NOTE = 300
"""Characters of a reason that is told beside a cell; the row has all."""


def system_lines(
    entries: Iterable[Entry], cells: Callable[[Entry], Iterable[str]], ranks: Mapping[str, int] | None = None
) -> list[list[str]]:
    """A line for each system: its rank where ranks are given, by the system's name, its name and its cells."""
    return [
        [*([] if ranks is None else [str(ranks.get(entry.name, EMPTY))]), shown(entry), *cells(entry)]
        for entry in entries
    ]


def no_number(entry: Entry, key: str, version: int | None = None) -> Cell:
    """The text for a missing number of the metric `key`, by its version, with the reason.

    It is "failed", "n/a", "undefined", "outdated" or "-".
    """
    measured = [row["metrics"][key] for row in entry.rows if key in row["metrics"]]
    if version is not None and any(metric["version"] != version for metric in measured):
        return Cell("outdated", "measured by an older version of the metric; run it again")
    # Other forms of a metric that does not apply are not in rows.
    headline = key.partition("@")[0]
    base = [row["metrics"][headline] for row in entry.rows if headline in row["metrics"]]
    if base and all(metric.get("inapplicable", False) for metric in base):
        return Cell("n/a", reason(entry, headline))
    if measured and all(metric.get("undefined", False) for metric in measured):
        return Cell("undefined", reason(entry, key))
    failed = measured or any(row["status"] == "failed" for row in entry.rows)
    return Cell("failed", reason(entry, key)) if failed else Cell(EMPTY)


def reason(entry: Entry, key: str) -> str:
    """Why a row of the entry has no number of the metric `key`, the first that says it; else that none was measured."""
    without = ((row, row["metrics"].get(key)) for row in entry.rows)
    found = (
        row["reason"] if metric is None else metric.get("reason")
        for row, metric in without
        if metric is None or metric["value"] is None
    )
    return shortened(next(filter(None, found), "no reason given"))


def shortened(text: str) -> str:
    """A reason on one line, as a note beside a cell holds it."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST_NOTE else f"{line[: LONGEST_NOTE - 1]}…"
