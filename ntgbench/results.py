"""Results: the identity of rows, how rows of several files are merged, and the file rows.jsonl."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ntgbench import row_schema
from ntgbench.errors import NtgbenchError
from ntgbench.files import read_bytes
from ntgbench.plugins import registry
from ntgbench.row_schema import SCHEMA, MetricValue, Row, clean
from ntgbench.tracks import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["SCHEMA", "MetricValue", "Row"]  # of row_schema, for those who import them from here

ROWS_FILE = "rows.jsonl"

MOST_BYTES = 256 * 2**20
"""Bytes of a file of rows that are read: some 50,000 rows."""


_sound: set[bytes] = set()
"""Digests of rows that were found to be rows."""


def check_row(row: Any) -> str | None:
    """As `row_schema.check_row`, but a row is checked once: a run reads each several times, and a check takes long."""
    try:
        digest = hashlib.blake2b(json.dumps(row, sort_keys=True).encode(), digest_size=16).digest()
    except (TypeError, ValueError, RecursionError):  # it is not JSON, so it is no row
        return row_schema.check_row(row)
    if digest in _sound:
        return None
    wrong = row_schema.check_row(row)
    if wrong is None:
        _sound.add(digest)
    return wrong


def identity(row: Row) -> tuple[str, ...]:
    """What a row is about; of two rows with one identity the later takes the earlier's place."""
    params = json.dumps(row["params"], sort_keys=True)
    digest = aliases().get(row["protocol_digest"], {}).get("protocol", row["protocol_digest"])
    dataset = (row["dataset"], row["dataset_digest"])
    system = (row["system"], row["distribution"], row["distribution_version"])
    return (row["protocol"], digest, *dataset, *system, track_of(row), params, hardware_of(row), f"{row['seed']:06d}")


@cache
def aliases() -> dict[str, dict[str, str]]:
    """What the digests of protocols in rows without `keys` stand for: the digest now, and the key of each suite."""
    text = (resources.files("ntgbench") / "protocols" / "aliases.json").read_text(encoding="utf-8")
    known: dict[str, dict[str, str]] = json.loads(text)
    return known


def track_of(row: Row) -> str:
    """The track that a row is of."""
    return row.get("track", DEFAULT)


def key_of(row: Row, suite: str) -> str | None:
    """The key of a suite in a row, see `Protocol.key`; rows of equal keys are ranked together.

    For a row without `keys`, it is the digest of its protocol, or the key that this digest is an alias of. None when
    the suite was not asked for.
    """
    digest = row["protocol_digest"]
    return row["keys"].get(suite) if "keys" in row else aliases().get(digest, {}).get(suite, digest)


def hardware_of(row: Row) -> str:
    """The hardware that a row about efficiency was measured on, empty for all others."""
    return str(row["machine"].get("hardware", ""))


def read_rows(path: Path) -> list[Row]:
    """The rows in a file. Raises NtgbenchError that names the first line that is not a row of this schema."""
    rows, damaged = parse_rows(path)
    for number, _, wrong in damaged:
        raise NtgbenchError(f"{path}, line {number}: not a row: {wrong}")
    return rows


def parse_rows(path: Path) -> tuple[list[Row], list[tuple[int, str, str]]]:
    """The rows in a file, and for each other line its number from 1, its text, and what is wrong with it.

    Raises NtgbenchError when the file cannot be read.
    """
    rows: list[Row] = []
    damaged = []
    for number, line in enumerate(read_bytes(path, MOST_BYTES).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode())
            wrong = check_row(row) or out_of_bounds(row)
        except UnicodeDecodeError as error:
            wrong = f"not UTF-8: {error}"
        except (ValueError, RecursionError) as error:
            wrong = str(error)
        if wrong is None:
            rows.append(row)
        else:
            damaged.append((number, line.decode(errors="replace"), wrong))
    return rows, damaged


def out_of_bounds(row: Row) -> str | None:
    """Which number lies outside the bounds that its metric declares here, in the same version, or None.

    Other forms of a metric, behind "@", may be differences from it and have no bounds.
    """
    known = registry().metrics()
    for key, found in row["metrics"].items():
        spec = known.get(key.partition("/")[2])
        value = found["value"]
        if spec is None or spec.version != found["version"] or value is None:
            continue
        low, high = spec.lowest, spec.highest
        if (low is not None and value < low) or (high is not None and value > high):
            return f"{row['system']}, {key} is {value:g}, outside its bounds {low}..{high}"
    return None


def merged(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """All rows, sorted. A new row takes the place of the old one about the same, but keeps suites that it lacks."""
    rows = {identity(row): row for row in old}
    for row in new:
        rows[identity(row)] = _completed(row, rows.get(identity(row)))
    return [rows[key] for key in sorted(rows)]


def taken_from(rows: Iterable[Row], name: str) -> list[Row]:
    """The rows with a mark that they come from the file `name`, instead of any mark they have."""
    return [Row(**{**row, "merged_from": clean(name, 200)}) for row in rows]


def to_text(rows: Iterable[Row]) -> str:
    """The rows as the contents of rows.jsonl."""
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)


def has_failed(metric: MetricValue) -> bool:
    """Whether a metric has no number although it has one for such traffic."""
    return metric["value"] is None and not metric.get("undefined", False)


def suite_of(key: str) -> str:
    """The suite that a metric's key "suite/metric[@compared with]" belongs to."""
    return key.partition("/")[0]


def _completed(row: Row, before: Row | None) -> Row:
    if before is None:
        return row
    if "merged_from" in row and {**row, "merged_from": ""} == {**before, "merged_from": ""}:
        # The row was here before.
        return before
    if row["status"] == "failed" or before["status"] == "failed":
        return row
    measured = {suite_of(key) for key in row["metrics"]}
    whole = with_suites(row, before, lambda suite: suite not in measured)
    if whole is not row and "merged_from" in before:
        whole.setdefault("merged_from", before["merged_from"])
    return whole


def with_suites(row: Row, before: Row, wanted: Callable[[str], bool]) -> Row:
    """The row, and of an earlier one about the same the suites that are wanted: their metrics, code and keys.

    The profile of the earlier row is kept where the row has none.
    """
    metrics = {key: value for key, value in before["metrics"].items() if wanted(suite_of(key))}
    looked = "profile" in before and "profile" not in row
    if not metrics and not looked:
        return row
    whole = Row(**{**row, "metrics": {**metrics, **row["metrics"]}})
    if looked:
        whole["profile"] = before["profile"]
    code = {key: value for key, value in before.get("code", {}).items() if wanted(suite_of(key))}
    if code or "code" in row:
        whole["code"] = {**code, **row.get("code", {})}
    if "keys" in row or "keys" in before:
        sides = ((before, metrics), (row, row["metrics"]))
        known = {suite: key_of(side, suite) for side, own in sides for suite in map(suite_of, own)}
        whole["keys"] = {**{suite: key for suite, key in known.items() if key is not None}, **row.get("keys", {})}
    return whole
