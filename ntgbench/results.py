"""Results: one row a cell, its schema, and the file that collects rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from ntgbench.errors import NtgbenchError
from ntgbench.files import locked, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SCHEMA = 1
"""Version of `Row`; rows of another version are refused, never guessed at."""

ROWS_FILE = "rows.jsonl"


class MetricValue(TypedDict, total=False):
    """One number of a row, with what a leaderboard needs to print and rank it without the plugin.

    Keys:
        value: the number, None when the metric failed.
        version: version of the metric.
        goal: "min" or "max".
        digits: decimals to print.
        primary: true for the metric that ranks its suite; left out otherwise.
        reason: why the metric failed; left out otherwise.
    """

    value: float | None
    version: int
    goal: str
    digits: int
    primary: bool
    reason: str


class Row(TypedDict):
    """The result of one cell: one line of rows.jsonl.

    Keys:
        schema: `SCHEMA`.
        protocol, protocol_version, protocol_digest: what was measured, and how.
        dataset, dataset_digest: on what.
        system: the system's label: its name and the parameters that are not at their default.
        kind: "generator" or "augmenter".
        reference: whether it stands on the board for orientation and takes no rank.
        distribution, distribution_version: the installed plugin.
        params: every parameter of the system.
        seed: repetition, from 0.
        status: "ok" or "failed".
        reason: why it failed, None when it did not.
        metrics: numbers by key "suite/metric[@compared with]".
        phases: wall-clock seconds of each phase of the cell.
        peak_memory_mib: largest resident memory of the cell's process.
        notes: what was logged as a warning while the cell ran.
        machine: hardware and system.
        versions: library versions by distribution name.
    """

    schema: int
    protocol: str
    protocol_version: int
    protocol_digest: str
    dataset: str
    dataset_digest: str
    system: str
    kind: str
    reference: bool
    distribution: str
    distribution_version: str
    params: dict[str, Any]
    seed: int
    status: str
    reason: str | None
    metrics: dict[str, MetricValue]
    phases: dict[str, float]
    peak_memory_mib: float | None
    notes: list[str]
    machine: dict[str, Any]
    versions: dict[str, str]


def identity(row: Row) -> tuple[str, ...]:
    """What a row is about; of two rows with one identity the later takes the earlier's place."""
    params = json.dumps(row["params"], sort_keys=True)
    keys = (
        "protocol",
        "protocol_digest",
        "dataset",
        "dataset_digest",
        "system",
        "distribution",
        "distribution_version",
    )
    return (*(str(row[key]) for key in keys), params, f"{row['seed']:06d}")  # type: ignore[literal-required]


def read_rows(path: Path) -> list[Row]:
    """The rows in a file. Raises NtgbenchError that names the line which is no row of this schema."""
    rows: list[Row] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), 1):
        try:
            row = json.loads(line)
            missing = Row.__required_keys__ - row.keys()
        except (ValueError, AttributeError, TypeError) as error:
            raise NtgbenchError(f"{path}, line {number}: not a row: {error}") from error
        if row.get("schema") != SCHEMA or missing:
            lacks = f", lacks {', '.join(sorted(missing))}" if missing else ""
            raise NtgbenchError(
                f"{path}, line {number}: schema {row.get('schema')!r}{lacks}; this version reads {SCHEMA}"
            )
        rows.append(row)
    return rows


def merge_rows(folder: Path, new: Iterable[Row]) -> list[Row]:
    """Put new rows into the folder's rows.jsonl, in the place of rows about the same; returns all, sorted."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ROWS_FILE
    with locked(folder):
        rows = {identity(row): row for row in (read_rows(path) if path.exists() else [])}
        rows.update({identity(row): row for row in new})
        ordered = [rows[key] for key in sorted(rows)]
        write_text(path, "".join(json.dumps(row, sort_keys=True) + "\n" for row in ordered))
    return ordered
