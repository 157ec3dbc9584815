"""Which choice of which column a row must have, and training by sampling (arXiv 1907.00503, section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from ntgbench_ctgan.table import Rows, Table


@dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions of some rows.

    Attributes:
        column: int64 (B,), index among the conditional columns.
        choice: int64 (B,), the choice that this column must have.
    """

    column: Tensor
    choice: Tensor

    def vectors(self, table: Table) -> Tensor:
        """The conditions as a network gets them, float32 (B, conditions); of width 0 without conditional columns."""
        made = torch.zeros(len(self.column), table.conditions, device=self.column.device)
        if table.conditional:
            starts = torch.tensor(table.condition_starts, device=self.column.device)
            made.scatter_(1, (starts[self.column] + self.choice)[:, None], 1.0)
        return made


def cumulative(table: Table, logarithmic: bool) -> Tensor:
    """Cumulative probabilities of the choices of each conditional column, float64 (columns, most choices).

    They follow the frequencies in the training rows, or the logarithms of these, by which rare choices are learnt too.
    """
    most = max((table.sizes[i] for i in table.conditional), default=1)
    made = np.ones((len(table.conditional), most))
    for row, i in zip(made, table.conditional, strict=True):
        counts = table.columns[i].counts.astype(np.float64)
        weights = np.log1p(counts) if logarithmic else counts
        row[: len(counts)] = np.cumsum(weights) / weights.sum()
        # Rounding must not leave a chance for what is after the last choice that occurs.
        row[int(np.flatnonzero(weights)[-1]) :] = 1.0
    return torch.from_numpy(made)


def drawn(cumulated: Tensor, uniform: Tensor) -> Conditions:
    """Conditions from uniform numbers, float64 (B, 2): a column, all equally likely, and a choice of it."""
    columns = max(len(cumulated), 1)
    column = (uniform[:, 0] * columns).long().clamp_max(columns - 1)
    if not len(cumulated):
        return Conditions(column, torch.zeros_like(column))
    choice = (cumulated[column] <= uniform[:, 1:]).sum(dim=1)
    return Conditions(column, choice.clamp_max(cumulated.shape[1] - 1))


class Sampler:
    """Draws conditions by the logarithms of frequencies, and training rows that meet them.

    All randomness is that of torch's global generator.
    """

    def __init__(self, table: Table, rows: Rows, device: torch.device) -> None:
        self.table, self.device = table, device
        self.choice = torch.from_numpy(rows.choice.astype(np.int32)).to(device)
        self.place = torch.from_numpy(rows.place).to(device)
        self.cumulated = cumulative(table, logarithmic=True).to(device)
        most = max(self.cumulated.shape[-1], 1)
        begins = np.zeros((len(table.conditional), most), np.int64)
        counts = np.zeros((len(table.conditional), most), np.int64)
        orders = np.zeros((len(table.conditional), len(rows)), np.int32)
        for at, i in enumerate(table.conditional):
            counts[at] = np.bincount(rows.choice[:, i], minlength=most)
            begins[at] = np.cumsum(counts[at]) - counts[at]
            orders[at] = np.argsort(rows.choice[:, i], kind="stable")
        self.begins, self.counts, self.orders = (torch.from_numpy(one).to(device) for one in (begins, counts, orders))

    def draw(self, count: int) -> Conditions:
        """Conditions, by the logarithms of frequencies."""
        return drawn(self.cumulated, torch.rand(count, 2, dtype=torch.float64, device=self.device))

    def rows(self, given: Conditions) -> Tensor:
        """A training row, float32 (B, width), for each condition: any of those that meet it."""
        uniform = torch.rand(len(given.column), dtype=torch.float64, device=self.device)
        if self.table.conditional:
            count = self.counts[given.column, given.choice]
            offset = torch.minimum((uniform * count).long(), count - 1)
            index = self.orders[given.column, self.begins[given.column, given.choice] + offset].long()
        else:
            index = (uniform * len(self.choice)).long().clamp_max(len(self.choice) - 1)
        return self.table.expand(self.choice[index].long(), self.place[index])
