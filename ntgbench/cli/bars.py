"""What a run shows while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ntgbench.report.failures import from_here
from ntgbench.running.cells import LOG_FILE
from ntgbench.running.run import RunObserver
from ntgbench.words import pluralised, titles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.datasets.loading import Dataset
    from ntgbench.results import Row
    from ntgbench.running.cells import Cell
    from ntgbench.tracks import Track

_SHOWN = 4
"""Cells of which the bar tells what they do."""


class Bars(RunObserver):
    """Shows a progress bar of cells, and prints a line for each finished cell."""

    def __init__(self) -> None:
        # Without a terminal a bar is noise in a log; finished cells are still printed.
        self._bar = tqdm(unit="cell", dynamic_ncols=True, disable=None, leave=False)
        self._doing: dict[str, str] = {}
        self._titles: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

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
        self._titles = titles((cell.dataset, cell.dataset_digest, cell.argument) for cell in cells)
        self._bar.reset(total=len(todo))
        failed = sum(cell.progress() == "failed" for cell in cells)
        text = f"{pluralised(len(cells), 'cell')}, {len(cells) - len(todo)} finished earlier"
        self._say(f"{text}, {failed} of them failed (--retry runs those again)" if failed else text)

    def round(self, number: int, cells: Sequence[Cell]) -> None:
        """Begin another bar."""
        self._bar.reset(total=len(cells))
        self._say(f"round {number}: {pluralised(len(cells), 'cell')}")

    def doing(self, cell: Cell, what: str) -> None:
        """Show what a running cell does."""
        self._doing[self._title(cell)] = what
        told = [f"{title} {now}" for title, now in self._doing.items() if now][:_SHOWN]
        if more := len(self._doing) - len(told):
            told.append(f"{more} more wait or run")
        self._bar.set_postfix_str("; ".join(told))

    def ended(self, cell: Cell, row: Row) -> None:
        """Say how a cell ended."""
        title = self._title(cell)
        self._doing.pop(title, None)
        seconds = sum(row["phases"].values())
        headline = [f"{k} {m['value']:.{m['digits']}f}" for k, m in row["metrics"].items() if _is_headline(k, m)]
        failed = f"FAILED: {row['reason']} (log: {from_here(cell.path / LOG_FILE)})"
        said = (", ".join(headline) or "done") if row["status"] == "ok" else failed
        self._say(f"{title}: {said} ({seconds:.1f} s)")
        self._bar.update()

    def _title(self, cell: Cell) -> str:
        return cell.title.replace(cell.dataset, self._titles[cell.dataset, cell.dataset_digest], 1)

    def _say(self, text: str) -> None:
        self._bar.write(text)


def _is_headline(key: str, metric: Any) -> bool:
    return bool(metric.get("primary")) and "@" not in key and metric["value"] is not None
