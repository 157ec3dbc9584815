"""The tables of a page about header traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.report.blocks import Block, Table
from ntgbench.report.cells import no_number
from ntgbench.report.rank import estimate
from ntgbench.report.tables import comparison, parts, pooled
from ntgbench.report.text import EMPTY, code, shown
from ntgbench.tracks.headers.calibration import REFERENCES, TIMES, calibrate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board, Column
    from ntgbench.results import Row

_COMPARED = {"test", "floor"}  # what follows "@" when it is not another form of the metric
DIVERGENCES = {"sa", "da", "sp", "dp", "pr"}  # the paper does not divide these by their maximum
OF_PAPER = ("statistics", "temporal", "bursts")
SHARE_OF_WORST = 0.9


def trace_tables(board: Board, rows: Sequence[Row]) -> list[Block]:  # noqa: ARG001
    """Metrics against the training trace, which of them tell, against held-out traffic, and other forms."""
    headline = [column for column in board.columns if "@" not in column.name]
    told = {column.name: calibrate(board, column) for column in headline}
    ranking = [column for column in headline if column.primary and told[column.name].tells is not False]
    floors = {column.name.partition("@")[0]: column for column in board.columns if column.name.endswith("@floor")}
    tables: list[Block] = ["### Against the training trace"]
    for part in parts(headline):
        floor = [["halves of the training trace", *(pooled(board, floors.get(column.name)) for column in part)]]
        tables.append(comparison(board, part, ranking, floor if floors else []))
    if not ranking:
        silent = [code(column.name) for column in headline if column.primary]
        tables += [f"No ranks: {name} does not tell bad traces from real ones here, see below." for name in silent]
    tables += _calibration(board, headline)
    tables += _shares_of_worst(board, headline)
    held_out = [column for column in board.columns if column.name.endswith("@test")]
    if held_out:
        tables += ["### Against held-out traffic", *(comparison(board, part, []) for part in parts(held_out))]
    forms = [column for column in board.columns if _form(column) and _form(column) not in _COMPARED]
    if forms:
        tables += [
            "### Other forms, never ranked",
            "`@ref` is what the code of the paper computes, where that differs from the definition; the page of the "
            "metric's plugin describes the others.",
            *(comparison(board, part, [], heads=[column.name for column in part]) for part in parts(forms)),
        ]
    return tables + (_costs(board) if board.suite == OF_PAPER[0] else [])


def may_rank(board: Board, column: Column) -> bool:
    """Whether the metric is not known to take bad traces for real ones."""
    return calibrate(board, column).tells is not False


def _form(column: Column) -> str:
    return column.name.partition("@")[2]


def _calibration(board: Board, columns: Sequence[Column]) -> list[Block]:
    """A line for each metric: the numbers of the references, and whether it tells the bad ones from real traffic."""
    found = {column: calibrate(board, column) for column in columns}
    if all(one.tells is None for one in found.values()):
        return []
    known = [name for name in REFERENCES if any(name in one.values for one in found.values())]
    body = []
    for column, one in found.items():
        numbers = [f"{one.values[name]:.{column.digits}f}" if name in one.values else EMPTY for name in known]
        verdict = EMPTY if one.missed is None else f"not {', '.join(one.missed)}" if one.missed else "yes"
        body.append([f"{column.name} {column.sign}", *numbers, verdict])
    bad = next(iter(found.values())).bad
    return [
        "### Calibration",
        f"A metric tells when {', '.join(bad[:-1])} and {bad[-1]} are each at least {TIMES:g} times as far from the "
        "training trace as the later real traffic, `real`. A metric that does not tell ranks nothing.",
        Table(["metric", *known, "tells"], body, left=0),
    ]


def _shares_of_worst(board: Board, columns: Sequence[Column]) -> list[Block]:
    """The paper's normalisation: 0.9 times the distance divided by the largest of the systems that are named."""
    distances = [column for column in columns if column.goal == "min" and column.name not in DIVERGENCES]
    if board.suite not in OF_PAPER or not distances:
        return []
    ranked = [entry for entry in board.entries if not entry.reference]
    entries = ranked if len(ranked) > 1 else board.entries
    means = {
        (entry.name, column.name): estimate(list(values.values())).mean
        for entry in entries
        for column in distances
        if (values := entry.values(column))
    }
    worst = {
        column.name: max((value for (_, name), value in means.items() if name == column.name), default=0.0)
        for column in distances
    }
    body = []
    for entry in entries:
        cells = []
        for column in distances:
            value, most = means.get((entry.name, column.name)), worst[column.name]
            share = SHARE_OF_WORST * (value or 0.0) / most if most else 0.0
            cells.append(no_number(entry, column.key, column.version) if value is None else f"{share:.3f}")
        body.append([shown(entry), *cells])
    names = ", ".join(code(entry.name) for entry in entries)
    return [
        "### As the paper normalises",
        f"{SHARE_OF_WORST} d / max d over {names}: comparable within this set of systems only.",
        Table(["system", *(column.name for column in distances)], body, left=0),
    ]


def _costs(board: Board) -> list[Block]:
    """What the rows took: seconds of fitting and sampling, and memory; means over the seeds, for orientation."""
    body = []
    for entry in sorted(board.entries, key=lambda entry: (entry.reference, entry.name)):
        taken = [[row["phases"].get(name) for row in entry.rows] for name in ("fit", "sample")]
        taken.append([row["peak_memory_mib"] for row in entry.rows])
        known = [[one for one in values if one is not None] for values in taken]
        if all(known):
            means = [estimate(values).mean for values in known]
            body.append([shown(entry), *(f"{mean:,.{digits}f}" for mean, digits in zip(means, (1, 1, 0), strict=True))])
    if not body:
        return []
    return [
        "### What it took",
        "Wall-clock seconds of a fit and of a sample as large as the training trace, and the largest memory, metrics "
        "included. Other cells ran beside, so this is no ranking.",
        Table(["system", "fit s", "sample s", "peak MiB"], body, left=0),
    ]
