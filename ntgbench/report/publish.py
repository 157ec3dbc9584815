"""The folder of leaderboards: rows.jsonl, and the Markdown that is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.errors import NtgbenchError
from ntgbench.files import locked, write_text
from ntgbench.report.markdown import MARK, render
from ntgbench.results import ROWS_FILE, Row, merged, read_rows, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def publish(new: Iterable[Row], folder: Path) -> list[Path]:
    """Merge rows into the folder's rows.jsonl and make its Markdown anew; returns the paths of the latter.

    Boards that have no row any more are deleted. Nothing is written when something cannot be.

    Raises:
        NtgbenchError: when rows.jsonl is damaged, or a file of somebody else stands where a board would.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        rows = merged(_rows(folder), new)
        boards = render(rows) if rows else {}
        foreign = [name for name in boards if (folder / name).exists() and not _is_ours(folder / name)]
        if foreign:
            raise NtgbenchError(f"{folder / foreign[0]} was not written by ntgbench; move it, or choose another --out")
        if rows:
            write_text(folder / ROWS_FILE, to_text(rows))
        for path in _ours(folder):
            if path.name not in boards:
                path.unlink()
        for name, text in boards.items():
            write_text(folder / name, text)
    return [folder / name for name in boards]


def stale(folder: Path) -> list[str]:
    """Names of the boards in `folder` that are not what its rows.jsonl makes, missing or left over."""
    wanted = render(_rows(folder))
    there = {path.name: path.read_text(encoding="utf-8") for path in _ours(folder)}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def _rows(folder: Path) -> list[Row]:
    path = folder / ROWS_FILE
    return read_rows(path) if path.exists() else []


def _ours(folder: Path) -> list[Path]:
    return [path for path in sorted((*folder.glob("*.md"), *folder.glob("*.svg"))) if _is_ours(path)]


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().strip() == MARK.encode()
