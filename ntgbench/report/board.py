"""Boards: rows that may be compared, gathered by system. Rows that differ in data or protocol never meet here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ntgbench.report.marks import Mark, marks_of
from ntgbench.report.rank import loss
from ntgbench.results import hardware_of, key_of, suite_of, track_of

if TYPE_CHECKING:
    from ntgbench.results import MetricValue, Row


class Comparable(NamedTuple):
    """What the rows of one board have in common.

    `key` is that of the suite, see `Protocol.key`; `version` the newest of the protocol; `hardware`, see `hardware_of`.
    """

    track: str
    protocol: str
    version: int
    key: str
    dataset_digest: str
    hardware: str


@dataclass(frozen=True)
class Column:
    """One metric of a board; goal, digits, primary and best are those of `MetricSpec`."""

    key: str  # "suite/metric[@compared with]"
    version: int  # the newest version among the board's rows; values of other versions are left out
    goal: str
    digits: int
    primary: bool
    best: float | None = None

    @property
    def name(self) -> str:
        """The metric's name without its suite."""
        return self.key.partition("/")[2]

    @property
    def sign(self) -> str:
        """What is better: lower, higher, or nearer to a number."""
        return f"→ {self.best or 0.0:g}" if self.goal == "near" else {"min": "↓", "max": "↑"}[self.goal]

    def loss(self, value: float) -> float:
        """`ntgbench.report.rank.loss` of one of its numbers."""
        return loss(value, self.goal, self.best)


@dataclass(frozen=True)
class Entry:
    """A system on a board."""

    name: str  # its display name; where several have the same, also the plugin's version or the parameters
    reference: bool  # whether it takes no rank
    rows: tuple[Row, ...]  # one a seed
    marks: tuple[Mark, ...] = ()  # what its rows show that a reader must not miss

    def values(self, column: Column) -> dict[int, float]:
        """The column's numbers by seed."""
        return {seed: value for seed, metric in self.measured(column).items() if (value := metric["value"]) is not None}

    def measured(self, column: Column) -> dict[int, MetricValue]:
        """The column's metric by seed, where it has a number."""
        found = ((row["seed"], row["metrics"].get(column.key)) for row in self.rows)
        return {
            seed: metric
            for seed, metric in found
            if metric is not None and metric["version"] == column.version and metric["value"] is not None
        }


@dataclass(frozen=True)
class Board:
    """All rows of one dataset whose numbers of one suite may be compared, sorted."""

    dataset: str
    suite: str
    common: Comparable
    rows: tuple[Row, ...]

    @cached_property
    def entries(self) -> list[Entry]:
        """The board's systems in the order of their names, references last."""
        gathered: dict[tuple[bool, str, str, str, str], list[Row]] = {}
        for row in self.rows:
            params = json.dumps(row["params"], sort_keys=True)
            key = (row["reference"], row["system"], row["distribution"], row["distribution_version"], params)
            gathered.setdefault(key, []).append(row)
        names = [key[1] for key in gathered]
        plugins = [key[1:4] for key in gathered]
        entries = []
        for (reference, system, distribution, version, params), rows in sorted(gathered.items()):
            name = system if names.count(system) == 1 else f"{system} ({distribution} {version})"
            # A default has changed and the plugin's version has not.
            if plugins.count((system, distribution, version)) > 1:
                name = f"{system} ({distribution} {version}, {params})"
            entries.append(Entry(name, reference, tuple(rows), marks_of(rows, self.overlap or 0.0)))
        return entries

    @cached_property
    def columns(self) -> list[Column]:
        """The suite's metrics, the primary one first."""
        found: dict[str, MetricValue] = {}
        for key in _keys(self.rows, self.suite):
            measured = [row["metrics"][key] for row in self.rows if key in row["metrics"]]
            found[key] = max(measured, key=lambda metric: metric["version"])
        columns = [
            Column(key, one["version"], one["goal"], one["digits"], one.get("primary", False), one.get("best"))
            for key, one in found.items()
        ]
        return sorted(columns, key=lambda column: (not column.primary, column.key))

    @cached_property
    def overlap(self) -> float | None:
        """Test items by training items where each seed splits the traffic again, as `rank.estimate` wants it.

        The mean over the rows; 0 where all seeds have the same split; None when no row says how it was split.
        """
        splits = [row["split"] for row in self.rows if "split" in row]
        ratios = [one["test"] / one["train"] if one["again"] else 0.0 for one in splits]
        return math.fsum(ratios) / len(ratios) if ratios else None

    @cached_property
    def unranked(self) -> bool:
        """Whether the test set cannot rank systems."""
        return any(one.get("unranked", False) for row in self.rows for one in row.get("cautions", ()))

    def seeds(self) -> int:
        """Number of different seeds."""
        return len({row["seed"] for row in self.rows})


def boards(rows: Iterable[Row], suite: str | None = None) -> list[Board]:
    """The rows as boards of a suite, or without one of what was run together, by dataset, protocol and its version."""
    gathered: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = row["protocol_digest"] if suite is None else key_of(row, suite)
        if key is not None:
            data = (row["dataset"], track_of(row), row["protocol"], key, row["dataset_digest"])
            gathered.setdefault((*data, hardware_of(row)), []).append(row)
    found = []
    for (dataset, track, protocol, *others), members in gathered.items():
        members = _newest(members, suite) if others[-1] else members
        version = max(row["protocol_version"] for row in members)
        found.append(Board(dataset, suite or "", Comparable(track, protocol, version, *others), tuple(members)))
    return sorted(found, key=lambda board: (board.dataset, board.common))


def _newest(rows: list[Row], suite: str | None) -> list[Row]:
    """Without the rows whose numbers of a suite are of an older version than those of others."""
    keys = _keys(rows, suite or "")

    def version(row: Row) -> int:
        return max((row["metrics"][key]["version"] for key in keys if key in row["metrics"]), default=0)

    newest = max(map(version, rows))
    return [row for row in rows if version(row) in (0, newest)]


def suites_in(rows: Iterable[Row]) -> list[str]:
    """The suites that at least one row has numbers of, sorted."""
    return sorted(set(map(suite_of, _keys(rows))))


def _keys(rows: Iterable[Row], suite: str | None = None) -> list[str]:
    """The keys of the rows' metrics, of one suite if it is given; rows have a thousand keys, most of them the same."""
    every = set[str]().union(*(row["metrics"] for row in rows))
    return [key for key in every if suite is None or key.startswith(f"{suite}/")]
