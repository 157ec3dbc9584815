"""The page of ranks over several datasets and seeds: which systems differ, by the primary metric of each suite."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ntgbench.plugins import registry, resolve
from ntgbench.report.blocks import Block, Page, Table
from ntgbench.report.board import boards, suites_in
from ntgbench.report.friedman import ALPHA, compare, groups
from ntgbench.report.reading import legend
from ntgbench.report.text import code, shown
from ntgbench.words import pluralised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ntgbench.report.board import Board, Column, Entry
    from ntgbench.report.marks import Mark
    from ntgbench.results import Row

PAGE = "ranks.md"

_TITLE = "Ranks over datasets and seeds"
_READING = f"""\
Systems of one protocol by the primary metric of a suite. In each block, one seed of one dataset, they have ranks
from 1, the best; equal numbers share a rank. Friedman's test asks whether all systems are equally good. By Nemenyi's
test, at the level {ALPHA:g}, two systems differ when their mean ranks are at least the critical difference apart; those
that **share a letter do not differ**. `p` compares a system with the one that has the best mean rank.

**Seeds of one dataset are not independent blocks**: they share its traffic. So the tests find too many differences, and
what they find holds for other traffic only where there are many datasets. References, in italics, are compared too."""


class _Block(NamedTuple):
    dataset: str
    digest: str
    seed: int


_Key = tuple[str, ...]  # what identifies a system on boards of several datasets


def render(rows: Sequence[Row]) -> Page | None:
    """The page; None where no suite has three systems in two blocks."""
    sections: list[Block] = []
    marks: set[Mark] = set()
    for suite in suites_in(rows):
        alike: dict[tuple[object, ...], list[tuple[Board, Column]]] = {}
        for board in boards(rows, suite):
            column = next((one for one in board.columns if one.primary and "@" not in one.key), None)
            if column is not None and not board.common.hardware and may_rank(board, column):
                common = (board.common.track, board.common.protocol, board.common.key)
                measured = (column.key, column.version, column.goal, column.best)
                alike.setdefault((*common, *measured), []).append((board, column))
        for found in alike.values():
            text, more = _section(suite, found)
            sections += text
            marks |= more
    return Page(PAGE, _TITLE, "", "", "", (_READING, *sections, *legend(marks))) if sections else None


def may_rank(board: Board, column: Column) -> bool:
    """Whether the suite lets a metric rank the systems of a board."""
    suite = registry().suites(board.common.track).get(board.suite)
    try:
        return not board.unranked and (suite is None or suite.ranks is None or resolve(suite.ranks)(board, column))
    except Exception:  # a plugin's function may fail in any way
        return False


def complete(losses: Mapping[_Block, Mapping[_Key, float]]) -> tuple[list[_Block], list[_Key]]:
    """Blocks, and systems that have a number in all of them, so that blocks times systems are many.

    Blocks with more systems come first; as many are taken as give the largest table of at least two blocks and three
    systems, the one with more systems if two are equally large. Empty when there is none.
    """
    order = sorted(losses, key=lambda block: (-len(losses[block]), block))
    best: tuple[list[_Block], list[_Key]] = ([], [])
    for number in range(2, len(order) + 1):
        blocks = order[:number]
        systems = set.intersection(*(set(losses[block]) for block in blocks))
        if len(systems) >= 3 and number * len(systems) > len(best[0]) * len(best[1]):
            best = sorted(blocks), sorted(systems)
    return best


def _section(suite: str, found: Sequence[tuple[Board, Column]]) -> tuple[list[Block], set[Mark]]:
    """The table of one suite and protocol, on all datasets, and its marks; nothing where there are too few numbers."""
    losses: dict[_Block, dict[_Key, float]] = {}
    entries: dict[_Key, Entry] = {}
    for board, column in found:
        for entry in board.entries:
            row = entry.rows[0]
            params = json.dumps(row["params"], sort_keys=True)
            key = (entry.name, row["distribution"], row["distribution_version"], params)
            before = entries.get(key, entry)
            entries[key] = replace(entry, marks=tuple(dict.fromkeys((*before.marks, *entry.marks))))
            for seed, value in entry.values(column).items():
                block = _Block(board.dataset, board.common.dataset_digest, seed)
                losses.setdefault(block, {})[key] = column.loss(value)
    blocks, systems = complete(losses)
    if not blocks:
        return [], set()
    result = compare(np.array([[losses[block][key] for key in systems] for block in blocks]))
    letters = groups(result.mean_ranks, result.critical)
    lines = sorted(zip(result.mean_ranks, systems, letters, result.p_of_best, strict=True))
    body = [[shown(entries[key]), f"{mean:.2f}", same, _p(p)] for mean, key, same, p in lines]
    datasets = {(block.dataset, block.digest) for block in blocks}
    names = ", ".join(code(name) for name in sorted({name for name, _ in datasets}))
    board, column = found[0]
    out = sorted({code(key[0]) for key in entries} - {code(key[0]) for key in systems})
    heads = ["system", "mean rank ↓", "groups", "p"]
    return [
        f"## {suite}, {board.common.protocol}: {column.name} {column.sign}",
        f"{pluralised(len(blocks), 'block')} of {pluralised(len(datasets), 'dataset')} ({names}), "
        f"{pluralised(len(systems), 'system')}. Friedman's test: p = {_p(result.p)}. "
        f"Critical difference: {result.critical:.2f}.",
        Table(heads, body, left=0),
        *([f"Left out, having no number in some of these blocks: {', '.join(out)}."] if out else []),
    ], {mark for key in systems for mark in entries[key].marks}


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"
