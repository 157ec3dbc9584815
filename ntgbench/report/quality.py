"""A system's quality, shown beside its efficiency: the primary metric of each suite."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ntgbench.plugins import registry
from ntgbench.report.board import boards, suites_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Board, Column
    from ntgbench.report.marks import Mark
    from ntgbench.results import Row


@dataclass(frozen=True)
class Quality:
    """The primary metrics of one dataset's systems."""

    protocol: str  # name of the protocol
    columns: tuple[Column, ...]  # the metrics, one a suite, ordered by suite
    means: dict[str, dict[str, float]]  # over the seeds, by system and key of the metric; every system has all metrics
    marks: dict[str, tuple[Mark, ...]] = field(default_factory=dict)  # by system


def quality(rows: Sequence[Row], dataset_digest: str) -> Quality:
    """The quality of each system on one dataset by one protocol: the one with numbers of most systems."""
    found: dict[str, dict[str, tuple[Board, Column]]] = {}
    for suite in suites_in(rows):
        for board in boards(rows, suite):  # older versions of a protocol come before newer ones
            column = next((one for one in board.columns if one.primary and "@" not in one.key), None)
            if column is None or board.common.dataset_digest != dataset_digest or not _is_quality(board):
                continue
            found.setdefault(board.common.protocol, {})[suite] = (board, column)
    known = [_of_protocol(protocol, list(suites.values())) for protocol, suites in found.items()]
    return max(known, key=lambda one: len(one.means), default=Quality("", (), {}))


def _is_quality(board: Board) -> bool:
    """Whether the suite measures what every system of a protocol is measured by, and for what it is worth."""
    suite = registry().suites(board.common.track).get(board.suite)
    return suite is None or not (suite.exposes or suite.on_request)


def _of_protocol(protocol: str, suites: list[tuple[Board, Column]]) -> Quality:
    values = [
        {entry.name: list(own.values()) for entry in board.entries if (own := entry.values(column))}
        for board, column in suites
    ]
    names = set.intersection(*map(set, values))
    means = {
        name: {column.key: sum(own[name]) / len(own[name]) for (_, column), own in zip(suites, values, strict=True)}
        for name in names
    }
    marks = {entry.name: entry.marks for board, _ in suites for entry in board.entries}
    return Quality(protocol, tuple(column for _, column in suites), means, marks)
