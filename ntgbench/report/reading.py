"""What a reader of a board must know: what its intervals are of, marks, and test sets that cannot rank systems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ntgbench.report.text import bullets, plain, unit_of
from ntgbench.words import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ntgbench.report.blocks import Block
    from ntgbench.report.board import Board, Entry
    from ntgbench.report.marks import Mark
    from ntgbench.results import Row

MOST_CAUTIONS = 5
"""Cautions on a page; they may differ by seed."""


def intervals(board: Board) -> str:
    """What each kind of interval in the board's tables is of, and how numbers are read that are best near another."""
    seeds, overlap = board.seeds(), board.overlap
    found = []
    if seeds > 1:
        of = "other splits, fits and samples of this dataset, not other datasets"
        if overlap == 0:
            of = "other fits and samples on the one split that all seeds have"
        found.append(f"Mean ± half of the 95% interval over the seeds (Student's t): {of}.")
        if overlap is None:
            found.append("Not corrected for test sets that overlap: the rows do not say how the traffic was split.")
        elif overlap > 0:
            found.append(
                "The seeds' test sets overlap, so the variance of a mean or a difference over S seeds is that of one "
                f"seed times 1/S + {overlap:.2g}, not times 1/S; {overlap:.2g} is test by training items (Nadeau and "
                "Bengio 2003)."
            )
    if any(_has_interval(board, entry) for entry in board.entries):
        found.append(
            f"[low, high]: 95% interval within one seed, over other {plural(unit_of(board))} in place of those that "
            "the metric counts, within one split and fit."
        )
    if any(column.goal == "near" and "@" not in column.key for column in board.columns):
        found.append("→: the nearer to the number behind the arrow the better; ranked by the distance from it.")
    return " ".join(found)


def _has_interval(board: Board, entry: Entry) -> bool:
    """Whether a cell of the entry's line shows the interval of one seed."""
    measured = (list(entry.measured(column).values()) for column in board.columns)
    return any(len(found) == 1 and "low" in found[0] for found in measured)


def legend(marks: Iterable[Mark]) -> list[str]:
    """What the signs beside names mean, each once."""
    return [f"{mark.sign} {mark.meaning}" for mark in sorted(set(marks))]


def caution_lines(rows: Sequence[Row]) -> list[str]:
    """The same as `caution_texts`, with Markdown escaped."""
    return [plain(text) for text in caution_texts(rows)]


def caution_texts(rows: Sequence[Row]) -> list[str]:
    """What keeps the rows' test sets from ranking systems; texts that differ in numbers only are one."""
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        for one in row.get("cautions", ()):
            found.setdefault(re.sub(r"\d+", "0", one["text"]), one["text"])
    texts = [printable(text) for text in found.values()]
    rest = len(texts) - MOST_CAUTIONS
    return [*texts[:MOST_CAUTIONS], *([f"and {rest} more in rows.jsonl"] if rest > 0 else [])]


def cautions(rows: Sequence[Row], digest: str) -> list[Block]:
    """The same for the rows of one dataset, below a title."""
    lines = caution_lines([row for row in rows if row["dataset_digest"] == digest])
    return bullets("Too small to rank well:", lines, warns=True)
