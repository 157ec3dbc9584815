"""What a run shows while it goes on: a bar at a terminal, else plain lines."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self, TextIO

from ntgbench.cli.pace import Pace, lasting
from ntgbench.report.failures import from_here
from ntgbench.running.cells import LOG_FILE
from ntgbench.running.run import RunObserver
from ntgbench.running.state import phases_of
from ntgbench.words import pluralised, printable, titles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ntgbench.datasets.loading import Dataset
    from ntgbench.results import Row
    from ntgbench.running.cells import Cell
    from ntgbench.tracks import Track

_SHOWN = 4
"""Cells of which it is told what they do."""

_SHORT = ("load", "save")
"""Phases of which plain lines say nothing."""


class Progress(RunObserver):
    """Says what was read, what is to do and how each cell ended; this one shows nothing while cells run.

    Args:
        stream: where lines go.
        clock: seconds, from any start.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._pace = Pace(clock)
        self._clock = clock
        self._doing: dict[str, str] = {}
        self._since: dict[str, tuple[str, float]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._titles: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def loaded(self, dataset: Dataset, track: Track[Any]) -> None:
        """Say what was read and what was left out of it."""
        source = "" if dataset.argument == dataset.name else f", from {dataset.argument}"
        self._say(f"{dataset.name}: {track.size(dataset.traffic)}, {track.digest(dataset.traffic)[:8]}{source}")
        for note in dataset.notes:
            self._say(f"  {note}")

    def repaired(self, line: str) -> None:
        """Say which line of rows.jsonl was put back."""
        self._say(line)

    def left_out(self, line: str) -> None:
        """Say what lacks a package."""
        self._say(line)

    def planned(self, cells: Sequence[Cell], todo: Sequence[Cell]) -> None:
        """Say how much there is to do."""
        self._names = titles((cell.dataset, cell.dataset_digest, cell.argument) for cell in cells)
        self._begin(todo)
        failed = sum(cell.progress() == "failed" for cell in cells)
        text = f"{pluralised(len(cells), 'cell')}, {len(cells) - len(todo)} finished earlier"
        self._say(f"{text}, {failed} of them failed (--retry runs those again)" if failed else text)

    def round(self, number: int, cells: Sequence[Cell]) -> None:
        """Begin to count anew."""
        self._begin(cells)
        self._say(f"round {number}: {pluralised(len(cells), 'cell')}")

    def doing(self, cell: Cell, what: str) -> None:
        """Remember what a running cell does."""
        self._doing[cell.folder] = what
        phase = what.partition(" ")[0]
        if phase:
            fitted = re.match(r"fit (\d+)%", what)
            self._pace.heard(cell, int(fitted[1]) / 100 if fitted else 0.0)
        if phase != self._since.get(cell.folder, ("", 0.0))[0]:
            self._since[cell.folder] = (phase, self._clock())

    def ended(self, cell: Cell, row: Row) -> None:
        """Say how a cell ended."""
        self._doing.pop(cell.folder, None)
        self._since.pop(cell.folder, None)
        self._pace.ended(cell, row["status"] == "failed")
        seconds = sum(row["phases"].values())
        headline = [f"{k} {m['value']:.{m['digits']}f}" for k, m in row["metrics"].items() if _is_headline(k, m)]
        failed = f"FAILED: {row['reason']} (log: {from_here(cell.path / LOG_FILE)})"
        said = (", ".join(headline) or "done") if row["status"] == "ok" else failed
        self._say(f"{self._title(cell)}: {said} ({seconds:.1f} s)")

    def _begin(self, todo: Sequence[Cell]) -> None:
        self._pace.begin(todo)
        self._titles = {cell.folder: self._title(cell) for cell in todo}

    def _title(self, cell: Cell) -> str:
        known = self._titles.get(cell.folder)
        return known or cell.title.replace(cell.dataset, self._names[cell.dataset, cell.dataset_digest], 1)

    def _running(self, times: bool) -> list[str]:
        """What some cells do now, perhaps with how long their phase has lasted, and how many more there are."""
        told = []
        for folder, what in [(folder, what) for folder, what in self._doing.items() if what][:_SHOWN]:
            since = f" for {lasting(self._clock() - self._since[folder][1])}" if times else ""
            told.append(f"{self._titles[folder]} {what.replace(' 0%', '')}{since}")
        more = len(self._doing) - len(told)
        return [*told, *([f"{more} more wait or run"] if more else [])]

    def _left(self) -> list[str]:
        left = self._pace.left()
        return [f"about {lasting(left)} left"] if left and left >= 1 else []

    def _say(self, text: str) -> None:
        self._stream.write(f"{printable(text)}\n")
        self._stream.flush()


class Bars(Progress):
    """Shows a bar of cells at a terminal, above it a line for each that has ended."""

    def __init__(self, stream: TextIO) -> None:
        from tqdm import tqdm

        super().__init__(stream)
        bar_format = "{l_bar}{bar}| {n_fmt} of {total_fmt}, {elapsed}{postfix}"
        self._bar = tqdm(unit="cell", dynamic_ncols=True, leave=False, bar_format=bar_format)

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def doing(self, cell: Cell, what: str) -> None:
        """Show what the running cells do."""
        super().doing(cell, what)
        self._bar.set_postfix_str("; ".join([*self._left(), *self._running(times=False)]))

    def ended(self, cell: Cell, row: Row) -> None:
        """Say how a cell ended, and move the bar."""
        super().ended(cell, row)
        self._bar.update()

    def _begin(self, todo: Sequence[Cell]) -> None:
        super()._begin(todo)
        self._bar.reset(total=len(todo))

    def _say(self, text: str) -> None:
        self._bar.write(printable(text), file=self._stream)


class Lines(Progress):
    """Prints a line for each phase of a cell, and how far the run is every so many seconds.

    Args:
        every: seconds between two of the lines that say how far the run is.
    """

    def __init__(self, stream: TextIO, every: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream, clock)
        self._every = every
        self._told: dict[str, list[str]] = {}
        # What the thread reads and prints is changed and printed by one at a time.
        self._lock = threading.RLock()
        self._end = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._beating.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._beating.join()

    def doing(self, cell: Cell, what: str) -> None:
        """Say which phase a running cell has come to."""
        with self._lock:
            super().doing(cell, what)
            phase = what.partition(" ")[0]
            if phase and phase not in self._told.get(cell.folder, ()):
                # Some may have been too short to be seen while they went on.
                self._tell(cell, [*phases_of(cell), phase])

    def ended(self, cell: Cell, row: Row) -> None:
        """Name the phases that were not seen, and say how the cell ended."""
        with self._lock:
            self._tell(cell, list(phases_of(cell)))
            self._told.pop(cell.folder, None)
            super().ended(cell, row)

    def how_far(self) -> str:
        """One line: cells that have ended, what runs and for how long, and about how much time is left."""
        pace = self._pace
        counts = f"{pace.done} of {pluralised(pace.total, 'cell')} done" + (
            f", {pace.failed} failed" * (pace.failed > 0)
        )
        return "; ".join([counts, *self._running(times=True), *self._left()])

    def _tell(self, cell: Cell, phases: list[str]) -> None:
        told = self._told.setdefault(cell.folder, [])
        if not told:
            self._say(f"{self._title(cell)}: started")
        for phase in phases:
            if phase not in told and phase not in _SHORT:
                self._say(f"{self._title(cell)}: {phase}")
            told.append(phase)

    def _begin(self, todo: Sequence[Cell]) -> None:
        with self._lock:
            super()._begin(todo)

    def _beat(self) -> None:
        while not self._end.wait(self._every):
            with self._lock, contextlib.suppress(OSError, ValueError):  # the reader of our output may have gone
                if self._pace.total > self._pace.done:
                    self._say(self.how_far())

    def _say(self, text: str) -> None:
        with self._lock:
            super()._say(text)


def shown_on(stream: TextIO, quiet: bool) -> Progress:
    """What suits the place that a run is shown at: nothing, a bar at a terminal, or plain lines."""
    if quiet:
        return Silent(stream)
    return Bars(stream) if sys.stderr.isatty() else Lines(stream)


class Silent(Progress):
    """Says nothing."""

    def _say(self, text: str) -> None:
        pass


def _is_headline(key: str, metric: Any) -> bool:
    return bool(metric.get("primary")) and "@" not in key and metric["value"] is not None
