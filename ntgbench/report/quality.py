"""What is known of a system's quality where its costs are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.report.board import boards

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ntgbench.report.board import Board
    from ntgbench.results import Row

MACRO_F1 = "utility/macro_f1"
JSD_2GRAM = "fidelity/jsd_2gram"


@dataclass(frozen=True)
class Quality:
    """Means over the seeds of one board.

    Attributes:
        protocol: name of the protocol that they are of.
        macro_f1: of a classifier that learnt from synthetic traffic.
        jsd_2gram: of synthetic traffic, from held-out traffic.
    """

    protocol: str
    macro_f1: float
    jsd_2gram: float


def quality(rows: Iterable[Row], dataset_digest: str) -> dict[str, Quality]:
    """The quality of each system on one dataset, by its name, from one board.

    It is that of most systems, among the newest of each protocol.
    """
    newest: dict[str, dict[str, Quality]] = {}
    for board in boards(rows):  # older versions of a protocol come before newer ones
        found = _of_board(board) if board.common.dataset_digest == dataset_digest else {}
        if found:
            newest[board.common.protocol] = found
    return max(newest.values(), key=len, default={})


def _of_board(board: Board) -> dict[str, Quality]:
    columns = {column.key: column for suite in ("utility", "fidelity") for column in board.columns(suite)}
    if MACRO_F1 not in columns or JSD_2GRAM not in columns:
        return {}
    known = {}
    for entry in board.entries:
        scores, distances = (list(entry.values(columns[key]).values()) for key in (MACRO_F1, JSD_2GRAM))
        if scores and distances:
            means = (sum(values) / len(values) for values in (scores, distances))
            known[entry.name] = Quality(board.common.protocol, *means)
    return known
