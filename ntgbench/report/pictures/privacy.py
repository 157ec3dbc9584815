"""Utility against copying: macro F1 over single_hit, with what unseen real traffic scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ntgbench.report.blocks import Picture
from ntgbench.report.board import boards
from ntgbench.report.charts import Axis, Guide, Point, scatter
from ntgbench.report.pictures.kinds import comparable, file_of, measured, pooled, titled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.report.board import Board, Column
    from ntgbench.results import Row

HIT = "single_hit"
FLOOR = "floor: unseen real traffic"


def points(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:
    """A point for each system with numbers of both suites by one protocol; the front is of much utility, few copies."""
    made = []
    own = [row for row in rows if row["dataset"] == page.dataset] if page.suite == "privacy" else []
    for board in page.boards if own else ():
        for other in boards(own, "utility"):
            if (other.common.dataset_digest, other.common.protocol) == (
                board.common.dataset_digest,
                board.common.protocol,
            ):
                made += _picture(page, board, other, inline)
                break
    return made


def _picture(page: Page, board: Board, other: Board, inline: bool) -> list[Picture]:
    known = {column.name: column for column in board.columns}
    hit, utility = known.get(HIT), next((column for column in other.columns if column.primary), None)
    if hit is None or utility is None:
        return []
    floors, floor = known.get(f"{HIT}@floor"), known.get(f"{HIT}@real") or known.get(f"{HIT}@floor")
    by_name = {entry.name: entry for entry in other.entries}
    found: list[Point] = []
    for entry in board.entries:
        copies = measured(entry, hit, board.overlap)
        quality = measured(by_name[entry.name], utility, other.overlap) if entry.name in by_name else None
        if copies is not None and quality is not None:
            of_system = measured(entry, floors, board.overlap) if floors is not None else None
            more = f"floor of this system: {of_system.text(floors.digits)}" if floors and of_system else ""
            point = Point(
                entry.name, copies.mean, quality.mean, entry.reference, False, copies.interval, quality.interval
            )
            found.append(replace(point, more=more))
    ranked = [one for one in found if not one.reference]
    if not comparable(board.entries, inline) or len(found) < (2 if inline else 1):
        return []
    front = {one.name for one in ranked if not any(_beats(other, one, utility) for other in ranked)}
    shown = [replace(one, front=one.name in front) for one in found]
    seen = pooled(board, floor)
    about = f"{utility.name} against {HIT}, the share of single training biflows that come out again. "
    about += f"On the front: {', '.join(sorted(front)) or 'none'}."
    about += f" Unseen real traffic has {seen.mean:.{hit.digits}f}." if seen else ""
    # Copies of everything are far from all others: without zeros, a logarithmic axis tells these apart.
    x = Axis(f"{HIT}, a share, lower is better", log=all(one.x > 0 for one in found))
    y = Axis(f"{utility.name}, {'lower' if utility.goal == 'min' else 'higher'} is better")
    drawn = scatter(shown, x, y, about, [Guide(FLOOR, seen.mean)] if seen else [])
    return [Picture(file_of(page, "privacy", board), titled(f"{utility.name} against {HIT}", board), drawn)]


def _beats(other: Point, one: Point, utility: Column) -> bool:
    own, its = (one.x, utility.loss(one.y)), (other.x, utility.loss(other.y))
    return its != own and its[0] <= own[0] and its[1] <= own[1]
