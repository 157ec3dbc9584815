"""Tables of the pages augmentation and mixing, with a column for each share of the training set, drift, and privacy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ntgbench.report.blocks import Block, Table
from ntgbench.report.cells import no_number, system_lines
from ntgbench.report.rank import estimate
from ntgbench.report.tables import comparison, pooled
from ntgbench.report.text import EMPTY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board, Column, Entry
    from ntgbench.results import Row


_SHARE = re.compile(r"[a-z0-9_]+@(?P<share>\d{1,3}(\.\d{1,9})?)%(,(?P<arm>(?!gain)[a-z]+))?")
"""A metric at a share of the training set, in percent, of an arm."""

_GAIN = """\
Each number minus that of `no augmentation` of the same seed. ± is half of the 95% interval of the mean over the seeds
(Student's t): other splits, fits and samples."""

_GAIN_OF_ONE_SEED = """\
Each number minus that of `no augmentation`. In brackets its 95% interval over the biflows tested (sessions, where they
are known), by paired bootstrap: for this split and these fits alone, and with other fits it may differ more."""


def augmentation_tables(board: Board, rows: Sequence[Row]) -> list[Block]:  # noqa: ARG001
    """A table for each metric, one column a share, and the gain of the primary metric over no augmentation."""
    return [*_by_share(board, "no augmentation", 100.0), *_gains(board)]


def mixing_tables(board: Board, rows: Sequence[Row]) -> list[Block]:  # noqa: ARG001
    """A table for each metric, one column a share of real biflows."""
    return _by_share(board, "real part alone", 99.9)


def drift_tables(board: Board, rows: Sequence[Row]) -> list[Block]:  # noqa: ARG001
    """A table for each metric: on the other dataset, on the same one, and the loss."""
    known = {column.name: column for column in board.columns}
    tables: list[Block] = []
    for name in [name for name in known if "@" not in name]:
        forms = {"other dataset": name, "same dataset": f"{name}@same", "loss": f"{name}@loss"}
        columns = {head: known[form] for head, form in forms.items() if form in known}
        heads = [f"{head} {column.sign}" for head, column in columns.items()]
        tables += [f"### {name}", comparison(board, list(columns.values()), [known[name]], heads=heads)]
    return tables


def privacy_tables(board: Board, rows: Sequence[Row]) -> list[Block]:  # noqa: ARG001
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
    heads = [column.name.replace("@floor", ", floor") + f" {column.sign}" * (column in headline) for column in columns]
    tables: list[Block] = [comparison(board, columns, ranking, [["unseen real traffic", *real]], heads)]
    attacks = [
        column for column in board.columns if column not in columns and not column.name.endswith(("@real", "@floor"))
    ]
    if attacks:
        tables += ["### By attack", comparison(board, attacks, [], heads=[column.name for column in attacks])]
    return tables


def _by_share(board: Board, bare_name: str, most_ranked: float) -> list[Block]:
    """A table for each metric; ranks follow the mean over the shares up to `most_ranked` percent."""
    tables: list[Block] = []
    for name, own in columns_by_metric(board).items():
        with_synthetic = [column for column in own if not is_bare(column)]
        bare = {column.key.removesuffix(",none"): column for column in own if is_bare(column)}
        full = [column for column in with_synthetic if "," not in column.key] or with_synthetic
        ranking = [column for column in full if share_of(column)[1] <= most_ranked] or full
        extra = [[bare_name, *(pooled(board, bare.get(column.key)) for column in with_synthetic)]]
        heads = [_head(column) for column in with_synthetic]
        tables += [f"### {name} {own[0].sign}", comparison(board, with_synthetic, ranking, extra, heads)]
    return tables


def columns_by_metric(board: Board) -> dict[str, list[Column]]:
    """The columns of shares by metric, in the order of arms and shares."""
    found: dict[str, list[Column]] = {}
    for column in board.columns:
        if _SHARE.fullmatch(column.name):  # rows come from anywhere, and may name other things than shares
            found.setdefault(column.name.partition("@")[0], []).append(column)
    return {name: sorted(own, key=share_of) for name, own in found.items()}


def _gains(board: Board) -> list[Block]:
    """How much each system adds to the primary metric at each share."""
    known = {column.key: column for column in board.columns}
    found = [column for own in columns_by_metric(board).values() for column in own]
    columns = [column for column in found if column.primary and not is_bare(column)]
    columns = [column for column in columns if f"{column.key},gain" in known]
    if not columns:
        return []
    gains = [known[f"{column.key},gain"] for column in columns]
    body = system_lines(
        sorted(board.entries, key=lambda entry: entry.reference),
        lambda entry: [_gain(entry, column, board.overlap or 0.0) for column in gains],
    )
    about = _GAIN if board.seeds() > 1 else _GAIN_OF_ONE_SEED
    title = f"### Gain in {columns[0].name.partition('@')[0]} over no augmentation"
    return [title, about, Table(["system", *map(_head, columns)], body, left=0)]


def _gain(entry: Entry, column: Column, overlap: float) -> str:
    values = list(entry.values(column).values())
    if not values:
        return no_number(entry, column.key, column.version)
    mean, digits = estimate(values, overlap), column.digits
    text = f"{mean.mean:+.{digits}f}"
    if mean.half_width is not None:
        return f"{text} ± {mean.half_width:.{digits}f}"
    found = next(one for row in entry.rows if (one := row["metrics"].get(column.key)) and one["value"] is not None)
    return f"{text} [{found['low']:+.{digits}f}, {found['high']:+.{digits}f}]" if "low" in found else text


def is_bare(column: Column) -> bool:
    """Whether its numbers are of the real biflows of a share alone."""
    return column.key.endswith(",none")


def _head(column: Column) -> str:
    return column.name.partition("@")[2].replace(",", " ")


def share_of(column: Column) -> tuple[str, float]:
    """The arm and the share in percent of one of `columns_by_metric`."""
    found = _SHARE.fullmatch(column.name)
    assert found is not None
    return (found["arm"] or "", float(found["share"]))
