"""What a run shows while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ntgbench.running.run import Watch
from ntgbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.datasets.loading import Dataset
    from ntgbench.results import Row
    from ntgbench.running.cells import Cell


class Bars(Watch):
    """What a run shows: a bar of cells, and below it nothing that scrolls but finished cells."""

    def __init__(self) -> None:
        # Without a terminal a bar is noise in a log; finished cells are still printed.
        self._bar = tqdm(unit="cell", dynamic_ncols=True, disable=None, leave=False)
        self._doing: dict[str, str] = {}

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def loaded(self, dataset: Dataset) -> None:
        """Say what was read and what was left out of it."""
        biflows = dataset.biflows
        size = f"{counted(len(biflows), 'biflow')}, {counted(len(biflows.classes), 'class')}"
        self._say(f"{dataset.name}: {size}, {biflows.digest()[:8]}")
        for note in dataset.notes:
            self._say(f"  {note}")

    def planned(self, cells: Sequence[Cell], todo: Sequence[Cell]) -> None:
        """Say how much there is to do."""
        self._bar.reset(total=len(todo))
        failed = sum(cell.state() == "failed" for cell in cells)
        text = f"{counted(len(cells), 'cell')}, {len(cells) - len(todo)} finished earlier"
        self._say(f"{text}, {failed} of them failed (--retry runs those again)" if failed else text)

    def round(self, number: int, cells: Sequence[Cell]) -> None:
        """Begin another bar."""
        self._bar.reset(total=len(cells))
        self._say(f"round {number}: {counted(len(cells), 'cell')}")

    def doing(self, cell: Cell, what: str) -> None:
        """Show what a running cell does."""
        self._doing[cell.title] = what
        self._bar.set_postfix_str("; ".join(f"{title} {what}" for title, what in self._doing.items()))

    def ended(self, cell: Cell, row: Row) -> None:
        """Say how a cell ended."""
        self._doing.pop(cell.title, None)
        seconds = sum(row["phases"].values())
        headline = [f"{k} {m['value']:.{m['digits']}f}" for k, m in row["metrics"].items() if _is_headline(k, m)]
        said = ", ".join(headline) if row["status"] == "ok" else f"FAILED: {row['reason']}"
        self._say(f"{cell.title}: {said} ({seconds:.1f} s)")
        self._bar.update()

    def _say(self, text: str) -> None:
        self._bar.write(text)


def _is_headline(key: str, metric: Any) -> bool:
    return bool(metric.get("primary")) and "@" not in key and metric["value"] is not None
