"""The tables of the utility page: beside the usual ones, F1 of each class, and which classes are taken for another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.report.blocks import Block, Table
from ntgbench.report.tables import usual_tables
from ntgbench.report.text import EMPTY, bullets, code, shown
from ntgbench.words import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board, Column, Entry
    from ntgbench.results import Row

WIDEST = 8
"""Systems of a table."""

MOST_TOLD = 3
"""Confusions of a system that are told."""

REAL = "real"
"""The reference that is shown beside the ranked systems: what a classifier recognises that has learnt real traffic."""


@dataclass(frozen=True)
class Classes:
    """What a classifier that learnt from one system made of each class, from the confusion matrices of all seeds."""

    entry: Entry
    f1: dict[str, float]  # mean over the seeds, of the classes with biflows tested
    tested: dict[str, float]  # biflows, mean over the seeds
    taken: dict[tuple[str, str], tuple[int, float]]  # by class and what it is taken for: biflows, share
    mean: float  # of f1


def utility_tables(board: Board, rows: Sequence[Row]) -> list[Block]:  # noqa: ARG001
    """The usual tables; F1 of each class for the ranked systems and `real`; the most frequent confusions."""
    column = next((column for column in board.columns if column.primary), None)
    if column is None:
        return usual_tables(board)
    wanted = [entry for entry in board.entries if not entry.reference or entry.rows[0]["system"] == REAL]
    found = [classes for entry in wanted if (classes := classes_of(entry, column)) is not None]
    found.sort(key=lambda one: (one.entry.reference, -one.mean, one.entry.name))
    told = [f"{shown(one.entry)}: {'; '.join(_told(one))}" for one in found if one.taken]
    return [*usual_tables(board), *_by_class(found), *bullets("Most frequent confusions:", told)]


def _by_class(found: Sequence[Classes]) -> list[Block]:
    """Tables of equal width with a line for each class."""
    if not found:
        return []
    names = sorted({name for one in found for name in one.f1})
    tested = {name: max(one.tested.get(name, 0.0) for one in found) for name in names}
    number = -(-len(found) // WIDEST)
    width = -(-len(found) // number)
    tables: list[Block] = []
    for at in range(0, len(found), width):
        part = found[at : at + width]
        body = [
            [_name(name), f"{tested[name]:.0f}", *(f"{one.f1[name]:.3f}" if name in one.f1 else EMPTY for one in part)]
            for name in names
        ]
        tables.append(Table(["class", "tested", *(shown(one.entry) for one in part)], body, left=0))
    about = "Means over the seeds; `tested` is the number of held-out biflows of the class, of one seed on average."
    return ["### F1 of each class", about, *tables]


def classes_of(entry: Entry, column: Column) -> Classes | None:
    """None for a system without a confusion matrix of the column's version, as older rows are."""
    f1: dict[str, list[float]] = {}
    tested: dict[str, list[int]] = {}
    taken: dict[tuple[str, str], int] = {}
    for row in entry.rows:
        metric = row["metrics"].get(column.key)
        if metric is None or metric["version"] != column.version or not metric.get("confusion"):
            continue
        names, counts = metric["confusion"]["classes"], np.array(metric["confusion"]["counts"], np.int64)
        if not counts.size:
            continue
        true, predicted = counts.sum(axis=1), counts.sum(axis=0)
        for i in np.flatnonzero(true):
            f1.setdefault(names[i], []).append(2 * counts[i, i] / (true[i] + predicted[i]))
            tested.setdefault(names[i], []).append(int(true[i]))
        for i, j in np.argwhere(counts * ~np.eye(len(names), dtype=bool)):
            pair = names[i], names[j]
            taken[pair] = taken.get(pair, 0) + int(counts[i, j])
    if not f1:
        return None
    means = {name: float(np.mean(values)) for name, values in f1.items()}
    shares = {pair: (count, count / sum(tested[pair[0]])) for pair, count in taken.items()}
    size = {name: float(np.mean(values)) for name, values in tested.items()}
    return Classes(entry, means, size, shares, float(np.mean(list(means.values()))))


def _told(one: Classes) -> list[str]:
    most = sorted(one.taken, key=lambda pair: (-one.taken[pair][0], pair))[:MOST_TOLD]
    return [f"{_name(a)} taken for {_name(b)}: {one.taken[a, b][1]:.0%}" for a, b in most]


def _name(text: str) -> str:
    """A class, whose name comes from anywhere."""
    return code(printable(text))
