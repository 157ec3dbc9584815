"""The pages of a leaderboard, made of rows: one for each dataset and suite, `PAGES`, and ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.plugins import registry, resolve
from ntgbench.report import across, front, tradeoff
from ntgbench.report.blocks import Block, Folded, Page
from ntgbench.report.board import Board, boards, suites_in
from ntgbench.report.failures import metrics_that_do_not_apply, metrics_that_failed, rows_that_failed
from ntgbench.report.reading import cautions, intervals, legend
from ntgbench.report.tables import usual_tables
from ntgbench.report.text import bullets, merged_rows, notes, origin, plain, seeds, source
from ntgbench.results import identity
from ntgbench.suites import Suite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.results import Row


def pages(rows: Sequence[Row]) -> list[Page]:
    """The pages, the same for rows in any order: for each dataset those of its suites, costs and copies; ranks last."""
    rows = sorted(rows, key=identity)
    made: list[Page | None] = []
    for dataset in sorted({row["dataset"] for row in rows}):
        own = [row for row in rows if row["dataset"] == dataset]
        made += [_of_suite(dataset, name, own) for name in suites_in(own)]
        made += [tradeoff.render(dataset, own), front.render(dataset, own)]
    made.append(across.render(rows))
    return [page for page in made if page is not None]


def _of_suite(dataset: str, name: str, rows: Sequence[Row]) -> Page | None:
    found = [board for board in boards(rows, name) if board.columns]
    if not found:  # rows from elsewhere can have metrics of a suite for which they have no key
        return None
    track = found[0].common.track
    about = _suite(name, track)
    sections = [block for board in found for block in _section(board, _suite(name, board.common.track), rows)]
    blocks = tuple(block for block in (about.reading, *sections, about.closing) if block)
    return Page(f"{dataset}-{name}.md", f"{dataset}: {name}", track, dataset, name, blocks, tuple(found))


def _suite(name: str, track: str) -> Suite:
    """What the installation knows of a suite; only its name where it is not installed."""
    return registry().suites(track).get(name) or Suite(name, "", "")


def _section(board: Board, suite: Suite, rows: Sequence[Row]) -> list[Block]:
    """One board's tables, with what was run, what to know about it, and what went wrong."""
    common = board.common
    hardware = f" on {plain(common.hardware)}" if common.hardware else ""
    about = "." if common.hardware else f", {seeds(board)}. {intervals(board)}".rstrip()
    run = f"Protocol `{common.protocol}` version {common.version} (`{common.key}`), dataset `{common.dataset_digest}`"
    return [
        f"## {common.protocol}{hardware}",
        Folded(f"{run}{source(board)}", about),
        *cautions(rows, common.dataset_digest),
        *_tables(board, suite, rows),
        *legend(mark for entry in board.entries for mark in entry.marks),
        *merged_rows(board),
        *bullets("Failed:", rows_that_failed(board), warns=True),
        *bullets("Not applicable (n/a):", metrics_that_do_not_apply(board)),
        *bullets("Metrics without a value:", metrics_that_failed(board, suite.name, suite.metrics_of)),
        *bullets("Notes:", notes(board)),
        Folded(origin(board)),
    ]


def _tables(board: Board, suite: Suite, rows: Sequence[Row]) -> list[Block]:
    """The suite's own tables, or the usual ones where it has none or they fail: no row is lost by a plugin."""
    if suite.tables is None:
        return usual_tables(board)
    try:
        return [block if isinstance(block, Block) else str(block) for block in resolve(suite.tables)(board, rows)]
    except Exception as error:  # a plugin's tables may fail in any way
        failed = plain(f"{suite.tables}: {type(error).__name__}: {error}"[:500])
        return [*usual_tables(board), *bullets("Tables that failed:", [failed])]
