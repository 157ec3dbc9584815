"""Leaderboards as Markdown: pure text made of rows, the same bytes wherever it is made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ntgbench.report import efficiency, tradeoff
from ntgbench.report.board import Board, Column, Entry, boards, suites_of
from ntgbench.report.failures import metrics_that_failed, rows_that_failed
from ntgbench.report.rank import Estimate, estimate, ranks
from ntgbench.report.text import EMPTY, bullets, merged_rows, notes, origin, seeds, shown, source, table
from ntgbench.results import identity
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.results import Row

MARK = "<!-- Written by ntgbench from rows.jsonl; edits are lost. -->"
"""First line of every file, by which ntgbench knows its own."""

_ARROW = {"min": "↓", "max": "↑"}

_READING = {
    "fidelity": """\
How close synthetic traffic comes to real traffic. Jensen-Shannon divergences (base 2, in 0..1) compare it with
held-out traffic, class by class with equal counts; `leakage`, `train_share` and `uniqalign` compare it with the
training traffic. Lower is better, but no honest generator goes below the **real-vs-real floor**, what two halves of
real traffic score: leakage far below the floor means traffic that is unlike the real one, not privacy. `copy`, a
bootstrap of the training set, shows that fidelity alone can be had by copying.""",
    "utility": """\
How useful synthetic traffic is in the place of real traffic: a random forest learns from synthetic biflows alone, as
many of each class as the training set has, and is tested on held-out real ones. `real`, trained on the real training
set, is the ceiling; `marginals`, which knows no order of packets, the floor.""",
    "augmentation": """\
How much synthetic traffic helps where real traffic is scarce: of each class the given share of the training biflows is
available, synthetic ones raise every class to the largest class of the whole training set, and a random forest is
tested on held-out real biflows. Rank and bold follow the mean over the shares.

**Mind the information advantage:** generators have learnt from the whole training set, as in the paper, while
augmenters see the available biflows only. Columns marked `subset` are generators that have learnt from the available
biflows alone. `no augmentation` is the available biflows by themselves.""",
    "efficiency": efficiency.READING,
}


def render(rows: Sequence[Row]) -> dict[str, str]:
    """Text of each leaderboard file by name, the same for rows in any order: one a dataset and suite, and README.md."""
    rows = sorted(rows, key=identity)
    files = {}
    for dataset in sorted({row["dataset"] for row in rows}):
        own = [row for row in rows if row["dataset"] == dataset]
        files.update(tradeoff.render(dataset, own))
        for suite in suites_of(own):
            parts = [f"# {dataset}: {suite}", _READING.get(suite, "")]
            parts += [_section(board, suite, own) for board in boards(own) if board.columns(suite)]
            parts += efficiency.quoted() if suite == "efficiency" else []
            files[f"{dataset}-{suite}.md"] = "\n\n".join(part for part in parts if part) + "\n"
    files["README.md"] = _index(rows, set(files))
    # In a drawing the mark is a comment as well.
    return {name: f"{MARK}\n{'' if name.endswith('.svg') else chr(10)}{text}" for name, text in files.items()}


def _section(board: Board, suite: str, rows: Sequence[Row]) -> str:
    return efficiency.section(board, rows) if suite == "efficiency" else section(board, suite)


def section(board: Board, suite: str) -> str:
    """One board's tables of one suite, with what was run, what to know about it, and what went wrong."""
    protocol, version, digest, dataset_digest, _ = board.common
    tables = augmentation_tables(board) if suite == "augmentation" else comparison_tables(board, suite)
    parts = [
        f"## {protocol}",
        f"Protocol `{protocol}` version {version} (`{digest}`), dataset `{dataset_digest}`{source(board)}, "
        f"{seeds(board)}. Mean ± half of the 95% interval over the seeds: other splits, fits and samples of this "
        "dataset, not other datasets.",
        *tables,
        *merged_rows(board),
        *bullets("Failed:", rows_that_failed(board)),
        *bullets("Metrics without a value:", metrics_that_failed(board, suite)),
        *bullets("Notes:", notes(board)),
        origin(board),
    ]
    return "\n\n".join(parts)


def comparison_tables(board: Board, suite: str) -> list[str]:
    """The headline metrics of a suite, and below them its controls."""
    columns = board.columns(suite)
    headline = [column for column in columns if "@" not in column.key]
    floors = {column.key.removesuffix("@floor"): column for column in columns if column.key.endswith("@floor")}
    extra = []
    if floors:
        extra.append(["real-vs-real floor", *(_pooled(board, floors.get(column.key)) for column in headline)])
    tables = [_table(board, headline, headline[:1], extra)]
    controls = [column for column in columns if column.key.endswith(("@train", "@test"))]
    if controls:
        tables += ["Control: the same metrics against the other side of the split.", _table(board, controls, [], [])]
    return tables


def augmentation_tables(board: Board) -> list[str]:
    """A table for each metric, one column a share."""
    columns = board.columns("augmentation")
    tables = []
    for name in dict.fromkeys(column.name.partition("@")[0] for column in columns):
        own = sorted((column for column in columns if column.name.partition("@")[0] == name), key=_share)
        augmented = [column for column in own if not column.key.endswith(",none")]
        bare = {column.key.removesuffix(",none"): column for column in own if column.key.endswith(",none")}
        full = [column for column in augmented if "," not in column.key] or augmented
        extra = [["no augmentation", *(_pooled(board, bare.get(column.key)) for column in augmented)]]
        tables += [f"### {name} {_ARROW[own[0].goal]}", _table(board, augmented, full, extra)]
    return tables


def _share(column: Column) -> tuple[str, float]:
    share, _, arm = column.name.partition("@")[2].partition(",")
    return (arm, float(share.rstrip("%")))


def _table(board: Board, columns: Sequence[Column], ranking: Sequence[Column], extra: list[list[str]]) -> str:
    """A Markdown table: ranked systems by the mean of the `ranking` columns, then references and `extra` rows."""
    ranked = [entry for entry in board.entries if not entry.reference]
    scores = {entry.name: _mean_by_seed(entry, ranking) for entry in ranked} if ranking else {}
    placed = {name: values for name, values in scores.items() if values}
    rank = ranks(placed, ranking[0].goal, ranking[0].digits) if placed else {}
    sign = -1.0 if ranking and ranking[0].goal == "max" else 1.0
    order = sorted(ranked, key=lambda e: (rank.get(e.name, math.inf), _place(placed.get(e.name), sign), e.name))
    best = {column: _best(ranked, column) for column in columns}
    body = [
        [
            str(rank.get(entry.name, EMPTY)),
            shown(entry),
            *(_cell(entry, column, best[column]) for column in columns),
        ]
        for entry in order
    ]
    references = [entry for entry in board.entries if entry.reference]
    if references or extra:
        body.append(["", "*references*", *("" for _ in columns)])
    body += [
        [EMPTY, shown(entry), *(_cell(entry, column, None) for column in columns)]
        for entry in sorted(references, key=lambda e: (_place(_mean_by_seed(e, ranking), sign), e.name))
    ]
    body += [[EMPTY, f"*{row[0]}*", *row[1:]] for row in extra]
    heads = ["rank", "system", *(_head(column) for column in columns)]
    return table(heads, body)


def _head(column: Column) -> str:
    metric, _, at = column.name.partition("@")
    if column.key.startswith("augmentation/"):
        return at.replace(",", " ")
    return f"{metric}{' vs ' + at if at else ''} {_ARROW[column.goal]}"


def _cell(entry: Entry, column: Column, best: Estimate | None) -> str:
    values = list(entry.values(column).values())
    if not values:
        measured = [row["metrics"][column.key] for row in entry.rows if column.key in row["metrics"]]
        if any(metric["version"] != column.version for metric in measured):
            return "outdated"
        return "failed" if measured or any(row["status"] == "failed" for row in entry.rows) else EMPTY
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


def _pooled(board: Board, column: Column | None) -> str:
    """A number that does not depend on the system, over the seeds."""
    if column is None:
        return EMPTY
    by_seed: dict[int, float] = {}
    for entry in board.entries:
        by_seed.update(entry.values(column))
    return estimate(list(by_seed.values())).text(column.digits) if by_seed else EMPTY


def _index(rows: Sequence[Row], files: set[str]) -> str:
    parts = [
        "# Leaderboards",
        "Written by `ntgbench run`; `ntgbench leaderboard` makes the same bytes from `rows.jsonl`.",
    ]
    for dataset in sorted({row["dataset"] for row in rows}):
        own = [row for row in rows if row["dataset"] == dataset]
        pages = {suite: f"{dataset}-{suite}.md" for suite in suites_of(own)}
        if f"{dataset}-tradeoff.md" in files:
            pages["quality against cost"] = f"{dataset}-tradeoff.md"
        links = ", ".join(f"[{title}]({name})" for title, name in pages.items())
        systems = pluralised(len({row["system"] for row in own}), "system")
        parts.append(f"- **{dataset}**: {links or 'no cell has a number'} ({systems}, {pluralised(len(own), 'cell')})")
        if not links:
            parts += [f"  - {line}" for board in boards(own) for line in rows_that_failed(board)]
    return "\n\n".join(parts[:2]) + "\n\n" + "\n".join(parts[2:]) + "\n"
