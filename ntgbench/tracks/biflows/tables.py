"""The tables of the pages augmentation and mixing, with a column for each share of the training set, and of drift."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ntgbench.report.cells import no_number, system_lines
from ntgbench.report.rank import estimate
from ntgbench.report.tables import ARROW, comparison, pooled
from ntgbench.report.text import table
from ntgbench.tracks.biflows.differences import difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board, Column, Entry
    from ntgbench.results import MetricValue, Row


_SHARE = re.compile(r"[a-z0-9_]+@(?P<share>\d{1,3}(\.\d{1,9})?)%(,(?P<arm>[a-z]+))?")
"""A metric at a share of the training set, in percent, of an arm."""

_GAIN = """\
Each number minus that of `no augmentation` of the same seed. ± is half of the 95% interval of the mean over the seeds
(Student's t): other splits, fits and samples."""

_GAIN_OF_ONE_SEED = """\
Each number minus that of `no augmentation`. In brackets its 95% interval over the biflows tested (sessions, where they
are known), for this split and this fit alone. It is made of the intervals of both numbers as if they were independent;
they are of the same biflows, so it is too wide rather than too narrow."""


def augmentation_tables(board: Board, rows: Sequence[Row]) -> list[str]:  # noqa: ARG001
    """A table for each metric, one column a share, and the gain of the primary metric over no augmentation."""
    return [*_by_share(board, "no augmentation", 100.0), *_gains(board)]


def mixing_tables(board: Board, rows: Sequence[Row]) -> list[str]:  # noqa: ARG001
    """A table for each metric, one column a share of real biflows."""
    return _by_share(board, "real part alone", 99.9)


def drift_tables(board: Board, rows: Sequence[Row]) -> list[str]:  # noqa: ARG001
    """A table for each metric: on the other dataset, on the same one, and the loss."""
    known = {column.name: column for column in board.columns}
    tables = []
    for name in [name for name in known if "@" not in name]:
        forms = {"other dataset": name, "same dataset": f"{name}@same", "loss": f"{name}@loss"}
        columns = {head: known[form] for head, form in forms.items() if form in known}
        heads = [f"{head} {ARROW[column.goal]}" for head, column in columns.items()]
        tables += [f"### {name}", comparison(board, list(columns.values()), [known[name]], heads=heads)]
    return tables


def _by_share(board: Board, bare_name: str, most_ranked: float) -> list[str]:
    """A table for each metric; ranks follow the mean over the shares up to `most_ranked` percent."""
    tables = []
    for name, own in _columns(board).items():
        with_synthetic = [column for column in own if not column.key.endswith(",none")]
        bare = {column.key.removesuffix(",none"): column for column in own if column.key.endswith(",none")}
        full = [column for column in with_synthetic if "," not in column.key] or with_synthetic
        ranking = [column for column in full if _share(column)[1] <= most_ranked] or full
        extra = [[bare_name, *(pooled(board, bare.get(column.key)) for column in with_synthetic)]]
        heads = [_head(column) for column in with_synthetic]
        tables += [f"### {name} {ARROW[own[0].goal]}", comparison(board, with_synthetic, ranking, extra, heads)]
    return tables


def _columns(board: Board) -> dict[str, list[Column]]:
    """The columns of shares by metric, in the order of arms and shares."""
    found: dict[str, list[Column]] = {}
    for column in board.columns:
        if _SHARE.fullmatch(column.name):  # rows come from anywhere, and may name other things than shares
            found.setdefault(column.name.partition("@")[0], []).append(column)
    return {name: sorted(own, key=_share) for name, own in found.items()}


def _gains(board: Board) -> list[str]:
    """How much each system adds to the primary metric at each share."""
    for name, own in _columns(board).items():
        bare = {column.key: column for column in own if column.key.endswith(",none")}
        pairs = [
            (column, bare[f"{column.key.partition(',')[0]},none"])
            for column in own
            if column.primary and column.key not in bare and f"{column.key.partition(',')[0]},none" in bare
        ]
        if not pairs:
            continue
        entries = sorted(board.entries, key=lambda entry: entry.reference)
        body = system_lines(entries, lambda entry, pairs=pairs: [_gain(entry, *pair) for pair in pairs])  # type: ignore[misc]
        heads = ["system", *(_head(column) for column, _ in pairs)]
        about = _GAIN if board.seeds() > 1 else _GAIN_OF_ONE_SEED
        return [f"### Gain in {name} over no augmentation", about, table(heads, body, left=0)]
    return []


def _gain(entry: Entry, column: Column, bare: Column) -> str:
    found = []
    for row in entry.rows:
        here, there = (_value(row, one) for one in (column, bare))
        if here is not None and there is not None:
            found.append(difference(there, here) if column.goal == "min" else difference(here, there))
    if not found:
        return no_number(entry, column.key, column.version)
    if len(found) > 1:
        mean = estimate([one.value for one in found])
        return f"{mean.mean:+.{column.digits}f} ± {mean.half_width or 0.0:.{column.digits}f}"
    value, low, high = found[0]
    interval = "" if low is None else f" [{low:+.{column.digits}f}, {high:+.{column.digits}f}]"
    return f"{value:+.{column.digits}f}{interval}"


def _value(row: Row, column: Column) -> MetricValue | None:
    """The metric of a row if it has a number of the column's version."""
    found = row["metrics"].get(column.key)
    return found if found is not None and found["version"] == column.version and found["value"] is not None else None


def _head(column: Column) -> str:
    return column.name.partition("@")[2].replace(",", " ")


def _share(column: Column) -> tuple[str, float]:
    found = _SHARE.fullmatch(column.name)
    assert found is not None
    return (found["arm"] or "", float(found["share"]))
