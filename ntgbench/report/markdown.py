"""Leaderboards as Markdown: pure text made of rows, the same bytes wherever it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.plugins import registry, resolve
from ntgbench.report import across, tradeoff
from ntgbench.report.board import Board, boards, suites_in
from ntgbench.report.failures import metrics_that_failed, rows_that_failed
from ntgbench.report.reading import caution_lines, cautions, intervals, legend
from ntgbench.report.tables import usual_tables
from ntgbench.report.text import bullets, merged_rows, notes, origin, plain, seeds, source
from ntgbench.results import identity
from ntgbench.suites import Suite
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.results import Row

MARK = "<!-- Written by ntgbench from rows.jsonl; edits are lost. -->"
"""First line of every file, by which ntgbench knows its own."""


def render(rows: Sequence[Row]) -> dict[str, str]:
    """Text of each leaderboard file by name, the same for rows in any order: one a dataset and suite, and README.md."""
    rows = sorted(rows, key=identity)
    files = {}
    for dataset in sorted({row["dataset"] for row in rows}):
        own = [row for row in rows if row["dataset"] == dataset]
        files.update(tradeoff.render(dataset, own))
        for name in suites_in(own):
            found = [board for board in boards(own, name) if board.columns]
            if not found:  # rows from elsewhere can have metrics of a suite for which they have no key
                continue
            about = _suite(name, found[0].common.track)
            sections = (_section(board, _suite(name, board.common.track), own) for board in found)
            parts = [f"# {dataset}: {name}", about.reading, *sections]
            files[f"{dataset}-{name}.md"] = "\n\n".join(part for part in (*parts, about.closing) if part) + "\n"
    ranks = across.render(rows)
    if ranks is not None:
        files[across.PAGE] = ranks
    files["README.md"] = _index(rows, set(files))
    # In a drawing the mark is a comment as well.
    return {name: f"{MARK}\n{'' if name.endswith('.svg') else chr(10)}{text}" for name, text in files.items()}


def _suite(name: str, track: str) -> Suite:
    """What the installation knows of a suite; only its name where it is not installed."""
    return registry().suites(track).get(name) or Suite(name, "", "")


def _section(board: Board, suite: Suite, rows: Sequence[Row]) -> str:
    """One board's tables, with what was run, what to know about it, and what went wrong."""
    common = board.common
    hardware = f" on {plain(common.hardware)}" if common.hardware else ""
    about = "." if common.hardware else f", {seeds(board)}. {intervals(board)}".rstrip()
    parts = [
        f"## {common.protocol}{hardware}",
        f"Protocol `{common.protocol}` version {common.version} (`{common.key}`), dataset `{common.dataset_digest}`"
        f"{source(board)}{about}",
        *cautions(rows, common.dataset_digest),
        *_tables(board, suite, rows),
        *legend(mark for entry in board.entries for mark in entry.marks),
        *merged_rows(board),
        *bullets("Failed:", rows_that_failed(board)),
        *bullets("Metrics without a value:", metrics_that_failed(board, suite.name, suite.metrics_of)),
        *bullets("Notes:", notes(board)),
        origin(board),
    ]
    return "\n\n".join(parts)


def _tables(board: Board, suite: Suite, rows: Sequence[Row]) -> list[str]:
    """The suite's own tables, or the usual ones where it has none or they fail: no row is lost by a plugin."""
    if suite.tables is None:
        return usual_tables(board)
    try:
        return [str(block) for block in resolve(suite.tables)(board, rows)]
    except Exception as error:  # a plugin's tables may fail in any way
        failed = plain(f"{suite.tables}: {type(error).__name__}: {error}"[:500])
        return [*usual_tables(board), *bullets("Tables that failed:", [failed])]


def _index(rows: Sequence[Row], files: set[str]) -> str:
    parts = [
        "# Leaderboards",
        "Written by `ntgbench run`; `ntgbench leaderboard` makes the same bytes from `rows.jsonl`.",
    ]
    for dataset in sorted({row["dataset"] for row in rows}):
        own = [row for row in rows if row["dataset"] == dataset]
        pages = {suite: f"{dataset}-{suite}.md" for suite in suites_in(own)}
        pages = {suite: page for suite, page in pages.items() if page in files}
        if f"{dataset}-tradeoff.md" in files:
            pages["quality against cost"] = f"{dataset}-tradeoff.md"
        links = ", ".join(f"[{title}]({name})" for title, name in pages.items())
        systems = pluralised(len({row["system"] for row in own}), "system")
        parts.append(f"- **{dataset}**: {links or 'no cell has a number'} ({systems}, {pluralised(len(own), 'cell')})")
        parts += [f"  - {line}" for line in caution_lines(own)]
        if not links:
            parts += [f"  - {line}" for board in boards(own) for line in rows_that_failed(board)]
    if across.PAGE in files:
        parts.append(f"- [Ranks over datasets and seeds]({across.PAGE})")
    return "\n\n".join(parts[:2]) + "\n\n" + "\n".join(parts[2:]) + "\n"
