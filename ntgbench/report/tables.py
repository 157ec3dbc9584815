"""Tables of a board: systems ranked by a metric, with intervals, references and controls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ntgbench.report.cells import no_number, system_lines
from ntgbench.report.rank import Estimate, estimate, ranks
from ntgbench.report.text import EMPTY, shown, table

if TYPE_CHECKING:
    from ntgbench.report.board import Board, Column, Entry

ARROW = {"min": "↓", "max": "↑", "near": "≈"}


def usual_tables(board: Board) -> list[str]:
    """The headline metrics of a board's suite, and below them its controls."""
    columns = board.columns
    headline = [column for column in columns if "@" not in column.key]
    floors = {column.key.removesuffix("@floor"): column for column in columns if column.key.endswith("@floor")}
    extra = []
    if floors:
        extra.append(["real-vs-real floor", *(pooled(board, floors.get(column.key)) for column in headline)])
    tables = [comparison(board, headline, headline[:1], extra)]
    controls = [column for column in columns if column.key.endswith(("@train", "@test"))]
    if controls:
        tables += ["Control: the same metrics against the other side of the split.", comparison(board, controls, [])]
    return tables


def comparison(
    board: Board,
    columns: Sequence[Column],
    ranking: Sequence[Column],
    extra: Sequence[list[str]] = (),
    heads: Sequence[str] | None = None,
) -> str:
    """A Markdown table: ranked systems by the mean of the `ranking` columns, then references and `extra` rows."""
    ranked = [entry for entry in board.entries if not entry.reference]
    scores = {entry.name: _mean_by_seed(entry, ranking) for entry in ranked} if ranking else {}
    placed = {name: values for name, values in scores.items() if values}
    rank = ranks(placed, ranking[0].goal, ranking[0].digits) if placed else {}
    sign = -1.0 if ranking and ranking[0].goal == "max" else 1.0
    order = sorted(ranked, key=lambda e: (rank.get(e.name, math.inf), _place(placed.get(e.name), sign), e.name))
    best = {column: _best(ranked, column) for column in columns}
    body = system_lines(order, lambda entry: [_cell(entry, column, best[column]) for column in columns], rank)
    references = [entry for entry in board.entries if entry.reference]
    if references or extra:
        body.append(["", "*references*", *("" for _ in columns)])
    body += [
        [EMPTY, shown(entry), *(_cell(entry, column, None) for column in columns)]
        for entry in sorted(references, key=lambda e: (_place(_mean_by_seed(e, ranking), sign), e.name))
    ]
    body += [[EMPTY, f"*{row[0]}*", *row[1:]] for row in extra]
    return table(["rank", "system", *(heads or map(_head, columns))], body)


def _head(column: Column) -> str:
    metric, _, at = column.name.partition("@")
    return f"{metric}{' vs ' + at if at else ''} {ARROW[column.goal]}"


def _cell(entry: Entry, column: Column, best: Estimate | None) -> str:
    values = list(entry.values(column).values())
    if not values:
        return no_number(entry, column.key, column.version)
    found = estimate(values)
    text = found.text(column.digits)
    is_best = best is not None and f"{found.mean:.{column.digits}f}" == f"{best.mean:.{column.digits}f}"
    return f"**{text}**" if is_best else text


def _best(entries: Sequence[Entry], column: Column) -> Estimate | None:
    found = [estimate(list(values.values())) for entry in entries if (values := entry.values(column))]
    if len(found) < 2:
        return None
    return (max if column.goal == "max" else min)(found, key=lambda one: one.mean)


def _mean_by_seed(entry: Entry, columns: Sequence[Column]) -> dict[int, float]:
    """The mean over the columns, for each seed that has all of them."""
    values = [entry.values(column) for column in columns]
    seeds = set.intersection(*(set(v) for v in values)) if values else set()
    return {seed: math.fsum(v[seed] for v in values) / len(values) for seed in seeds}


def _place(values: dict[int, float] | None, sign: float) -> float:
    """What systems are sorted by: the mean, best first, and last those without a number."""
    return sign * math.fsum(values.values()) / len(values) if values else math.inf


def pooled(board: Board, column: Column | None) -> str:
    """A number that does not depend on the system, over the seeds."""
    if column is None:
        return EMPTY
    by_seed: dict[int, float] = {}
    for entry in board.entries:
        by_seed.update(entry.values(column))
    return estimate(list(by_seed.values())).text(column.digits) if by_seed else EMPTY
