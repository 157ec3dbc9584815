"""The schema of a row, and what keeps a value from being one: rows come from anywhere, name files and fill pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NotRequired, TypedDict, get_origin, get_type_hints

SCHEMA = 1
"""Version of `Row`; rows of another version are refused, never guessed at."""

SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
"""Names of datasets and protocols: they become names of files."""

LONGEST_NAME = 150
"""Characters of such a name: with what is added to it, it still is a file's name everywhere."""

LONGEST_TEXT = 2_000
"""Characters of a note or a reason."""

MOST_NOTES = 500
"""Notes of a row."""

LARGEST = 1e15
"""Largest absolute value of a number: squares and sums of such numbers can still be computed with."""


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
        versions: library versions by distribution name.
        track: name of the kind of traffic; left out of older rows, which are of biflows.
        keys: what the numbers of each suite depend on, by suite, see `Protocol.key`; left out of older rows.
        base: name of the system whose fitted model this one started from, left out when there is none.
        code: digest of the code that measured, by "suite/package of the metrics"; left out when it is not known.
        log: path of the log of a failed cell below the folder of all runs; left out of other rows.
        merged_from: name of the file that the row was taken from by `leaderboard --merge`; left out of one's own rows.
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
    track: NotRequired[str]
    keys: NotRequired[dict[str, str]]
    base: NotRequired[str]
    code: NotRequired[dict[str, str]]
    log: NotRequired[str]
    merged_from: NotRequired[str]


Check = Callable[[Any], bool]


def check_row(row: Any) -> str | None:
    """What keeps `row` from being a row of this schema, or None."""
    if not isinstance(row, dict) or row.get("schema") != SCHEMA:
        return f"schema {_shown(row.get('schema') if isinstance(row, dict) else row)}; this version reads {SCHEMA}"
    wrong = _wrong_key(row, Row, _ROW)
    if wrong is not None:
        return wrong
    for key, metric in row["metrics"].items():
        if not isinstance(metric, dict):
            return f"metric {key!r}: {_shown(metric)}"
        wrong = _wrong_key(metric, MetricValue, _METRIC)
        if wrong is not None:
            return f"metric {key!r}: {wrong}"
        if ("low" in metric) != ("high" in metric) or metric.get("low", 0) > metric.get("high", 0):
            return f"metric {key!r}: low and high are no interval"
    return None


def is_metric(key: Any, metric: Any) -> bool:
    """Whether this is a metric of a row."""
    return _is_key(key) and isinstance(metric, dict) and _wrong_key(metric, MetricValue, _METRIC) is None


def clean(text: str, most: int = LONGEST_TEXT) -> str:
    """`text` as a row may hold it: on one line, with escapes for what cannot be printed, and not too long."""
    line = " ".join(text[: 2 * most].split())
    line = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _wrong_key(values: dict[Any, Any], kind: Any, checks: dict[str, Check]) -> str | None:
    """The first key of `values` that is missing, unknown or has a wrong value, as a sentence."""
    missing = _required(kind) - values.keys()
    if missing:
        return f"lacks {', '.join(sorted(missing))}"
    for key, value in values.items():
        if key not in checks:
            return f"has an unknown key {_shown(key)}"
        if not checks[key](value):
            return f"{key} has a wrong value: {_shown(value)}"
    return None


@cache
def _required(kind: Any) -> frozenset[str]:
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(key for key, hint in hints.items() if get_origin(hint) is not NotRequired)


def _shown(value: Any) -> str:
    """A value in a message, which must be short and printable itself."""
    if isinstance(value, dict | list):
        return f"a {'list' if isinstance(value, list) else 'table'} of {len(value)}"
    return ascii(value)[:80] if not isinstance(value, int) or abs(value) < LARGEST else "a very large number"


def _line(most: int, pattern: str | None = None) -> Check:
    """Printable text of up to `most` characters, all of which match `pattern`."""
    compiled = None if pattern is None else re.compile(pattern, re.ASCII)

    def check(value: Any) -> bool:
        fine = isinstance(value, str) and len(value) <= most and value.isprintable()
        return fine and (compiled is None or compiled.fullmatch(value) is not None)

    return check


def _text(value: Any) -> bool:
    """Text of several lines, perhaps."""
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and " ".join(value.split()).isprintable()


def _number(low: float, high: float = LARGEST, whole: bool = False) -> Check:
    """A number in a range; NaN is in none, and a truth value is no number."""
    kinds = (int,) if whole else (int, float)
    return lambda value: type(value) in kinds and low <= value <= high


def _none_or(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _one_of(*allowed: str) -> Check:
    return lambda value: isinstance(value, str) and value in allowed


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _list(most: int, check: Check) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(check, value))


def _table(most: int, key: Check, check: Check) -> Check:
    def fine(value: Any) -> bool:
        return isinstance(value, dict) and len(value) <= most and all(key(k) and check(v) for k, v in value.items())

    return fine


def _any_of(*checks: Check) -> Check:
    return lambda value: any(check(value) for check in checks)


def _machine(value: Any) -> bool:
    """Whatever is known of the machine, and its processor at least."""
    plain = _any_of(_flag, _none_or(_number(-LARGEST)), _line(300))
    if not _table(100, _NAME, _any_of(plain, _list(10_000, _COUNT)))(value) or not {"cpu", "cores"} <= value.keys():
        return False
    texts = all(isinstance(value.get(key, ""), str) for key in ("cpu", "hardware", "device", "clock"))
    return texts and _none_or(_COUNT)(value["cores"])


_NAME = _line(100, r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SAFE = _line(LONGEST_NAME, SAFE_NAME.pattern)
_SYSTEM = _line(LONGEST_TEXT, r"[a-z0-9]+(-[a-z0-9]+)*(\[[^\[\]`]*\])?")
_DIGEST = _line(100, r"[0-9A-Za-z]+")
_VERSION = _line(100, r"[A-Za-z0-9.+!_-]+")
_COUNT = _number(0, whole=True)
_is_key = _line(
    200,
    r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9_]+(@[a-z0-9_.%,-]{1,40})?",
)

_METRIC: dict[str, Check] = {
    "value": _none_or(_number(-LARGEST)),
    "version": _number(0, 1e6, whole=True),
    "goal": _one_of("min", "max"),
    "digits": _number(0, 12, whole=True),
    "primary": _flag,
    "reason": _text,
    "low": _number(-LARGEST),
    "high": _number(-LARGEST),
    "count": _COUNT,
    "outliers": _COUNT,
}

_ROW: dict[str, Check] = {
    "schema": _number(SCHEMA, SCHEMA, whole=True),
    "protocol": _SAFE,
    "protocol_version": _number(0, 1e6, whole=True),
    "protocol_digest": _DIGEST,
    "dataset": _SAFE,
    "dataset_digest": _DIGEST,
    "source": _line(300),
    "system": _SYSTEM,
    "kind": _one_of("generator", "augmenter"),
    "reference": _flag,
    "distribution": _NAME,
    "distribution_version": _VERSION,
    "params": _table(200, _NAME, _any_of(_flag, _none_or(_number(-(2**63), 2**63)), _line(LONGEST_TEXT))),
    "seed": _number(0, 999_999, whole=True),
    "status": _one_of("ok", "failed"),
    "reason": _none_or(_text),
    "metrics": lambda value: isinstance(value, dict) and len(value) <= 5_000 and all(map(_is_key, value)),
    "phases": _table(100, _NAME, _number(0)),
    "peak_memory_mib": _none_or(_number(0)),
    "notes": _list(MOST_NOTES, _text),
    "machine": _machine,
    "versions": _table(200, _NAME, _line(100)),
    "track": _line(100, r"[a-z0-9]+(-[a-z0-9]+)*"),
    "keys": _table(100, _line(100, r"[a-z0-9]+(-[a-z0-9]+)*"), _DIGEST),
    "base": _SYSTEM,
    "code": _table(200, _line(200, r"[a-z]+/[A-Za-z0-9_.]+"), _line(64, r"[0-9a-f]*")),
    "log": _line(1_000),
    "merged_from": _line(200),
}
