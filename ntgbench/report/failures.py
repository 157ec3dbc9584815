"""Failures as lines of text: one for each failed row, and one for each cause for which a metric has no value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ntgbench.report.text import code, plain
from ntgbench.results import has_failed, suite_of
from ntgbench.words import pluralised, titles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ntgbench.report.board import Board
    from ntgbench.results import Row

MOST_SYSTEMS = 8
"""Systems named in one line."""

MOST_CAUSES = 10
"""Causes on a page: a metric may give a different one for every row."""

_NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")


@dataclass(frozen=True)
class MetricFailure:
    """One cause for which a metric has no value."""

    metric: str  # "suite/metric", without what it is compared with
    cause: str  # the first message; messages that differ in numbers only are one cause
    systems: tuple[str, ...]  # their names
    rows: int  # number of rows


def metric_failures(rows: Iterable[tuple[str, Row]], suite: str | None = None) -> list[MetricFailure]:
    """Why metrics have no value in (name of the system, row) pairs; only metrics of `suite` if it is given."""
    causes: dict[tuple[str, str], str] = {}
    concerned: dict[tuple[str, str], list[str]] = {}
    for name, row in rows:
        found = set()
        without = [key for key, metric in row["metrics"].items() if metric["value"] is None]
        for key in sorted(without):
            metric = row["metrics"][key]
            if has_failed(metric) and suite in (None, suite_of(key)):
                cause = metric.get("reason") or "no reason given"
                failure = (key.partition("@")[0], _NUMBER.sub("0", cause))
                causes.setdefault(failure, cause)
                found.add(failure)
        for failure in found:
            concerned.setdefault(failure, []).append(name)
    return [
        MetricFailure(failure[0], causes[failure], tuple(dict.fromkeys(names)), len(names))
        for failure, names in sorted(concerned.items())
    ]


def metrics_that_failed(board: Board, suite: str, owner: str | None = None) -> list[str]:
    """A line for each metric and cause, for the page of a suite.

    What has failed alike in the suite `owner`, whose metrics the suite computes, is told on the page of that one only.
    """
    rows = [(entry.name, row) for entry in board.entries for row in entry.rows]
    told_there = {_told(one) for one in metric_failures(rows, owner)} if owner else set()
    found = metric_failures(rows, suite)
    here = [one for one in found if _told(one) not in told_there]
    lines = [
        f"{code(one.metric.partition('/')[2])} of {_systems(tuple(map(code, one.systems)))}: {plain(one.cause)}"
        for one in here
    ]
    rest = len(lines) - MOST_CAUSES
    lines = [*lines[:MOST_CAUSES], *([f"and {rest} more in rows.jsonl"] if rest > 0 else [])]
    return [*lines, *([f"those on the page of {owner}"] if len(here) < len(found) else [])]


def metrics_that_do_not_apply(board: Board) -> list[str]:
    """A line for each reason for which metrics of the board's suite do not apply to systems, with both named."""
    metrics: dict[tuple[str, str], list[str]] = {}
    for entry in board.entries:
        for row in entry.rows:
            for key, metric in row["metrics"].items():
                if metric.get("inapplicable", False) and suite_of(key) == board.suite:
                    name = code(key.partition("/")[2].partition("@")[0])
                    metrics.setdefault((entry.name, metric.get("reason", "")), []).append(name)
    systems: dict[tuple[str, ...], list[str]] = {}
    for (system, reason), names in metrics.items():
        systems.setdefault((reason, *sorted(set(names))), []).append(code(system))
    return [
        f"{', '.join(names)} of {', '.join(found)}: {plain(reason.removeprefix('does not apply: '))}"
        for (reason, *names), found in systems.items()
    ]


def _told(one: MetricFailure) -> tuple[str, str]:
    """Metric and cause, without the suite and numbers."""
    return one.metric.partition("/")[2], _NUMBER.sub("0", one.cause)


def rows_that_failed(board: Board) -> list[str]:
    """A line for each failed row of a board; a row with a failed metric is not one."""
    return [
        f"{code(entry.name)}, seed {row['seed']}: {plain(row['reason'])}{_log(row)}"
        for entry in board.entries
        for row in entry.rows
        if row["status"] == "failed"
    ]


def told(rows: Iterable[Row], runs: Path) -> list[str]:
    """A line for each failed row, with its log in the folder `runs`, and for each metric and cause."""
    rows = list(rows)
    lines = []
    names = titles((row["dataset"], row["dataset_digest"], row["source"]) for row in rows)
    for row in rows:
        if row["status"] == "failed":
            log = f" (log: {from_here(runs / row['log'])})" if "log" in row else ""
            dataset = names[row["dataset"], row["dataset_digest"]]
            lines.append(f"{dataset} / {row['system']} / seed {row['seed']}: {row['reason']}{log}")
    for one in metric_failures([(row["system"], row) for row in rows]):
        where = f"in {pluralised(one.rows, 'row')}, of {_systems(one.systems)}"
        lines.append(f"metric {one.metric} {where}: {one.cause}")
    return lines


def from_here(path: Path) -> Path:
    """`path`, relative to the working folder if it is inside."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _systems(names: tuple[str, ...]) -> str:
    rest = len(names) - MOST_SYSTEMS
    return ", ".join(names[:MOST_SYSTEMS]) + (f" and {rest} more" if rest > 0 else "")


def _log(row: Row) -> str:
    return f" (log: {code('runs/' + row['log'])})" if "log" in row else ""
