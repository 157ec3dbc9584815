"""A system's quality, shown beside its efficiency: the primary metric of each suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.report.board import boards, suites_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ntgbench.report.board import Column
    from ntgbench.results import Row


@dataclass(frozen=True)
class Quality:
    """The primary metrics of one dataset's systems."""

    protocol: str  # name of the protocol
    columns: tuple[Column, ...]  # the metrics, one a suite, ordered by suite
    means: dict[str, dict[str, float]]  # over the seeds, by system and key of the metric; every system has all metrics


def quality(rows: Sequence[Row], dataset_digest: str) -> Quality:
    """The quality of each system on one dataset by one protocol: the one with numbers of most systems."""
    found: dict[str, dict[str, tuple[Column, dict[str, float]]]] = {}
    for suite in suites_in(rows):
        for board in boards(rows, suite):  # older versions of a protocol come before newer ones
            column = next((one for one in board.columns if one.primary and "@" not in one.key), None)
            if column is None or board.common.dataset_digest != dataset_digest:
                continue
            values = {entry.name: list(entry.values(column).values()) for entry in board.entries}
            means = {name: sum(own) / len(own) for name, own in values.items() if own}
            found.setdefault(board.common.protocol, {})[suite] = (column, means)
    known = [_of_protocol(protocol, list(suites.values())) for protocol, suites in found.items()]
    return max(known, key=lambda one: len(one.means), default=Quality("", (), {}))


def _of_protocol(protocol: str, suites: list[tuple[Column, dict[str, float]]]) -> Quality:
    names = set.intersection(*(set(means) for _, means in suites))
    means = {name: {column.key: own[name] for column, own in suites} for name in names}
    return Quality(protocol, tuple(column for column, _ in suites), means)
