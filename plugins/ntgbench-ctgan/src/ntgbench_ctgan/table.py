"""A table: its columns, and where the numbers of each are in a row of a network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ntgbench_ctgan.columns import Choices, Column, Places, Reals


@dataclass(frozen=True, eq=False)
class Rows:
    """Encoded rows; compact, as one-hot rows of a long table would fill the memory.

    Attributes:
        choice: int64 (N, C).
        place: float32 (N, C), -1..1; 0 where the choice is a category.
    """

    choice: Choices
    place: Places

    def __len__(self) -> int:
        return len(self.choice)

    @staticmethod
    def of(columns: Sequence[tuple[Choices, Places]]) -> Rows:
        """The rows of the choices and places of columns, (N,) each."""
        return Rows(np.stack([one for one, _ in columns], axis=1), np.stack([one for _, one in columns], axis=1))


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a table.

    A row of a network, float (width,), has first the choices of all columns, one-hot, and then the places of those that
    have modes. A condition, float (conditions,), has the choices of the conditional columns, one-hot, with a single 1.

    Attributes:
        columns: C of them, at least one.
        conditional: indices of the columns that are conditions, ascending.
    """

    columns: tuple[Column, ...]
    conditional: tuple[int, ...]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Choices of each column."""
        return tuple(column.choices for column in self.columns)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where the choices of each column begin in a row."""
        return tuple(np.cumsum((0, *self.sizes[:-1])).tolist())

    @cached_property
    def placed(self) -> tuple[int, ...]:
        """Indices of the columns that have places."""
        return tuple(i for i, column in enumerate(self.columns) if column.has_places)

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return sum(self.sizes) + len(self.placed)

    @cached_property
    def condition_starts(self) -> tuple[int, ...]:
        """Where the choices of each conditional column begin in a condition."""
        return tuple(np.cumsum((0, *(self.sizes[i] for i in self.conditional[:-1]))).tolist())

    @property
    def conditions(self) -> int:
        """Numbers of a condition."""
        return sum(self.sizes[i] for i in self.conditional)

    def expand(self, choice: Tensor, place: Tensor) -> Tensor:
        """Rows of a network, float32 (B, width), of choices, int64 (B, C), and places, float32 (B, C)."""
        hot = torch.zeros(len(choice), sum(self.sizes), device=choice.device)
        hot.scatter_(1, choice + torch.tensor(self.starts, device=choice.device), 1.0)
        return torch.cat([hot, place[:, list(self.placed)]], dim=1)

    def decode(self, rows: Rows) -> list[Reals]:
        """The numbers of each column, float64 (N,) each."""
        return [column.decode(rows.choice[:, i], rows.place[:, i]) for i, column in enumerate(self.columns)]
