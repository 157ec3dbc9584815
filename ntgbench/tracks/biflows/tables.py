"""The tables of the augmentation page, a column for each share of the training set, and of the privacy page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ntgbench.report.tables import ARROW, comparison, pooled
from ntgbench.report.text import EMPTY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board, Column
    from ntgbench.results import Row


_SHARE = re.compile(r"[a-z0-9_]+@(?P<share>\d{1,3}(\.\d{1,9})?)%(,(?P<arm>[a-z]+))?")
"""A metric at a share of the training set, in percent, of an arm."""


def augmentation_tables(board: Board, rows: Sequence[Row]) -> list[str]:  # noqa: ARG001
    """A table for each metric, one column a share."""
    # Rows come from anywhere, and may name other things than shares.
    columns = [column for column in board.columns if _SHARE.fullmatch(column.name)]
    tables = []
    for name in dict.fromkeys(column.name.partition("@")[0] for column in columns):
        own = sorted((column for column in columns if column.name.partition("@")[0] == name), key=_share)
        augmented = [column for column in own if not column.key.endswith(",none")]
        bare = {column.key.removesuffix(",none"): column for column in own if column.key.endswith(",none")}
        full = [column for column in augmented if "," not in column.key] or augmented
        extra = [["no augmentation", *(pooled(board, bare.get(column.key)) for column in augmented)]]
        heads = [column.name.partition("@")[2].replace(",", " ") for column in augmented]
        tables += [f"### {name} {ARROW[own[0].goal]}", comparison(board, augmented, full, extra, heads)]
    return tables


def privacy_tables(board: Board, rows: Sequence[Row]) -> list[str]:  # noqa: ARG001
    """The metrics with what unseen real traffic scores, and below them each attack by itself.

    Where a metric has a form `@real`, its floor is another one for each system and has a column; otherwise the floor is
    what real traffic scores.
    """
    by_name = {column.name: column for column in board.columns}
    headline = [column for column in board.columns if "@" not in column.name]
    columns, real = [], []
    for column in headline:
        unseen, floor = (by_name.get(f"{column.name}@{form}") for form in ("real", "floor"))
        columns += [column] if unseen is None or floor is None else [column, floor]
        real += [pooled(board, unseen or floor), *([EMPTY] if unseen and floor else [])]
    ranking = [column for column in headline if column.primary]
    heads = [
        column.name.replace("@floor", ", floor") + f" {ARROW[column.goal]}" * (column in headline) for column in columns
    ]
    tables = [comparison(board, columns, ranking, [["unseen real traffic", *real]], heads)]
    attacks = [
        column for column in board.columns if column not in columns and not column.name.endswith(("@real", "@floor"))
    ]
    if attacks:
        tables += ["### By attack", comparison(board, attacks, [], heads=[column.name for column in attacks])]
    return tables


def _share(column: Column) -> tuple[str, float]:
    found = _SHARE.fullmatch(column.name)
    assert found is not None
    return (found["arm"] or "", float(found["share"]))
