"""Bars of distances of header traces as in the paper of CascadeNet, Figs. 6 to 8: statistics, timing and bursts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.plugins import registry
from ntgbench.report.blocks import Picture
from ntgbench.report.charts import Axis, Bar, Bars, bars
from ntgbench.report.pictures.kinds import (
    MOST_SERIES,
    Measured,
    best_first,
    comparable,
    file_of,
    mean_loss,
    measured,
    titled,
)
from ntgbench.tracks.headers.tables import DIVERGENCES, OF_PAPER, SHARE_OF_WORST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.report.board import Board, Column, Entry
    from ntgbench.results import Row

REAL = "real"
"""The reference that is drawn beside the ranked systems: later traffic of the same link."""


def distances(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """Divergences as they are, and earth mover's distances as shares of the largest one of the systems shown."""
    made = []
    for board in page.boards if page.track == "headers" and page.suite in OF_PAPER else ():
        columns = [column for column in board.columns if "@" not in column.name and column.goal == "min"]
        own = [column for column in columns if column.name in DIVERGENCES]
        others = [column for column in columns if column.name not in DIVERGENCES]
        entries = _entries(board, columns)
        if not comparable(entries, inline):
            continue
        if own:
            title = titled("Divergences from the training trace", board)
            x = Axis("Jensen-Shannon divergence, lower is better", low=0.0, high=1.0)
            made.append(_picture(page, board, "divergences", title, own, entries, x, normal=False))
        if others:
            title = titled(f"Distances from the training trace: {board.suite}", board)
            x = Axis(f"{SHARE_OF_WORST} d / max d of those shown, lower is better", low=0.0)
            made.append(_picture(page, board, f"distances-{board.suite}", title, others, entries, x, normal=True))
    return made


def _entries(board: Board, columns: Sequence[Column]) -> list[Entry]:
    """The ranked systems, or without two of them all, at most `MOST_SERIES` and the best first; then `real`."""
    ranked = [entry for entry in board.entries if not entry.reference]
    some = ranked if len(ranked) > 1 else [entry for entry in board.entries if entry.rows[0]["system"] != REAL]
    primary = [column for column in columns if column.primary] or columns[:1]
    best = best_first(some, lambda entry: mean_loss(entry, primary))[:MOST_SERIES]
    return [*best, *(entry for entry in board.entries if entry.reference and entry.rows[0]["system"] == REAL)]


def _picture(
    page: Page,
    board: Board,
    kind: str,
    title: str,
    columns: Sequence[Column],
    entries: Sequence[Entry],
    x: Axis,
    normal: bool,
) -> Picture:
    found = {(e.name, column.name): measured(e, column, board.overlap) for e in entries for column in columns}
    worst = {
        column.name: max((one.mean for (_, name), one in found.items() if one and name == column.name), default=0.0)
        for column in columns
    }
    series = []
    for entry in entries:
        own = [_bar(found[entry.name, c.name], c, worst[c.name] if normal else SHARE_OF_WORST) for c in columns]
        series.append(Bars(entry.name, tuple(own), entry.reference))
    least = ", ".join(f"{column.name} {_least(column, entries, found)}" for column in columns)
    about = f"{title} of {', '.join(entry.name for entry in entries)}. The smallest: {least}."
    known = registry().metrics()
    notes = [known[column.name].summary if column.name in known else "" for column in columns]
    drawn = bars([column.name for column in columns], series, x, about, notes)
    return Picture(file_of(page, kind, board), title, drawn)


def _least(column: Column, entries: Sequence[Entry], found: dict[tuple[str, str], Measured | None]) -> str:
    known = [(one.mean, entry.name) for entry in entries if (one := found[entry.name, column.name]) is not None]
    return min(known)[1] if known else "nobody"


def _bar(found: Measured | None, column: Column, worst: float) -> Bar | None:
    """Scaled so that the worst is at `SHARE_OF_WORST`; what it tells is the number itself."""
    if found is None:
        return None
    by = SHARE_OF_WORST / worst if worst > 0 else 0.0
    interval = [by * max(end, 0.0) for end in found.interval] if found.interval else [None, None]
    return Bar(by * found.mean, interval[0], interval[1], found.text(column.digits))
