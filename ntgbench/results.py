"""Results: one row a cell, its schema, and the file that collects rows."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from ntgbench.errors import NtgbenchError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SCHEMA = 1
"""Version of `Row`; rows of another version are refused, never guessed at."""

ROWS_FILE = "rows.jsonl"

SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
"""Names of datasets and protocols: they become names of files."""

_OPTIONAL = {"base"}
"""Keys of a row that may be left out."""

_KEY = re.compile(r"[a-z]+/[a-z0-9_]+(@[a-z0-9.%,+-]+)?")


class MetricValue(TypedDict):
    """One number of a row, with what a leaderboard needs to print and rank it without the plugin.

    Keys:
        value: the number, None when the metric failed.
        version: version of the metric.
        goal: "min" or "max".
        digits: decimals to print.
        primary: true for the metric that ranks its suite; left out otherwise.
        reason: why the metric failed; left out otherwise.
        low, high, count, outliers: of a median, the interval that holds it, the number of measurements, and of those
            far from the others; left out otherwise.
    """

    value: float | None
    version: int
    goal: str
    digits: int
    primary: NotRequired[bool]
    reason: NotRequired[str]
    low: NotRequired[float]
    high: NotRequired[float]
    count: NotRequired[int]
    outliers: NotRequired[int]


class Row(TypedDict):
    """The result of one cell: one line of rows.jsonl.

    Keys:
        schema: `SCHEMA`.
        protocol, protocol_version, protocol_digest: what was measured, and how.
        dataset, dataset_digest: on what.
        source: what a user writes after -d: a name of the catalogue, or the file or folder with its parent folder.
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
        notes: what was changed or left out of the data, and what was logged as a warning while the cell ran.
        machine: hardware and system; of a row about costs also `hardware`, one line: costs compare where it is equal.
        base: name of the system whose fitted model this one started from, left out when there is none.
        versions: library versions by distribution name.
    """

    schema: int
    protocol: str
    protocol_version: int
    protocol_digest: str
    dataset: str
    dataset_digest: str
    source: str
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
    base: NotRequired[str]


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
    known = (*(str(row[key]) for key in keys), params, hardware_of(row))  # type: ignore[literal-required]
    return (*known, f"{row['seed']:06d}")


def hardware_of(row: Row) -> str:
    """The hardware that a row about costs was measured on, empty for all others."""
    return str(row["machine"].get("hardware", ""))


def check_row(row: Any) -> str | None:
    """What keeps `row` from being a row of this schema, or None: rows may come from anywhere, and name files."""
    if not isinstance(row, dict) or row.get("schema") != SCHEMA:
        return f"schema {row.get('schema') if isinstance(row, dict) else row!r}; this version reads {SCHEMA}"
    missing = Row.__annotations__.keys() - _OPTIONAL - row.keys()
    if missing:
        return f"lacks {', '.join(sorted(missing))}"
    for key in ("dataset", "protocol"):
        if not isinstance(row[key], str) or not SAFE_NAME.fullmatch(row[key]):
            return f"{key} {row[key]!r} is no name"
    texts = ("protocol_digest", "dataset_digest", "source", "system", "distribution", "distribution_version")
    numbers = ("seed", "protocol_version")
    machine = row["machine"]
    fine = (
        all(isinstance(row[key], str) and row[key].isprintable() for key in texts)
        and all(type(row[key]) is int for key in numbers)
        and row["status"] in ("ok", "failed")
        and isinstance(row["reference"], bool)
        and isinstance(row["reason"], str | None)
        and isinstance(row["params"], dict)
        and isinstance(row["metrics"], dict)
        and isinstance(machine, dict)
        and {"cpu", "cores"} <= machine.keys()
        and all(_is_line(machine.get(key, "")) for key in ("hardware", "device", "clock"))
        and isinstance(row.get("base", ""), str)
        and _all_of(row["phases"], int | float)
        and _all_of(row["versions"], str)
        and isinstance(row["notes"], list)
        and all(isinstance(note, str) for note in row["notes"])
    )
    if not fine:
        return "a value has the wrong type"
    broken = [key for key, metric in row["metrics"].items() if not _KEY.fullmatch(key) or not _is_metric(metric)]
    return f"metric {broken[0]!r} is none" if broken else None


def read_rows(path: Path) -> list[Row]:
    """The rows in a file. Raises NtgbenchError that names the line which is no row of this schema."""
    rows: list[Row] = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise NtgbenchError(f"{path}: not UTF-8: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise NtgbenchError(f"{path}, line {number}: not a row: {error}") from error
            wrong = check_row(row)
            if wrong is not None:
                raise NtgbenchError(f"{path}, line {number}: not a row: {wrong}")
            rows.append(row)
    return rows


def merged(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """All rows, sorted. A new row takes the place of the old one about the same, but keeps suites that it lacks."""
    rows = {identity(row): row for row in old}
    for row in new:
        rows[identity(row)] = _completed(row, rows.get(identity(row)))
    return [rows[key] for key in sorted(rows)]


def to_text(rows: Iterable[Row]) -> str:
    """The rows as the contents of rows.jsonl."""
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)


def suite_of(key: str) -> str:
    """The suite that a metric's key "suite/metric[@compared with]" belongs to."""
    return key.partition("/")[0]


def _completed(row: Row, before: Row | None) -> Row:
    if before is None or row["status"] == "failed" or before["status"] == "failed":
        return row
    measured = {suite_of(key) for key in row["metrics"]}
    kept = {key: value for key, value in before["metrics"].items() if suite_of(key) not in measured}
    return Row(**{**row, "metrics": {**kept, **row["metrics"]}})


def _is_metric(metric: Any) -> bool:
    if not isinstance(metric, dict) or not {"value", "version", "goal", "digits"} <= metric.keys():
        return False
    value = metric["value"]
    return (
        (value is None or _is_number(value))
        and type(metric["version"]) is int
        and metric["goal"] in ("min", "max")
        and type(metric["digits"]) is int
        and 0 <= metric["digits"] <= 12
        and isinstance(metric.get("reason", ""), str)
        and all(_is_number(metric.get(key, 0)) for key in ("low", "high", "count", "outliers"))
        and ("low" in metric) == ("high" in metric)
    )


def _is_number(value: Any) -> bool:
    # Whole numbers of JSON can be larger than any that can be computed with.
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _all_of(values: Any, kind: Any) -> bool:
    return isinstance(values, dict) and all(isinstance(value, kind) for value in values.values())
