"""How far a run is, and how long the rest of it takes about."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ntgbench.running.cells import Cell


_ENOUGH = 0.1
"""Share of a fit after which its speed tells how long the cell will take."""


class Pace:
    """Counts of cells, and times of those that run and have ended.

    Attributes:
        total, done, failed: cells of the run, those that have ended, and those of them that failed.
        running: when each running cell was first heard of, by its folder and the clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.begin(())

    def begin(self, cells: Sequence[Cell]) -> None:
        """Start to count anew: these cells are to run."""
        self.total, self.done, self.failed = len(cells), 0, 0
        self.running: dict[str, float] = {}
        self._waiting = {cell.folder: cell for cell in cells}
        self._taken: dict[str, list[float]] = {}
        self._expected: dict[str, dict[str, float]] = {}
        self._at_a_time = 1

    def heard(self, cell: Cell, fitted: float = 0.0) -> None:
        """A cell runs, and has done this share of its fit, 0..1."""
        self.running.setdefault(cell.folder, self._clock())
        self._at_a_time = max(self._at_a_time, len(self.running))
        if fitted >= _ENOUGH:
            self._expected.setdefault(_kind(cell), {})[cell.folder] = self.runs_for(cell.folder) / fitted

    def ended(self, cell: Cell, failed: bool) -> None:
        """A cell has ended."""
        self.done, self.failed = self.done + 1, self.failed + failed
        self._taken.setdefault(_kind(cell), []).append(self.runs_for(cell.folder))
        self.running.pop(cell.folder, None)
        self._waiting.pop(cell.folder, None)

    def runs_for(self, folder: str) -> float:
        """Seconds since a running cell was first heard of; 0 for others."""
        now = self._clock()
        return now - self.running.get(folder, now)

    def left(self) -> float | None:
        """About how many seconds the rest takes; None while nothing tells.

        A cell takes as long as those of the same system and dataset on average: those that have ended, or else those
        whose fit is far enough. Other cells take as long as all that have ended. As many run at a time as have been
        seen to.
        """
        every = [seconds for taken in self._taken.values() for seconds in taken]
        rest = 0.0
        for folder, cell in self._waiting.items():
            kind = _kind(cell)
            alike = self._taken.get(kind) or list(self._expected.get(kind, {}).values()) or every
            if not alike:
                return None
            rest += max(sum(alike) / len(alike) - self.runs_for(folder), 0.0)
        return rest / max(min(self._at_a_time, len(self._waiting)), 1)


def _kind(cell: Cell) -> str:
    """What the cells of one system and dataset have in common."""
    return str(cell.path.parent)


def lasting(seconds: float) -> str:
    """A time as people say it: 40 s, 5 min, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
