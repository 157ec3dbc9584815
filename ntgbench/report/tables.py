"""Tables of a board: systems ranked by a metric, with intervals, references and controls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ntgbench.plugins import registry
from ntgbench.report.blocks import Block, Cell, Table
from ntgbench.report.cells import no_number, reason, system_lines
from ntgbench.report.rank import estimate, ranks, resolution
from ntgbench.report.text import EMPTY, code, shown
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ntgbench.report.board import Board, Column, Entry


WIDEST = 8
"""Columns of a table of metrics."""

_RANK = "1 + the number of systems that are better beyond doubt; systems that cannot be told apart share a rank."


def usual_tables(board: Board) -> list[Block]:
    """The headline metrics of a board's suite, and below them its controls."""
    columns = board.columns
    headline = [column for column in columns if "@" not in column.key]
    floors = {column.key.removesuffix("@floor"): column for column in columns if column.key.endswith("@floor")}
    own = {key: floors.pop(key) for key, column in list(floors.items()) if _depends_on_system(board, column)}
    columns_shown = [one for column in headline for one in (column, own.get(column.key)) if one is not None]
    tables: list[Block] = []
    for part in parts(columns_shown):
        heads = [f"floor of {one.name.partition('@')[0]}" if one in own.values() else _head(one) for one in part]
        floor = ["real-vs-real floor", *(pooled(board, floors.get(column.key)) for column in part)]
        tables.append(comparison(board, part, headline[:1], [floor] if floors else [], heads))
    tables += filter(None, [_resolution(board, headline[:1])])
    controls = [column for column in columns if column.key.endswith(("@train", "@test"))]
    if controls:
        tables.append("Control: the same metrics against the other side of the split.")
        tables += [comparison(board, part, []) for part in parts(controls)]
    return tables


def parts(columns: Sequence[Column]) -> list[Sequence[Column]]:
    """The columns in tables of equal width that are not too wide."""
    number = -(-len(columns) // WIDEST)
    width = -(-len(columns) // max(number, 1))
    return [columns[at : at + width] for at in range(0, len(columns), max(width, 1))]


def _depends_on_system(board: Board, floor: Column) -> bool:
    """Whether systems have different floors of one seed, as they are printed."""
    found: dict[int, set[float]] = {}
    for entry in board.entries:
        for seed, value in entry.values(floor).items():
            found.setdefault(seed, set()).add(round(value, floor.digits))
    return any(len(values) > 1 for values in found.values())


def _resolution(board: Board, primary: Sequence[Column]) -> str | None:
    """A sentence with the smallest difference of the primary metric that is no noise, see `rank.resolution`."""
    halves = [column for column in board.columns if column.key in {f"{one.key}@halves" for one in primary}]
    apart = {
        seed: (metric["value"] or 0.0, metric.get("count", 0))
        for column in halves
        for entry in board.entries
        for seed, metric in entry.measured(column).items()
    }
    least = resolution(apart)
    if least is None:
        return None
    return (
        f"Differences of {code(primary[0].name)} below {least:.2g} are noise here: two halves of the real training "
        "traffic, measured as two systems, differ by as much."
    )


def comparison(
    board: Board,
    columns: Sequence[Column],
    ranking: Sequence[Column],
    extra: Sequence[list[str]] = (),
    heads: Sequence[str] | None = None,
) -> Table:
    """A table: ranked systems by the mean of the `ranking` columns, then references and `extra` rows."""
    ranked = [entry for entry in board.entries if not entry.reference]
    overlap = board.overlap or 0.0
    losses = {entry.name: _losses(entry, ranking) for entry in board.entries}
    placed = {entry.name: losses[entry.name] for entry in ranked if losses[entry.name] and not board.unranked}
    rank = ranks(placed, ranking[0].digits, overlap) if placed else {}
    order = sorted(ranked, key=lambda e: (rank.get(e.name, math.inf), _place(losses[e.name]), e.name))
    rated = [column for column in columns if not board.unranked and not column.key.endswith("@floor")]
    best = {column: _best(ranked, column) for column in rated}

    def cells(entry: Entry) -> list[str]:
        return [cell(entry, column, None if entry.reference else best.get(column), overlap) for column in columns]

    body = system_lines(order, cells, rank)
    references = [entry for entry in board.entries if entry.reference]
    below = [
        [EMPTY, shown(entry), *cells(entry)]
        for entry in sorted(references, key=lambda e: (_place(losses[e.name]), e.name))
    ]
    below += [[EMPTY, f"*{row[0]}*", *row[1:]] for row in extra]
    told = [Cell(head, meaning(one)) for head, one in zip(heads or map(_head, columns), columns, strict=True)]
    return Table([Cell("rank", _RANK), "system", *told], body, below)


def _head(column: Column) -> str:
    metric, _, at = column.name.partition("@")
    return f"{metric}{' vs ' + at if at else ''} {column.sign}"


_BETTER = {"min": "Lower is better.", "max": "Higher is better.", "near": "The nearer to {:g} the better."}


def meaning(column: Column) -> str:
    """What a column's numbers are, as far as the installation knows the metric, and which are better."""
    metric = column.name.partition("@")[0]
    known = registry().metrics().get(metric)
    about = f": {known.summary}" if known is not None and known.version == column.version else ""
    return f"{metric}{about}. {_BETTER[column.goal].format(column.best or 0.0)}"


def cell(entry: Entry, column: Column, best: float | None, overlap: float) -> str:
    """The mean of the seeds with its interval, or with one seed the number with the interval that the metric gave."""
    found = entry.measured(column)
    if not found:
        return no_number(entry, column.key, column.version)
    values = list(entry.values(column).values())
    text = estimate(values, overlap).text(column.digits)
    (one, *others) = found.values()
    if not others and "low" in one:
        text += f" [{one['low']:.{column.digits}f}, {one['high']:.{column.digits}f}]"
    text = f"**{text}**" if best is not None and round(_mean_loss(column, values), column.digits) == best else text
    without = len(entry.rows) - len(values)
    return Cell(text, f"without {pluralised(without, 'seed')}: {reason(entry, column.key)}") if without else text


def _mean_loss(column: Column, values: Iterable[float]) -> float:
    lost = [column.loss(value) for value in values]
    return math.fsum(lost) / len(lost)


def _best(entries: Sequence[Entry], column: Column) -> float | None:
    """The least mean loss as it is printed; None when there is nothing to compare."""
    found = [_mean_loss(column, values.values()) for entry in entries if (values := entry.values(column))]
    return round(min(found), column.digits) if len(found) > 1 else None


def _losses(entry: Entry, columns: Sequence[Column]) -> dict[int, float]:
    """The mean loss over the columns, for each seed that has all of them."""
    values = [entry.values(column) for column in columns]
    seeds = set.intersection(*(set(v) for v in values)) if values else set()
    return {
        seed: math.fsum(column.loss(v[seed]) for column, v in zip(columns, values, strict=True)) / len(columns)
        for seed in seeds
    }


def _place(losses: Mapping[int, float]) -> float:
    """What systems are sorted by: the mean loss, and last those without a number."""
    return math.fsum(losses.values()) / len(losses) if losses else math.inf


def pooled(board: Board, column: Column | None) -> str:
    """A number that does not depend on the system, over the seeds."""
    if column is None:
        return EMPTY
    by_seed: dict[int, float] = {}
    for entry in board.entries:
        by_seed.update(entry.values(column))
    found = list(by_seed.values())
    return estimate(found, board.overlap or 0.0).text(column.digits) if found else EMPTY
