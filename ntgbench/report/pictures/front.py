"""Utility against copying: macro F1 over single_hit, with what unseen real traffic scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.report.blocks import Picture
from ntgbench.report.charts import Axis, Guide, Point, Way, scatter
from ntgbench.report.dials import dials
from ntgbench.report.pictures.kinds import measured, pooled, slug, titled
from ntgbench.suites import FRONT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Entry
    from ntgbench.report.front import Measurement

UNSEEN = "unseen real traffic"


def picture(one: Measurement, more: Sequence[str]) -> Picture:
    """A point for each system, the front, what unseen real traffic scores, and a thin line along each dial.

    `more` goes into the name of its file. The front is of much utility and few copies.
    """
    board, useful, hit = one.board, one.useful, one.hit
    points = [_point(one, entry) for entry in one.entries]
    seen = pooled(board, one.form("real"))
    about = f"{useful.name} against {hit.name}, the share of single training items that come out again. "
    about += f"On the front: {', '.join(sorted(one.front)) or 'none'}."
    about += f" Unseen real traffic has {seen.mean:.{hit.digits}f}." if seen else ""
    # Copies of everything are far from all others: without zeros, a logarithmic axis tells these apart.
    x = Axis(f"{hit.name}, a share, lower is better", log=all(point.x > 0 for point in points))
    y = Axis(f"{useful.name}, {'lower' if useful.goal == 'min' else 'higher'} is better")
    ways = [Way(dial.title, tuple(entry.name for _, entry in dial.settings)) for dial in dials(one.entries)]
    drawn = scatter(points, x, y, about, [Guide(UNSEEN, seen.mean)] if seen else [], ways)
    file = f"{slug(board.dataset, FRONT, board.common.protocol, *more)}.svg"
    return Picture(file, titled(f"{useful.name} against {hit.name}", board), drawn)


def _point(one: Measurement, entry: Entry) -> Point:
    copies, quality = (measured(entry, column, one.board.overlap) for column in (one.hit, one.useful))
    assert copies is not None  # an entry of `one.entries` has both
    assert quality is not None
    front = entry.name in one.front
    return Point(entry.name, copies.mean, quality.mean, entry.reference, front, copies.interval, quality.interval)
