"""Calibration: which metrics tell a bad trace from a real one, by the reference systems of a board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.report.rank import estimate

if TYPE_CHECKING:
    from ntgbench.report.board import Board, Column

REAL = "real"
COPIERS = ("shifted", "flow-bootstrap")
WITHOUT_STRUCTURE = ("poisson", "marginals", "zero")
REFERENCES = (REAL, *COPIERS, *WITHOUT_STRUCTURE)
"""The reference systems, from real traffic to traffic without structure."""

TIMES = 2.0
"""Times as far from the training trace as held-out traffic that a bad trace must be for a metric to tell it."""


@dataclass(frozen=True)
class Calibration:
    """One metric's numbers of the reference systems.

    Attributes:
        values: mean over the seeds, by system; systems without a number are left out.
        bad: the systems that the metric should tell from real traffic.
        missed: those of them that it does not tell; None when real traffic, or all of them, have no number.
    """

    values: dict[str, float]
    bad: tuple[str, ...]
    missed: tuple[str, ...] | None

    @property
    def tells(self) -> bool | None:
        """Whether every bad trace is told from real traffic; None when that is not known."""
        return None if self.missed is None else not self.missed


def calibrate(board: Board, column: Column) -> Calibration:
    """Whether a metric tells bad traces on this board.

    A bad trace is told when its distance from the training trace is more than `TIMES` that of held-out traffic; for
    metrics that are best at 1, its distance from 1. Metrics of copies should tell the copiers, all others the
    references without structure.
    """
    values = {
        entry.name: estimate(list(found.values())).mean
        for entry in board.entries
        if entry.reference and entry.name in REFERENCES and (found := entry.values(column))
    }
    bad = COPIERS if board.suite == "copies" else WITHOUT_STRUCTURE
    known = [name for name in bad if name in values]
    if REAL not in values or not known:
        return Calibration(values, bad, None)
    loss = {name: value if column.goal == "min" else 1 - value for name, value in values.items()}
    # Numbers that print alike do not tell anything; rounding decides nothing.
    least = max(TIMES * loss[REAL], loss[REAL] + 10.0**-column.digits) * (1 - 1e-9)
    return Calibration(values, bad, tuple(name for name in known if not loss[name] >= least))
