"""Utility against copying: systems as useful as real traffic that repeat no more of the training traffic than it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING

from ntgbench.report.blocks import Block, Cell, Folded, Page, Table
from ntgbench.report.board import boards
from ntgbench.report.dials import dials
from ntgbench.report.pictures.front import picture
from ntgbench.report.rank import CONFIDENCE, estimate, unbeaten
from ntgbench.report.reading import cautions, intervals, legend
from ntgbench.report.tables import cell, meaning
from ntgbench.report.text import EMPTY, code, merged_rows, seeds, shown, source
from ntgbench.suites import FRONT, PAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ntgbench.report.board import Board, Column, Entry
    from ntgbench.results import Row

HIT = "single_hit"
"""The share of single training items that come out again; "@real" is that of a disjoint half of real traffic."""

REAL = "real"
"""The system that hands back its training traffic."""

_READING = """\
How useful synthetic traffic is, and how much of it is copied. **Minus real** is the difference from `real` of the same
splits. A system **copies no more than unseen** real traffic if `single_hit` minus `single_hit@real` of the same splits
is at most one standard error of its mean over the seeds, or of the share of one seed. `single_hit@floor` is the share
of held-out items: what a system repeats of its training traffic beyond that, it remembers. **On the front**, no other
is at least as useful and copies no more, and is better in one of both; references take no part. A system that changes a
little what it copies has a small `single_hit`; attacks on membership and `detection_auc` tell it."""


@dataclass(frozen=True)
class Measurement:
    """Systems with numbers of both suites by one protocol on one dataset.

    Attributes:
        board: that of privacy, with the rows that have numbers of both.
        useful: the primary metric of utility.
        hit: `HIT`.
        guards: metrics that tell a system that copies nearly.
    """

    board: Board
    useful: Column
    hit: Column
    guards: tuple[Column, ...]

    @cached_property
    def entries(self) -> list[Entry]:
        """The systems that have both numbers, the most useful first, references last."""
        found = [one for one in self.board.entries if one.values(self.useful) and one.values(self.hit)]
        return sorted(found, key=lambda one: (one.reference, *self.losses(one), one.name))

    @cached_property
    def front(self) -> set[str]:
        """Names of the ranked systems that no other beats; none where the test set cannot rank systems."""
        if self.board.unranked:
            return set()
        return unbeaten({one.name: self.losses(one) for one in self.entries if not one.reference})

    def losses(self, entry: Entry) -> tuple[float, float]:
        """Of utility and of copies, the means over the seeds: less is better."""
        means = [estimate(list(entry.values(column).values())).mean for column in (self.useful, self.hit)]
        return self.useful.loss(means[0]), self.hit.loss(means[1])

    def form(self, name: str) -> Column | None:
        """`HIT` of other traffic, "real" or "floor"."""
        return next((one for one in self.board.columns if one.name == f"{HIT}@{name}"), None)

    def like_unseen(self, entry: Entry) -> bool | None:
        """Whether it copies no more than unseen real traffic, see `_READING`; None where that was not measured."""
        unseen = self.form("real")
        own = entry.measured(self.hit)
        others = entry.values(unseen) if unseen else {}
        shared = sorted(own.keys() & others.keys())
        if not shared:
            return None
        values = entry.values(self.hit)
        excess = estimate([values[seed] - others[seed] for seed in shared], self.board.overlap or 0.0)
        error = excess.error
        if error is None:
            one = own[shared[0]]
            width = one["high"] - one["low"] if "low" in one and "high" in one else 0.0
            error = width / 2 / NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
        return excess.mean <= error

    def minus_real(self, entry: Entry) -> str:
        """The mean difference of utility from `REAL` over the seeds that both have, with its interval."""
        real = next((one for one in self.entries if one.reference and one.rows[0]["system"] == REAL), None)
        if real is None or real is entry:
            return EMPTY
        own, others = entry.values(self.useful), real.values(self.useful)
        gains = [own[seed] - others[seed] for seed in sorted(own.keys() & others.keys())]
        text = estimate(gains, self.board.overlap or 0.0).text(self.useful.digits) if gains else EMPTY
        return text if text.startswith("-") else f"+{text}"


def render(dataset: str, rows: Sequence[Row]) -> Page | None:
    """The page of a dataset; None when fewer than two systems have numbers of both suites."""
    found = list(_measurements(rows))
    number = Counter[str]()
    sections: list[Block] = []
    for one in found:
        common = one.board.common
        number[common.protocol] += 1
        several = sum(other.board.common.protocol == common.protocol for other in found) > 1
        run = f"Protocol `{common.protocol}` version {common.version}, dataset `{common.dataset_digest}`"
        sections += [
            f"## {common.protocol}",
            Folded(f"{run}{source(one.board)}", f", {seeds(one.board)}. {intervals(one.board)}".rstrip()),
            picture(one, [str(number[common.protocol])] if several else []),
            *cautions(rows, common.dataset_digest),
            _best(one),
            _table(one),
            *legend(mark for entry in one.entries for mark in entry.marks),
            *merged_rows(one.board),
            *_dials(one),
        ]
    title = f"{dataset}: {PAGES[FRONT]}"
    return Page(f"{dataset}-{FRONT}.md", title, "", dataset, FRONT, (_READING, *sections)) if sections else None


def _measurements(rows: Sequence[Row]) -> Iterator[Measurement]:
    for private in boards(rows, "privacy"):
        faithful = [board for board in boards(rows, "fidelity") if _alike(board, private)]
        for useful in (board for board in boards(rows, "utility") if _alike(board, private)):
            board = replace(private, rows=_in_both(private, useful))
            column = next((one for one in useful.columns if one.primary and "@" not in one.key), None)
            known = {one.name: one for one in board.columns}
            if column is None or HIT not in known:
                continue
            guards = [known[name] for name in ("membership_auc", "membership_tpr") if name in known]
            # Numbers of different keys do not compare, so those of fidelity must all be of one board.
            for other in faithful:
                if len(_in_both(board, other)) == len(board.rows):
                    guards += [one for one in other.columns if one.name == "detection_auc"]
            made = Measurement(board, column, known[HIT], tuple(guards))
            if len(made.entries) > 1:
                yield made


def _alike(first: Board, second: Board) -> bool:
    return (first.common.protocol, first.common.dataset_digest) == (
        second.common.protocol,
        second.common.dataset_digest,
    )


def _in_both(first: Board, second: Board) -> tuple[Row, ...]:
    others = {id(row) for row in second.rows}
    return tuple(row for row in first.rows if id(row) in others)


def _best(one: Measurement) -> str:
    """A sentence that names the most useful system that repeats no more than unseen real traffic does."""
    if one.board.unranked:
        return "The test set cannot tell which system is best."
    ranked = [entry for entry in one.entries if not entry.reference]
    found = next((entry for entry in ranked if one.like_unseen(entry)), None)
    if all(one.like_unseen(entry) is None for entry in ranked):
        return f"No row says how much unseen real traffic copies, `{HIT}@real`."
    if found is None:
        return "No system repeats as little as unseen real traffic does."
    gap = one.minus_real(found)
    own = f"{one.useful.name} {_text(one, found, one.useful)}" + (f" ({gap} from `{REAL}`)" if gap != EMPTY else "")
    hit = f"{HIT} {_text(one, found, one.hit)}"
    return f"Best of those that repeat no more than unseen real traffic: {code(found.name)}, {own}, {hit}."


def _text(one: Measurement, entry: Entry, column: Column) -> str:
    return cell(entry, column, None, one.board.overlap or 0.0)


def _columns(one: Measurement) -> tuple[list[str], list[Column], list[Column]]:
    """The heads of all columns but the first, and the columns of copies and of what guards them."""
    copies = [column for column in (one.hit, one.form("real"), one.form("floor")) if column is not None]
    heads = [_head(one.useful), "minus real", _head(one.hit), *(Cell(each.name, meaning(each)) for each in copies[1:])]
    return [*heads, "copies no more than unseen", *map(_head, one.guards)], copies, list(one.guards)


def _head(column: Column) -> Cell:
    return Cell(f"{column.name} {column.sign}", meaning(column))


def _cells(one: Measurement, entry: Entry) -> list[str]:
    _, copies, guards = _columns(one)
    like_unseen = {True: "yes", False: "", None: EMPTY}[one.like_unseen(entry)]
    shares = [_text(one, entry, column) for column in copies]
    told = [_text(one, entry, column) for column in guards]
    return [_text(one, entry, one.useful), one.minus_real(entry), *shares, like_unseen, *told]


def _table(one: Measurement) -> Table:
    lines = {True: list[list[str]](), False: list[list[str]]()}
    for entry in one.entries:
        on_front = "yes" if entry.name in one.front else ""
        lines[entry.reference].append([shown(entry), *_cells(one, entry), on_front])
    return Table(["system", *_columns(one)[0], "on the front"], lines[False], lines[True], left=0)


def _dials(one: Measurement) -> list[Block]:
    """A table for each dial, in the order of its values."""
    found: list[Block] = []
    for dial in dials(one.entries):
        body = [[json.dumps(value), *_cells(one, entry)] for value, entry in dial.settings]
        heads = [code(dial.parameter), *_columns(one)[0]]
        found += [f"### Along a dial: {dial.parameter} of {code(dial.system)}", Table(heads, body, left=0)]
    return found
