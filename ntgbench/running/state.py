"""The state of a cell's process in one file, which the run and the next process read."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntgbench.errors import NtgbenchError
from ntgbench.files import read_json, write_text
from ntgbench.row_schema import clean, is_metric
from ntgbench.running.cells import STATE_FILE, Cell

if TYPE_CHECKING:
    from ntgbench.results import MetricValue

_TOLD_EVERY = 0.2
"""Seconds between two writes that only say how far a phase is."""


class State:
    """The file of a cell's process, which it alone writes.

    Attributes:
        fitted: what the row will say of the fit, once the model and its synthetic traffic are stored; else None.
        kept: what a suite that is measured in several rounds has kept of the earlier ones.
        metrics: metrics of the suites that are through.
        seconds: wall-clock seconds of the phases that are over, also of those before the process replaced itself.
    """

    def __init__(self, cell: Cell) -> None:
        self._path = cell.path / STATE_FILE
        values = _read(self._path)
        fitted, kept = values.get("fitted"), values.get("kept")
        self.fitted: dict[str, Any] | None = fitted if isinstance(fitted, dict) else None
        self.kept: dict[str, Any] = kept if isinstance(kept, dict) else {}
        self.metrics: dict[str, MetricValue] = {}
        self.seconds = _seconds(values)
        self._now: dict[str, Any] | None = None
        self._written = 0.0

    def write(self) -> None:
        """Put everything on the disk."""
        write_text(self._path, self._text())

    @contextlib.contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Time the block as a phase by the monotonic clock; a phase that runs again adds up."""
        start = time.monotonic()
        self._now = {"phase": phase, "since": start, "share": 0.0, "note": ""}
        self._show()
        try:
            yield
        finally:
            self.seconds[phase] = round(self.seconds.get(phase, 0.0) + time.monotonic() - start, 4)
            self._now = None
            self._show()

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Say how far the phase is, a few times a second."""
        if self._now is None or time.monotonic() - self._written < _TOLD_EVERY:
            return
        self._now |= {"share": float(done) / float(total) if total else 0.0, "note": str(note)}
        self._show()

    def doing(self, what: str) -> None:
        """Say what the phase does next."""
        if self._now is not None:
            self._now |= {"share": 0.0, "note": what}
            self._show()

    def _text(self) -> str:
        values = {"fitted": self.fitted, "kept": self.kept, "metrics": self.metrics}
        return json.dumps({**values, "seconds": self.seconds, "now": self._now}) + "\n"

    def _show(self) -> None:
        """Write without waiting for the disk, and ignore failures: progress is only shown."""
        self._written = time.monotonic()
        temporary = self._path.with_name(f".{STATE_FILE}.{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            temporary.write_text(self._text(), encoding="utf-8")
            temporary.replace(self._path)


def forget_process(cell: Cell) -> None:
    """Remove what an earlier process said of itself, so that it is not taken for the next one's."""
    values = _read(cell.path / STATE_FILE)
    if values:
        write_text(cell.path / STATE_FILE, json.dumps({key: values.get(key) for key in ("fitted", "kept")}) + "\n")


def doing(cell: Cell) -> str:
    """What the cell's process does now, as one short text; nothing where that cannot be told."""
    # The system can put anything there.
    try:
        now = _read(cell.path / STATE_FILE)["now"]
        return clean(f"{now['phase']} {now['share']:.0%} {now['note']}".strip(), 100)
    except (ValueError, KeyError, TypeError, ArithmeticError):
        return ""


def phases_of(cell: Cell) -> dict[str, float]:
    """Seconds of the phases that the cell's last process, and those before it in the same run, are through."""
    return _seconds(_read(cell.path / STATE_FILE))


def left_behind(cell: Cell, begun: float) -> tuple[dict[str, MetricValue], dict[str, float]]:
    """Metrics and seconds of the phases of a process that has ended just now without a result.

    `begun` is when it was started, on the monotonic clock, which all processes share: when it has noted no phase, all
    its time is that of a phase "start".
    """
    values, ended = _read(cell.path / STATE_FILE), time.monotonic()
    metrics = values.get("metrics")
    whole = isinstance(metrics, dict) and all(is_metric(key, metric) for key, metric in metrics.items())
    seconds = _seconds(values)
    try:
        now = values["now"]
        last, since = (None, ended) if now is None else (str(now["phase"]), float(now["since"]))
    except (ValueError, TypeError, KeyError, OverflowError):
        last, since = "start", begun
    if last is not None:
        seconds[last] = round(seconds.get(last, 0.0) + ended - since, 4)
    return (metrics if whole and isinstance(metrics, dict) else {}), seconds


def _seconds(values: dict[str, Any]) -> dict[str, float]:
    """The times of phases in a state, none where that is damaged."""
    try:
        return {str(name): float(taken) for name, taken in values["seconds"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return {}


def _read(path: Path) -> dict[str, Any]:
    try:
        values = read_json(path)
    except NtgbenchError:
        return {}
    return values if isinstance(values, dict) else {}
