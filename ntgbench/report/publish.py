"""The folder of leaderboards: rows.jsonl, and what is made of it: Markdown, drawings, and the web page."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from ntgbench.errors import NtgbenchError
from ntgbench.files import locked, write_texts
from ntgbench.report import markdown, web
from ntgbench.report.markdown import MARK
from ntgbench.report.pages import pages
from ntgbench.results import ROWS_FILE, Row, check_row, merged, parse_rows, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def publish(new: Iterable[Row], folder: Path) -> list[Path]:
    """Merge rows into the folder's rows.jsonl and make the leaderboards anew; returns the paths of the latter.

    Boards that have no row any more are deleted. Everything is made and on the disk before the first file changes, so
    nothing is written when something cannot be. Whoever is killed among the last renames has the new rows.jsonl, of
    which `ntgbench report` makes the boards.

    Raises:
        NtgbenchError: when a row is not valid, rows.jsonl is damaged, a file of another program is in the way, or the
            disk is full.
    """
    new = list(new)
    for row in new:
        wrong = check_row(row)
        if wrong is not None:
            raise NtgbenchError(f"not a row: {wrong}")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        rows = merged(_rows(folder), new)
        if not rows and _ours(folder):
            raise NtgbenchError(f"{folder / ROWS_FILE} has no row, and its boards would be deleted; restore it first")
        boards = _render(rows) if rows else {}
        foreign = [name for name in boards if (folder / name).exists() and not is_ours(folder / name)]
        if foreign:
            raise NtgbenchError(f"{folder / foreign[0]} was not written by ntgbench; move it, or choose another --out")
        texts = {ROWS_FILE: to_text(rows), **boards} if rows else {}
        write_texts({folder / name: text for name, text in texts.items()})
        for path in _ours(folder):
            if path.name not in boards:
                path.unlink()
    return [folder / name for name in boards]


def _render(rows: Sequence[Row]) -> dict[str, str]:
    """Text of each file by name, the same for rows in any order."""
    made = pages(rows)
    return {**markdown.render(rows, made), **web.render(rows, made)}


def stale(folder: Path) -> list[str]:
    """Names of the boards in `folder` that are not what its rows.jsonl makes, missing or left over."""
    wanted = {name: text.encode() for name, text in _render(_rows(folder)).items()}
    there = {path.name: path.read_bytes() for path in _ours(folder)}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def _rows(folder: Path) -> list[Row]:
    path = folder / ROWS_FILE
    if not os.path.lexists(path):
        return []
    rows, damaged = parse_rows(path)
    for number, _, wrong in damaged:
        raise NtgbenchError(
            f"{path}, line {number}: not a row: {wrong}. `ntgbench run` with the folder of runs that the row came from "
            f"puts it back; `sed -i {number}d {shlex.quote(str(path))}` goes on without it"
        )
    return rows


def _ours(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(file for ending in ("html", "md", "svg") for file in folder.glob(f"*.{ending}"))
        if is_ours(path)
    ]


def is_ours(path: Path, mark: str = MARK) -> bool:
    """Whether a file begins with the line by which ntgbench knows its own."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline(len(mark) + 2).strip() == mark.encode()
