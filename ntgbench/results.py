"""Files of rows: reading, writing and merging them, and which rows replace each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from ntgbench.errors import NtgbenchError
from ntgbench.files import read_bytes
from ntgbench.row_schema import SCHEMA, MetricValue, Row, check_row, clean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["SCHEMA", "MetricValue", "Row", "check_row"]  # of row_schema, for those who import them from here

ROWS_FILE = "rows.jsonl"

MOST_BYTES = 256 * 2**20
"""Bytes of a file of rows that are read: some 50,000 rows."""


def identity(row: Row) -> tuple[str, ...]:
    """What a row is about; of two rows with one identity the later replaces the earlier."""
    named = (
        "protocol",
        "protocol_digest",
        "dataset",
        "dataset_digest",
        "system",
        "distribution",
        "distribution_version",
    )
    known = (str(row[key]) for key in named)  # type: ignore[literal-required]
    params = json.dumps(row["params"], sort_keys=True)
    return (*known, params, hardware_of(row), row.get("track", "biflows"), f"{row['seed']:06d}")


def hardware_of(row: Row) -> str:
    """The hardware that efficiency was measured on, empty for rows of other suites."""
    return str(row["machine"].get("hardware", ""))


def read_rows(path: Path) -> list[Row]:
    """The rows in a file. Raises NtgbenchError that names the first damaged line."""
    rows, damaged = parse_rows(path)
    for number, _, wrong in damaged:
        raise NtgbenchError(f"{path}, line {number}: not a row: {wrong}")
    return rows


def parse_rows(path: Path) -> tuple[list[Row], list[tuple[int, str, str]]]:
    """The rows in a file, and for each damaged line its number from 1, its text, and what is wrong with it.

    Raises NtgbenchError when the file cannot be read.
    """
    rows: list[Row] = []
    damaged = []
    for number, line in enumerate(read_bytes(path, MOST_BYTES).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode())
            wrong = check_row(row)
        except UnicodeDecodeError as error:
            wrong = f"not UTF-8: {error}"
        except (ValueError, RecursionError) as error:
            wrong = str(error)
        if wrong is None:
            rows.append(row)
        else:
            damaged.append((number, line.decode(errors="replace"), wrong))
    return rows, damaged


def merged(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """All rows, sorted. A new row replaces the old one of its identity, and keeps the suites that only that has."""
    rows = {identity(row): row for row in old}
    for row in new:
        rows[identity(row)] = _completed(row, rows.get(identity(row)))
    return [rows[key] for key in sorted(rows)]


def taken_from(rows: Iterable[Row], name: str) -> list[Row]:
    """The rows, marked as taken from the file `name`."""
    return [Row(**{**row, "merged_from": clean(name, 200)}) for row in rows]


def to_text(rows: Iterable[Row]) -> str:
    """The rows as the contents of rows.jsonl."""
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)


def suite_of(key: str) -> str:
    """The suite that a metric's key "suite/metric[@compared with]" belongs to."""
    return key.partition("/")[0]


def _completed(row: Row, before: Row | None) -> Row:
    if before is None:
        return row
    if "merged_from" in row and {**row, "merged_from": ""} == {**before, "merged_from": ""}:
        # A row that is here already stays one's own.
        return before
    if row["status"] == "failed" or before["status"] == "failed":
        return row
    measured = {suite_of(key) for key in row["metrics"]}
    kept = {key: value for key, value in before["metrics"].items() if suite_of(key) not in measured}
    if not kept:
        return row
    whole = Row(**{**row, "metrics": {**kept, **row["metrics"]}})
    tables: tuple[Literal["code", "keys"], ...] = ("code", "keys")
    for name in tables:
        of_kept = {key: value for key, value in before.get(name, {}).items() if suite_of(key) not in measured}
        if of_kept or name in row:
            whole[name] = {**of_kept, **row.get(name, {})}
    if "merged_from" in before:
        whole.setdefault("merged_from", before["merged_from"])
    return whole
