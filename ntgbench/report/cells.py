"""Parts of tables that all boards share: lines of systems, ranks, and the text for a missing number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.report.text import EMPTY, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ntgbench.report.board import Entry


def system_lines(
    entries: Iterable[Entry], cells: Callable[[Entry], Iterable[str]], ranks: Mapping[str, int] | None = None
) -> list[list[str]]:
    """A line for each system: its rank where ranks are given, by the system's name, its name and its cells."""
    return [
        [*([] if ranks is None else [str(ranks.get(entry.name, EMPTY))]), shown(entry), *cells(entry)]
        for entry in entries
    ]


def no_number(entry: Entry, key: str, version: int | None = None) -> str:
    """The text for a missing number of the metric `key`, by its version: "failed", "undefined", "outdated" or "-"."""
    measured = [row["metrics"][key] for row in entry.rows if key in row["metrics"]]
    if version is not None and any(metric["version"] != version for metric in measured):
        return "outdated"
    if measured and all(metric.get("undefined", False) for metric in measured):
        return "undefined"
    return "failed" if measured or any(row["status"] == "failed" for row in entry.rows) else EMPTY
