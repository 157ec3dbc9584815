"""Curves over the share of real traffic: augmentation (arXiv 2603.25507, Fig. 3) and mixing; and bars of drift."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ntgbench.report.blocks import Picture
from ntgbench.report.charts import Axis, Bar, Bars, Line, bars, lines
from ntgbench.report.pictures.kinds import (
    Measured,
    best_first,
    comparable,
    file_of,
    mean_loss,
    measured,
    pooled,
    shared_out,
    titled,
)
from ntgbench.tracks.biflows.tables import columns_by_metric, is_bare, share_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.report.board import Board, Column, Entry
    from ntgbench.results import Row


def augmentation(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """The primary metric over the share of real biflows, a picture for each arm, with the line of no augmentation."""
    x = Axis("real biflows of each class, %", log=True)
    return _curves(page, "augmentation", x, "no augmentation", inline)


def mixing(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """The primary metric over the share of real biflows in a training set of the same size."""
    return _curves(
        page, "mixing", Axis("real biflows in the training set, %", low=0.0, high=100.0), "real part alone", inline
    )


def _curves(page: Page, suite: str, x: Axis, bare_name: str, inline: bool) -> list[Picture]:
    if page.suite != suite:
        return []
    made = []
    for board in page.boards:
        own = [column for columns in columns_by_metric(board).values() for column in columns if column.primary]
        bare = [column for column in own if is_bare(column)]
        for arm in sorted({share_of(column)[0] for column in own if not is_bare(column)}):
            columns = [column for column in own if not is_bare(column) and share_of(column)[0] == arm]
            entries = best_first(board.entries, partial(_loss, columns=columns))
            if not comparable(entries, inline):
                continue
            metric = columns[0].name.partition("@")[0]
            alone = [_line(bare_name, bare, lambda column, board=board: pooled(board, column), reference=True)]  # type: ignore[misc]
            alone = [line for line in alone if line.points]
            y = Axis(f"{metric}, {'lower' if columns[0].goal == 'min' else 'higher'} is better")
            for part, some in shared_out(entries, inline):
                drawn = [_of_entry(entry, columns, board) for entry in some]
                about = (
                    f"{metric} over {x.title}: {', '.join(entry.name for entry in some)}"
                    f"{f', and {bare_name}' if alone else ''}. {entries[0].name} is the best of all on average."
                )
                of_arm = f"arm {arm}" if arm else ""
                title = titled(suite.capitalize(), board, ", ".join(word for word in (of_arm, part) if word))
                file = file_of(page, suite, board, arm, part)
                made.append(Picture(file, title, lines([*drawn, *alone], x, y, about)))
    return made


def _loss(entry: Entry, columns: Sequence[Column]) -> float | None:
    """Of the shares that the system has numbers of."""
    return mean_loss(entry, [column for column in columns if entry.values(column)])


def _of_entry(entry: Entry, columns: Sequence[Column], board: Board) -> Line:
    return _line(entry.name, columns, lambda column: measured(entry, column, board.overlap))


def _line(
    name: str, columns: Iterable[Column], number: Callable[[Column], Measured | None], reference: bool = False
) -> Line:
    found = sorted((share_of(column)[1], one) for column in columns if (one := number(column)) is not None)
    band = [(at, *one.interval) for at, one in found if one.interval is not None]
    return Line(name, tuple((at, one.mean) for at, one in found), tuple(band), reference)


def drift(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """The primary metric on the other dataset beside that on the same one, a pair of bars for each system."""
    made = []
    for board in page.boards if page.suite == "drift" else ():
        known = {column.name: column for column in board.columns}
        column = next((one for one in board.columns if one.primary and "@" not in one.name), None)
        entries = best_first(board.entries, lambda entry, column=column: column and mean_loss(entry, [column]))  # type: ignore[misc]
        if column is None or not comparable(entries, inline):
            continue
        forms = {"another dataset": column, "the same dataset": known.get(f"{column.name}@same")}
        series = [
            Bars(name, tuple(_bar(measured(entry, form, board.overlap)) for entry in entries))
            for name, form in forms.items()
            if form is not None
        ]
        about = f"{column.name} on another dataset and on the same one. {entries[0].name} is the best on another one."
        drawn = bars([entry.name for entry in entries], series, Axis(column.name), about)
        made.append(Picture(file_of(page, "drift", board), titled(f"Drift of {column.name}", board), drawn))
    return made


def _bar(found: Measured | None) -> Bar | None:
    return None if found is None else Bar(found.mean, *(found.interval or (None, None)))
