"""The efficiency board: one section a machine, with the tables of the paper's RQ4."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ntgbench.efficiency.columns import COLUMNS, TABLES
from ntgbench.report.blocks import Block, Table
from ntgbench.report.board import Entry
from ntgbench.report.cells import no_number, system_lines
from ntgbench.report.quality import Quality, quality
from ntgbench.report.reading import legend
from ntgbench.report.text import EMPTY, bullets, code, plain, unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ntgbench.report.board import Board
    from ntgbench.results import Row

SLOW = 1.1
"""A row is marked as slow when its reference workload took this many times the shortest one on the board."""


def tables(board: Board, rows: Sequence[Row]) -> list[Block]:
    """All tables of one machine; `rows` are the dataset's, those of quality among them."""
    unit, known = unit_of(board), quality(rows, board.common.dataset_digest)
    entries = [replace(entry, marks=known.marks.get(entry.name, ())) for entry in board.entries]
    parts: list[Block] = []
    ranks: dict[str, int] | None = _ranks(board.entries)
    for title, columns in list(TABLES.items())[:3]:
        heads = {column.key: column.head.format(unit=unit) for column in columns}
        parts += [f"### {title.format(unit=unit)}", _table(entries, heads, ranks)]
        ranks = None
    return [
        *parts,
        *legend(mark for entry in entries for mark in entry.marks),
        *_variants(board, known, unit),
        *bullets("Conditions:", [*_conditions(board), *_slow(board)]),
    ]


def latency(entry: Entry) -> tuple[float, float, float] | None:
    """Shortest milliseconds of an item with its interval; over several seeds their mean, and the widest interval."""
    value = number(entry, "sample_shortest_ms")
    if value is None:
        return None
    found = [metric for row in entry.rows if (metric := row["metrics"].get("efficiency/sample_shortest_ms"))]
    return value, min(one.get("low", value) for one in found), max(one.get("high", value) for one in found)


def number(entry: Entry, name: str) -> float | None:
    """Mean of a column over the entry's seeds, None when it has no number."""
    found = [row["metrics"].get(f"efficiency/{name}") for row in entry.rows]
    values = [metric["value"] for metric in found if metric is not None and metric["value"] is not None]
    return sum(values) / len(values) if values else None


def _table(entries: Sequence[Entry], heads: Mapping[str, str], ranks: Mapping[str, int] | None) -> Table:
    """Systems by their latency, references last; columns without any number are left out."""
    names = [name for name in heads if any(number(entry, name) is not None for entry in entries)]
    order = sorted(entries, key=lambda one: (one.reference, (latency(one) or (math.inf,))[0], one.name))
    body = system_lines(order, lambda entry: [_cell(entry, name) for name in names], ranks)
    columns = [*([] if ranks is None else ["rank"]), "system", *(heads[name] for name in names)]
    return Table(columns, body, left=columns.index("system"))


def _ranks(entries: Sequence[Entry]) -> dict[str, int]:
    """1 + the number of systems whose interval lies below a system's own."""
    found = {one.name: took for one in entries if not one.reference and (took := latency(one)) is not None}
    return {name: 1 + sum(high < low for _, _, high in found.values()) for name, (_, low, _) in found.items()}


def _cell(entry: Entry, name: str) -> str:
    value, key = number(entry, name), f"efficiency/{name}"
    if value is None:
        return no_number(entry, key)
    metric = next(row["metrics"][key] for row in entry.rows if key in row["metrics"])
    digits = metric["digits"]
    if "low" not in metric or len(entry.rows) > 1:
        return f"{value:,.{digits}f}"
    if 0 < value < 1:
        digits = max(digits, 2 - math.floor(math.log10(value)))  # three figures
    mark = "*" if metric.get("outliers") else ""
    return f"{value:,.{digits}f}{mark} [{metric['low']:,.{digits}f}, {metric['high']:,.{digits}f}]"


def _variants(board: Board, known: Quality, unit: str) -> list[Block]:
    """Each system that starts from another's model, beside it: share of 8 bits, size, time, and change of quality."""
    by_name = {entry.name: entry for entry in board.entries}
    body = []
    for entry in board.entries:
        base = by_name.get(entry.rows[0].get("base", ""))
        if base is None:
            continue
        here, there = latency(entry), latency(base)
        ratio = EMPTY if here is None or there is None else f"{here[0] / there[0]:.2f}"
        before, after = known.means.get(base.name), known.means.get(entry.name)
        change = [
            EMPTY if before is None or after is None else f"{after[one.key] - before[one.key]:+.{one.digits}f}"
            for one in reversed(known.columns)
        ]
        cells = [_cell(entry, "int8_share"), _cell(entry, "size_mb"), _cell(base, "size_mb"), ratio, *change]
        body.append([code(entry.name), code(base.name), *cells])
    if not body:
        return []
    heads = ["system", "of", COLUMNS["int8_share"].head, "MB", "MB of its base", f"ms/{unit} by its base's"]
    heads += [f"{one.name} difference" for one in reversed(known.columns)]
    return ["### Variants of a fitted model", Table(heads, body, left=0)]


def _slow(board: Board) -> list[str]:
    """A line for each row whose reference workload took more than `SLOW` times the shortest one."""
    found = [number(Entry("", False, (row,)), "reference_ms") or 0.0 for row in board.rows]
    best = min(filter(None, found), default=1.0)
    return [
        f"Measured while the machine was slow: {code(row['system'])}, seed {row['seed']}; reference {took / best:.2f} "
        "times."
        for row, took in zip(board.rows, found, strict=True)
        if took > SLOW * best
    ]


def _conditions(board: Board) -> list[str]:
    """Clock, load, and clock rate of the processor, over all rows."""
    machines = [row["machine"] for row in board.rows]
    lines = [f"Clock: {plain(name)}." for name in sorted({one["clock"] for one in machines if "clock" in one})]
    for key, words in (("load", "Load average before"), ("mhz", "Processor's MHz")):
        values = [machine[key] for machine in machines if isinstance(machine.get(key), int | float)]
        if values:
            lines.append(f"{words}: {min(values):g} to {max(values):g}.")
    return lines
