"""Quality against cost: which systems no other beats in both, as a table and drawings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.report.blocks import Block, Page, Picture, Table
from ntgbench.report.board import Entry, boards, suites_in
from ntgbench.report.charts import Axis, Point, scatter
from ntgbench.report.efficiency import latency, number
from ntgbench.report.quality import Quality, quality
from ntgbench.report.rank import unbeaten
from ntgbench.report.reading import cautions, legend
from ntgbench.report.text import merged_rows, plain, shown, source, unit_of
from ntgbench.suites import TRADEOFF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board, Column
    from ntgbench.report.marks import Mark
    from ntgbench.results import Row

_READING = """\
Quality against cost. A system is **on the front** when no other is at least as good in both and better in one: every
other one costs more without being better, or is worse without costing less. References take no part. Quality is the
primary metric of each quality board of the same dataset; costs are of the efficiency board, of one hardware."""


_BETTER = {"min": "lower is better", "max": "higher is better", "near": "nearer to {:g} is better"}


@dataclass(frozen=True)
class _Pair:
    """A metric and a cost, "time" or "size": one drawing, and three columns of the table."""

    column: Column
    cost: str
    title: str
    head: str


@dataclass(frozen=True)
class Tradeoff:
    """One system's quality and cost; name and reference are those of its `Entry`."""

    name: str
    reference: bool
    quality: dict[str, float]  # by key of the metric
    cost: dict[str, float]  # "time", milliseconds of one item alone, and "size", megabytes on disk
    marks: tuple[Mark, ...] = ()


def render(dataset: str, rows: Sequence[Row]) -> Page | None:
    """The page of a dataset; None when no system has both quality and costs."""
    sections: list[Block] = []
    number_of_section = 0
    every = (board for suite in suites_in(rows) for board in boards(rows, suite))
    for board in (board for board in every if board.common.hardware and board.columns):
        known = quality(rows, board.common.dataset_digest)
        found, pairs = _tradeoffs(board, known), _pairs(known, unit_of(board))
        if len([one for one in found if not one.reference]) < 2:
            continue
        number_of_section += 1
        images = []
        for pair in pairs:
            on_front, metric = front(found, pair.column, pair.cost), pair.column.name
            image = f"{dataset}-tradeoff-{number_of_section}-{pair.cost}.svg"
            points = [
                Point(one.name, one.cost[pair.cost], one.quality[pair.column.key], one.reference, one.name in on_front)
                for one in found
            ]
            better = _BETTER[pair.column.goal].format(pair.column.best or 0.0)
            about = f"{metric} against {pair.title}. On the front: {', '.join(sorted(on_front)) or 'none'}."
            svg = scatter(points, Axis(pair.title, log=True), Axis(f"{metric}, {better}"), about)
            images.append(Picture(image, f"{metric} against {pair.cost}", svg))
        sections += [
            f"## {board.common.protocol} on {plain(board.common.hardware)}",
            f"Costs by protocol `{board.common.protocol}`, quality by `{known.protocol}`{source(board)}.",
            *images,
            *cautions(rows, board.common.dataset_digest),
            _table(found, pairs),
            *legend(mark for one in found for mark in one.marks),
            *merged_rows(board),
        ]
    title = f"{dataset}: quality against cost"
    return Page(f"{dataset}-{TRADEOFF}.md", title, "", dataset, TRADEOFF, (_READING, *sections)) if sections else None


def front(found: Sequence[Tradeoff], column: Column, cost: str) -> set[str]:
    """Names of the ranked systems that no other beats in a metric and a cost."""
    ranked = [one for one in found if not one.reference]
    return unbeaten({one.name: (column.loss(one.quality[column.key]), one.cost[cost]) for one in ranked})


def _pairs(known: Quality, unit: str) -> list[_Pair]:
    """The last suite's metric beside the time of one `unit`, and another one's beside size."""
    costs = (("time", f"ms to make one {unit} alone", f"ms/{unit}"), ("size", "MB on disk", "MB"))
    return [_Pair(column, *cost) for cost, column in zip(costs, reversed(known.columns), strict=False)]


def _tradeoffs(board: Board, known: Quality) -> list[Tradeoff]:
    found = []
    for entry in board.entries:
        took, size = latency(entry), number(entry, "size_mb")
        if entry.name not in known.means or took is None or size is None:
            continue
        cost = {"time": took[0], "size": size}
        # Rows come from anywhere, and what cannot be has no place in a drawing.
        if all(1e-9 < one < 1e12 for one in cost.values()) and all(
            -1e3 <= one <= 1e3 for one in known.means[entry.name].values()
        ):
            marks = known.marks[entry.name]
            found.append(Tradeoff(entry.name, entry.reference, known.means[entry.name], cost, marks))
    return found


def _table(found: Sequence[Tradeoff], pairs: Sequence[_Pair]) -> Table:
    heads, columns = ["system"], []
    for pair in pairs:
        heads += [f"{pair.column.name} {pair.column.sign}", f"{pair.head} ↓", f"on the {pair.cost} front"]
        on_front = front(found, pair.column, pair.cost)
        columns.append((pair, on_front))
    first = pairs[0]
    body = []
    for one in sorted(
        found,
        key=lambda one: (
            one.reference,
            first.column.loss(one.quality[first.column.key]),
            math.log(one.cost[first.cost]),
            one.name,
        ),
    ):
        line: list[str] = [shown(Entry(one.name, one.reference, (), one.marks))]
        for pair, on_front in columns:
            value = f"{one.quality[pair.column.key]:.{pair.column.digits}f}"
            line += [value, f"{one.cost[pair.cost]:,.3f}", "yes" if one.name in on_front else ""]
        body.append(line)
    return Table(heads, body, left=0)
