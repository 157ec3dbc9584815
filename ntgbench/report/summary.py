"""What a run ends with: for each dataset its systems with the primary metrics of each suite, as text and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ntgbench.plugins import registry
from ntgbench.report.across import may_rank
from ntgbench.report.board import boards, suites_in
from ntgbench.report.cells import no_number
from ntgbench.report.failures import metric_failures
from ntgbench.report.rank import estimate, ranks
from ntgbench.report.reading import caution_texts
from ntgbench.results import identity
from ntgbench.words import pluralised, printable, titles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ntgbench.report.board import Board, Column, Entry
    from ntgbench.results import Row

NARROWEST = 80
"""Characters that a line has at least."""

MOST = 2
"""Metrics of one suite."""

_CONTROLS = ("floor", "train", "test", "halves")


@dataclass(frozen=True)
class Score:
    """A number of a system: the mean of its seeds with its interval, or why there is none.

    Attributes:
        text: as it is printed.
        mean: None where there is no number.
        low, high: ends of the interval, None where it is not known.
        rank: None for references, and where the metric ranks nothing.
    """

    text: str
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    rank: int | None = None


@dataclass(frozen=True)
class Line:
    """A system of the run.

    Attributes:
        system: its name.
        reference: whether it takes no rank.
        marks: sign and name of what a reader must not miss.
        scores: by the key of the metric.
        failed: number of rows that failed, and the first reason.
    """

    system: str
    reference: bool
    marks: tuple[tuple[str, str], ...]
    scores: Mapping[str, Score]
    failed: tuple[int, str] | None


@dataclass(frozen=True)
class Summary:
    """One dataset of the run; `columns` are head and whether there are ranks, by the key of the metric."""

    dataset: str
    seeds: int
    columns: Mapping[str, tuple[str, bool]]
    lines: tuple[Line, ...]
    failures: tuple[str, ...]  # of metrics
    cautions: tuple[str, ...]  # what keeps its test sets from ranking systems


def summaries(rows: Iterable[Row]) -> list[Summary]:
    """The datasets of a run, by its rows in any order."""
    rows = sorted(rows, key=identity)
    names = titles((row["dataset"], row["dataset_digest"], row["source"]) for row in rows)
    own = {key: [row for row in rows if (row["dataset"], row["dataset_digest"]) == key] for key in names}
    return [_summary(names[key], found) for key, found in own.items()]


def text(found: Sequence[Summary], width: int) -> str:
    """The tables, none wider than `width` but for 80 at least, and below each its failures, marks and cautions."""
    width = max(width, NARROWEST)
    return "\n\n".join("\n".join(cut(line, width) for line in _lines(one, width)) for one in found)


def cut(line: str, width: int) -> str:
    """A line of at most `width` characters."""
    return line if len(line) <= width else f"{line[: width - 1]}…"


def as_json(found: Sequence[Summary]) -> list[dict[str, Any]]:
    """A line for each system and dataset, as JSON values."""
    return [
        {
            "dataset": one.dataset,
            "system": line.system,
            "reference": line.reference,
            "marks": [name for _, name in line.marks],
            "failed": None if line.failed is None else {"rows": line.failed[0], "reason": line.failed[1]},
            "metrics": {
                key: {"mean": score.mean, "low": score.low, "high": score.high, "rank": score.rank}
                for key, score in line.scores.items()
            },
        }
        for one in found
        for line in one.lines
    ]


def _summary(name: str, rows: Sequence[Row]) -> Summary:
    columns: dict[str, tuple[str, bool]] = {}
    scores: dict[str, dict[str, Score]] = {}
    for suite in suites_in(rows):
        for board in boards(rows, suite):
            for column in _chosen(board):
                ranked = _ranks(board, column)
                had = columns.get(column.key, ("", False))[1]
                columns[column.key] = (f"{column.name} {column.sign}", had or bool(ranked))
                for entry in board.entries:
                    score = _score(entry, column, board.overlap or 0.0, ranked.get(entry.name))
                    scores.setdefault(entry.name, {}).setdefault(column.key, score)
    lines = {
        entry.name: Line(
            entry.name,
            entry.reference,
            tuple((mark.sign, mark.name) for mark in entry.marks),
            scores.get(entry.name, {}),
            _failed(entry.rows),
        )
        for board in boards(rows)
        for entry in board.entries
    }
    order = sorted(lines.values(), key=lambda line: (line.reference, *_place(line, columns), line.system))
    causes = [
        f"{one.metric}, of {', '.join(one.systems)}: {printable(one.cause)}"
        for one in metric_failures([(row["system"], row) for row in rows])
    ]
    return Summary(
        name, len({row["seed"] for row in rows}), columns, tuple(order), tuple(causes), tuple(caution_texts(rows))
    )


def _chosen(board: Board) -> list[Column]:
    """The primary metrics of a suite, or those that it names, or the first one."""
    columns = [one for one in board.columns if not one.key.endswith(tuple(f"@{control}" for control in _CONTROLS))]
    suite = registry().suites(board.common.track).get(board.suite)
    named = [one for one in columns if suite is not None and one.name in suite.shown]
    return ([one for one in columns if one.primary] or named or columns[:1])[:MOST]


def _ranks(board: Board, column: Column) -> dict[str, int]:
    """The ranks by a primary metric, none where it ranks nothing or there are no two systems with numbers."""
    if not (column.primary and may_rank(board, column)):
        return {}
    losses = {
        entry.name: {seed: column.loss(value) for seed, value in values.items()}
        for entry in board.entries
        if not entry.reference and (values := entry.values(column))
    }
    return ranks(losses, column.digits, board.overlap or 0.0) if len(losses) > 1 else {}


def _score(entry: Entry, column: Column, overlap: float, rank: int | None) -> Score:
    found = entry.measured(column)
    if not found:
        return Score(no_number(entry, column.key, column.version))
    mean = estimate(list(entry.values(column).values()), overlap)
    shown = mean.text(column.digits)
    if mean.half_width is not None:
        return Score(shown, mean.mean, mean.mean - mean.half_width, mean.mean + mean.half_width, rank)
    (one,) = found.values()
    if "low" not in one or "high" not in one:
        return Score(shown, mean.mean, rank=rank)
    interval = f"[{one['low']:.{column.digits}f}, {one['high']:.{column.digits}f}]"
    return Score(f"{shown} {interval}", mean.mean, one["low"], one["high"], rank)


def _failed(rows: Sequence[Row]) -> tuple[int, str] | None:
    reasons = [row["reason"] or "no reason given" for row in rows if row["status"] == "failed"]
    return (len(reasons), printable(reasons[0])) if reasons else None


def _place(line: Line, columns: Mapping[str, tuple[str, bool]]) -> list[int]:
    """What systems are sorted by: their ranks, those without one last."""
    found = [line.scores[key].rank if key in line.scores else None for key, (_, ranked) in columns.items() if ranked]
    return [len(columns) + 10_000 if rank is None else rank for rank in found]


def _lines(one: Summary, width: int) -> list[str]:
    """The text of one dataset."""
    ranked = [line for line in one.lines if not line.reference]
    shown: list[Line | None] = [*ranked, *([None] if len(ranked) < len(one.lines) else []), *one.lines[len(ranked) :]]
    names = ["", "system", *("references:" if line is None else _name(line) for line in shown)]
    names = [cut(name, width // 2) for name in names]
    groups = [_group(key, *head, shown) for key, head in one.columns.items()]
    told = [f"{one.dataset}, {pluralised(one.seeds, 'seed')}"]
    for table in _packed(names, groups, width):
        told += ["", *table]
    failed = [f"failed: {line.system}, {_times(line.failed)}" for line in one.lines if line.failed]
    failed += [f"failed: {cause}" for cause in one.failures]
    marks = dict(mark for line in one.lines for mark in line.marks)
    legend = [", ".join(f"{sign} {name}" for sign, name in sorted(marks.items()))] if marks else []
    notes = [line for text in one.cautions for line in wrap(f"note: {text}", width, subsequent_indent="  ")]
    below = [*failed, *legend, *notes]
    return [*told, *([""] if below else []), *below]


def _name(line: Line) -> str:
    return " ".join([line.system, *(sign for sign, _ in line.marks)])


def _times(failed: tuple[int, str]) -> str:
    number, reason = failed
    return f"{pluralised(number, 'seed')}: {reason}"


def _group(key: str, head: str, ranked: bool, shown: Sequence[Line | None]) -> list[list[str]]:
    """The columns of one metric, each as its suite, its head and a cell for each line."""
    scores = [None if line is None else line.scores.get(key) for line in shown]
    values = [key.partition("/")[0], head, *("" if one is None else one.text for one in scores)]
    places = ["", "rank", *("" if one is None or one.rank is None else str(one.rank) for one in scores)]
    return [_aligned(values), *([_aligned(places, right=True)] if ranked else [])]


def _aligned(cells: Sequence[str], right: bool = False) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) if right else cell.ljust(width) for cell in cells]


def _packed(names: Sequence[str], groups: Sequence[list[list[str]]], width: int) -> list[list[str]]:
    """Tables of as many groups as a line has room for, each with the names."""
    tables: list[list[list[str]]] = []
    for group in groups:
        if not tables or sum(len(column[0]) + 2 for column in [*tables[-1], *group]) - 2 > width:
            tables.append([_aligned(names)])
        tables[-1] += group
    return [["  ".join(cells).rstrip() for cells in zip(*table, strict=True)] for table in tables]
