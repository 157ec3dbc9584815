"""What kinds of pictures are made of: a function for each, and what all of them need."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.report.rank import estimate

if TYPE_CHECKING:
    from ntgbench.report.blocks import Page
    from ntgbench.report.board import Board, Column, Entry

MOST_SERIES = 6
"""Ranked systems of one picture: as many as there are colours."""

INLINE_PICTURES = 1
"""Pictures of one board and kind on the web page, where their systems are shared out over several: the best ones."""

_LONGEST_FILE = 200


@dataclass(frozen=True)
class Measured:
    """A number of a system, with its interval where one is known."""

    mean: float
    interval: tuple[float, float] | None = None

    def text(self, digits: int) -> str:
        """As tables print it."""
        text = f"{self.mean:.{digits}f}"
        return f"{text} [{self.interval[0]:.{digits}f}, {self.interval[1]:.{digits}f}]" if self.interval else text


def measured(entry: Entry, column: Column, overlap: float | None) -> Measured | None:
    """The mean of the seeds with its 95% interval, of one seed the number with the interval that the metric gave."""
    found = list(entry.measured(column).values())
    values = list(entry.values(column).values())
    if not values:
        return None
    mean = estimate(values, overlap or 0.0)
    if mean.half_width is not None:
        return Measured(mean.mean, (mean.mean - mean.half_width, mean.mean + mean.half_width))
    return Measured(
        mean.mean, (found[0]["low"], found[0]["high"]) if "low" in found[0] and "high" in found[0] else None
    )


def pooled(board: Board, column: Column | None) -> Measured | None:
    """A number that does not depend on the system, over the seeds."""
    if column is None:
        return None
    by_seed: dict[int, float] = {}
    for entry in board.entries:
        by_seed.update(entry.values(column))
    if not by_seed:
        return None
    mean = estimate(list(by_seed.values()), board.overlap or 0.0)
    half = mean.half_width
    return Measured(mean.mean, None if half is None else (mean.mean - half, mean.mean + half))


def best_first(entries: Sequence[Entry], loss: Callable[[Entry], float | None]) -> list[Entry]:
    """The entries that have a loss, the least first."""
    losses = [(found, entry.name, entry) for entry in entries if (found := loss(entry)) is not None]
    return [entry for *_, entry in sorted(losses, key=lambda one: one[:2])]


def mean_loss(entry: Entry, columns: Sequence[Column]) -> float | None:
    """The mean loss over columns; None where the system lacks a number of one."""
    means = [measured(entry, column, None) for column in columns]
    found = [column.loss(one.mean) for column, one in zip(columns, means, strict=True) if one is not None]
    return math.fsum(found) / len(found) if found and len(found) == len(columns) else None


def shared_out(entries: Sequence[Entry], inline: bool) -> list[tuple[str, list[Entry]]]:
    """The entries in parts of at most `MOST_SERIES` and about equal size, each with words for its title."""
    number = -(-len(entries) // MOST_SERIES)
    size = -(-len(entries) // number) if number else 0
    parts = [list(entries[at : at + size]) for at in range(0, len(entries), size or 1)]
    words = [f"systems {at * size + 1} to {at * size + len(part)} of {len(entries)}" for at, part in enumerate(parts)]
    shown = list(zip(words if number > 1 else [""], parts, strict=True))
    return shown[:INLINE_PICTURES] if inline else shown


def comparable(entries: Sequence[Entry], inline: bool) -> bool:
    """Whether there are enough systems for a picture."""
    return len(entries) >= (2 if inline else 1)


def file_of(page: Page, kind: str, board: Board, *more: str) -> str:
    """The name of a picture's file: dataset, kind, protocol, and what else tells it from others."""
    same = [one for one in page.boards if one.common.protocol == board.common.protocol]
    number = [str(same.index(board) + 1)] if len(same) > 1 else []
    return f"{slug(page.dataset, kind, board.common.protocol, *number, *more)}.svg"


def slug(*words: str) -> str:
    """Words as a part of a file's name."""
    plain = [re.sub(r"[^a-z0-9.]+", "-", one.lower()).strip("-") for one in words]
    return "-".join(one for one in plain if one)[:_LONGEST_FILE]


def titled(what: str, board: Board, part: str = "") -> str:
    """The title of a picture: what it shows, and of which data and systems."""
    return f"{what}, {board.dataset} by {board.common.protocol}{f', {part}' if part else ''}"
