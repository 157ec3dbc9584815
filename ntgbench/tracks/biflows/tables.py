"""The tables of the augmentation page: a column for each share of the training set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ntgbench.report.tables import comparison, pooled

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
        tables += [f"### {name} {own[0].sign}", comparison(board, augmented, full, extra, heads)]
    return tables


def _share(column: Column) -> tuple[str, float]:
    found = _SHARE.fullmatch(column.name)
    assert found is not None
    return (found["arm"] or "", float(found["share"]))
