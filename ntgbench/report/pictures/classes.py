"""F1 of each class by system, and what a classifier takes each class for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ntgbench.report.blocks import Picture
from ntgbench.report.charts import Grid, grid
from ntgbench.report.pictures.kinds import comparable, file_of, titled
from ntgbench.tracks.biflows.confusions import REAL, Classes, classes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.report.board import Board
    from ntgbench.results import Row

INLINE_CLASSES = 60
"""Classes of a picture on the web page, those that are recognised least."""

INLINE_SYSTEMS = 20
"""Ranked systems of the heat map on the web page."""

INLINE_CONFUSIONS = 2
"""Ranked systems with a confusion matrix on the web page, beside that of `real`."""


def heat_maps(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """System by class: the classes that are recognised best on top, the best system on the left, references last."""
    made = []
    for board in page.boards if page.suite == "utility" else ():
        found = _found(board)
        if not comparable([one.entry for one in found], inline):
            continue
        if inline:
            ranked = [one for one in found if not one.entry.reference][:INLINE_SYSTEMS]
            found = [*ranked, *(one for one in found if one.entry.reference)][: INLINE_SYSTEMS + 1]
        names, part = _names(found, inline)
        values = tuple(tuple(one.f1.get(name) for one in found) for name in names)
        about = (
            f"F1 of each class by system. {found[0].entry.name} has the best mean, {found[0].mean:.3f}. On average "
            f"{names[0]} is recognised best and {names[-1]} least."
        )
        systems = tuple(f"{one.entry.name}{' (ref.)' if one.entry.reference else ''}" for one in found)
        shown = Grid(tuple(names), systems, values, "class", "system", "F1", 0.0, 1.0)
        title = titled("F1 of each class", board, part)
        made.append(Picture(file_of(page, "classes", board), title, grid(shown, about, inline)))
    return made


def confusions(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """The confusion matrix of each system; on the web page, of `real` and the best two."""
    made = []
    for board in page.boards if page.suite == "utility" else ():
        found = _found(board)
        if not comparable([one.entry for one in found], inline):
            continue
        ranked, others = ([one for one in found if one.entry.reference is side] for side in (False, True))
        if inline:
            ranked, others = ranked[:INLINE_CONFUSIONS], [one for one in others if _is_real(one)]
        names, part = _names(found, inline)
        made += [_matrix(page, board, one, names, part, inline) for one in (*others, *ranked)]
    return made


def _found(board: Board) -> list[Classes]:
    """The systems with confusion matrices, the best first and references last."""
    column = next((column for column in board.columns if column.primary), None)
    entries = board.entries if column is not None else []
    found = [one for entry in entries if column and (one := classes_of(entry, column)) is not None]
    return sorted(found, key=lambda one: (one.entry.reference, -one.mean, one.entry.name))


def _is_real(one: Classes) -> bool:
    return one.entry.rows[0]["system"] == REAL


def _names(found: Sequence[Classes], inline: bool) -> tuple[list[str], str]:
    """The classes, those that are recognised best first, and words for the title where some are left out."""
    by_class: dict[str, list[float]] = {}
    for one in found:
        for name, value in one.f1.items():
            by_class.setdefault(name, []).append(value)
    names = sorted(by_class, key=lambda name: (-math.fsum(by_class[name]) / len(by_class[name]), name))
    if not inline or len(names) <= INLINE_CLASSES:
        return names, ""
    return names[-INLINE_CLASSES:], f"the {INLINE_CLASSES} of {len(names)} classes with the least F1"


def _matrix(page: Page, board: Board, one: Classes, names: Sequence[str], part: str, inline: bool) -> Picture:
    """Shares of each true class; what is right lies on the diagonal."""
    taken = {pair: share for pair, (_, share) in one.taken.items()}
    wrong: dict[str, float] = {}
    for (name, _), part_of in taken.items():
        wrong[name] = wrong.get(name, 0.0) + part_of

    def share(true: str, other: str) -> float | None:
        if true not in one.f1:
            return None
        return max(1.0 - wrong.get(true, 0.0), 0.0) if true == other else taken.get((true, other), 0.0)

    most = max(taken, key=lambda pair: (taken[pair], pair), default=None)
    about = f"What a classifier that has learnt from {one.entry.name} takes each class for; what is right lies on the "
    about += f"diagonal. Most often {most[0]} is taken for {most[1]}, {taken[most]:.0%}." if most else "diagonal."
    values = tuple(tuple(share(true, other) for other in names) for true in names)
    shown = Grid(tuple(names), tuple(names), values, "true class", "taken for", "share of the true class", 0.0, 1.0)
    title = titled(f"Confusions of {one.entry.name}", board, part)
    return Picture(file_of(page, "confusion", board, one.entry.name), title, grid(shown, about, inline))
