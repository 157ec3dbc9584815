"""Repair of rows.jsonl: rows of damaged lines are copied again from the results in the folder of runs."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING

from ntgbench.errors import NtgbenchError
from ntgbench.files import locked, read_json, write_texts
from ntgbench.results import ROWS_FILE, check_row, identity, merged, out_of_bounds, parse_rows, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ntgbench.results import Row

_IDENTIFYING = ("protocol_digest", "dataset_digest", "params", "seed", "system")
"""Keys that identify a row: a damaged line that still has their values is this row."""


def repair(folder: Path, runs: Path) -> list[str]:
    """Restore the rows of damaged lines in the rows.jsonl of `folder`; returns a sentence for each damaged line.

    A row is restored when a damaged line is a part of it and no other line has the same identity.

    Args:
        folder: folder of the leaderboards.
        runs: folder of all runs, which holds the result of every cell.

    Raises:
        NtgbenchError: when the file cannot be read, or `runs` has no row for a line; the file is then unchanged.
    """
    path = folder / ROWS_FILE
    if not os.path.lexists(path):
        return []
    with locked(folder):
        rows, damaged = parse_rows(path)
        if not damaged:
            return []
        known = {identity(row) for row in rows}
        lost = [row for row in _results(runs) if identity(row) not in known]
        back = []
        for number, line, wrong in damaged:
            found = [row for row in lost if _is_part_of(line.strip("\0 \r"), row)]
            if not found:
                raise NtgbenchError(
                    f"{path}, line {number}: not a row: {wrong}. No cell of {runs} has this row. Give the folder of "
                    f"its run by --runs, or delete the line: sed -i {number}d {shlex.quote(str(path))}"
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
        if (check_row(row) or out_of_bounds(row)) is None:
            yield row


def _is_part_of(line: str, row: Row) -> bool:
    """Whether the line is the beginning of the row, or has the values that identify the row."""
    text = to_text([row])
    # The metrics that follow may include suites of an earlier run.
    head = text[: text.index('"metrics": ')]
    if head.startswith(line[: len(head)]):
        return True
    return all(f'"{key}": {json.dumps(row[key], sort_keys=True)}' in line for key in _IDENTIFYING)  # type: ignore[literal-required]
