"""Radar of the six fidelity metrics of arXiv 2603.25507, Fig. 2: 0, the best, at the outer edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.report.blocks import Picture
from ntgbench.report.charts import Shape, radar
from ntgbench.report.pictures.kinds import (
    best_first,
    comparable,
    file_of,
    mean_loss,
    measured,
    pooled,
    shared_out,
    titled,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.blocks import Page
    from ntgbench.report.board import Board
    from ntgbench.report.pictures.kinds import Measured
    from ntgbench.results import Row

SPOKES = {
    "jsd_numpackets": "packets, JSD",
    "jsd_1gram": "1-gram, JSD",
    "jsd_2gram": "2-gram, JSD",
    "jsd_markov": "Markov, JSD",
    "leakage": "leakage",
    "uniqalign": "UniqAlign",
}
"""The metrics, all in 0..1 with 0 as the best, and what the picture calls them."""

FLOOR = "real against real"
"""What two halves of real traffic score: no honest generator is better."""

_MIDDLES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)


def radars(page: Page, rows: Sequence[Row], inline: bool) -> list[Picture]:  # noqa: ARG001
    """At most six systems a radar, the best ones first; the middle is the same for all of a board."""
    return [one for board in page.boards for one in _of_board(page, board, inline)] if page.suite == "fidelity" else []


def _of_board(page: Page, board: Board, inline: bool) -> list[Picture]:
    known = {column.name: column for column in board.columns}
    columns = [known[name] for name in SPOKES if name in known and known[name].goal == "min"]
    ranked = [entry for entry in board.entries if not entry.reference]
    entries = best_first(ranked or board.entries, lambda entry: mean_loss(entry, columns))
    if len(columns) < len(SPOKES) or not comparable(entries, inline):
        return []
    found = {e.name: [measured(e, column, board.overlap) for column in columns] for e in entries}
    shapes = {name: Shape(name, _means(own)) for name, own in found.items()}
    floors = _means([pooled(board, known.get(f"{column.name}@floor")) for column in columns])
    floor = [Shape(FLOOR, floors, reference=True)] if all(one is not None for one in floors) else []
    largest = max(value for one in (*shapes.values(), *floor) for value in one.values if value is not None)
    middle = next((one for one in _MIDDLES if one >= largest), 1.0)
    made = []
    for part, own in shared_out(entries, inline):
        about = (
            f"Six fidelity metrics of {', '.join(entry.name for entry in own)}: 0, the best, is at the outer edge and "
            f"{middle:g} in the middle. {entries[0].name} is the best of all on average."
        )
        drawn = radar(list(SPOKES.values()), [*(shapes[entry.name] for entry in own), *floor], about, middle)
        title = titled("Fidelity, 0 at the outer edge is best", board, part)
        made.append(Picture(file_of(page, "radar", board, part), title, drawn))
    return made


def _means(found: Sequence[Measured | None]) -> tuple[float | None, ...]:
    return tuple(None if one is None else one.mean for one in found)
