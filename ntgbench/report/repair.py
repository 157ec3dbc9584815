"""Damaged lines of rows.jsonl, cut off or edited by hand: their rows are restored from the folder of runs."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from ntgbench.errors import NtgbenchError
from ntgbench.files import locked, read_json, write_texts
from ntgbench.results import ROWS_FILE, check_row, identity, merged, parse_rows, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ntgbench.results import Row

_TELLING = ("protocol_digest", "dataset_digest", "params", "seed", "system")
"""Keys that stand in a line which is about the same as a row, whatever else of it was changed."""


def repair(folder: Path, runs: Path) -> list[str]:
    """Put back the rows of damaged lines in the rows.jsonl of `folder`; returns a sentence for each such line.

    A row comes back when a damaged line is what is left of it and no whole line is about the same.

    Args:
        folder: folder of the leaderboards.
        runs: folder of all runs, in which every cell keeps its result.

    Raises:
        NtgbenchError: when the file cannot be read, or `runs` has no row for a line; the file stays as it is.
    """
    path = folder / ROWS_FILE
    if not path.exists():
        return []
    with locked(folder):
        rows, damaged = parse_rows(path)
        if not damaged:
            return []
        known = {identity(row) for row in rows}
        lost = [row for row in _results(runs) if identity(row) not in known]
        back = []
        for number, line, wrong in damaged:
            found = [row for row in lost if _is_left_of(line.strip("\0 \r"), row)]
            if not found:
                raise NtgbenchError(
                    f"{path}, line {number}: not a row: {wrong}. No cell of {runs} has this row. Name the folder that "
                    f"it was run in by --runs, or go on without the row: sed -i {number}d {shlex.quote(str(path))}"
                )
            back += found
        write_texts({path: to_text(merged(rows, back))})
    return [f"{path}, line {number} was damaged ({wrong}): put back from {runs}" for number, _, wrong in damaged]


def _results(runs: Path) -> Iterator[Row]:
    for path in sorted(runs.glob("*/*/*/*/result.json")):
        try:
            row = read_json(path)
        except NtgbenchError:
            continue
        if check_row(row) is None:
            yield row


def _is_left_of(line: str, row: Row) -> bool:
    """Whether the line begins as the row does, as far as it is there, or has all that tells the row from others."""
    text = to_text([row])
    # What follows may have been completed by suites of an earlier run.
    head = text[: text.index('"metrics": ')]
    if head.startswith(line[: len(head)]):
        return True
    return all(f'"{key}": {json.dumps(row[key], sort_keys=True)}' in line for key in _TELLING)  # type: ignore[literal-required]
