"""Rows that a generator makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ntgbench_ctgan.conditions import Conditions, cumulative, drawn
from ntgbench_ctgan.networks import gumbel
from ntgbench_ctgan.table import Rows

if TYPE_CHECKING:
    from ntgbench_ctgan.columns import Choices
    from ntgbench_ctgan.networks import Generator

LARGEST_BATCH = 4_096
"""Rows made at a time: bounds the memory."""


@torch.inference_mode()
def sample(
    generator: Generator,
    count: int,
    rng: np.random.Generator,
    asked: Choices | None = None,
) -> Rows:
    """New rows.

    Args:
        generator: in evaluation mode.
        count: how many.
        rng: all randomness.
        asked: int64 (count,), the choice that the first conditional column is to have. Without it, each row has a
            condition drawn by the frequencies in training (arXiv 1907.00503, section 4.3).
    """
    table = generator.table
    device = next(generator.parameters()).device
    cumulated = cumulative(table, logarithmic=False)
    random = torch.Generator().manual_seed(int(rng.integers(2**63)))
    choice = np.empty((count, len(table.columns)), np.int64)
    place = np.zeros((count, len(table.columns)), np.float32)
    for begin in range(0, count, LARGEST_BATCH):
        rows = slice(begin, min(begin + LARGEST_BATCH, count))
        size = rows.stop - begin
        given = drawn(cumulated, torch.rand(size, 2, dtype=torch.float64, generator=random))
        if asked is not None:
            given = Conditions(torch.zeros_like(given.column), torch.from_numpy(asked[rows]))
        noise = torch.randn(size, generator.noise, generator=random)
        logits, places = (one.cpu() for one in generator(noise.to(device), given.vectors(table).to(device)))
        choice[rows] = (logits + gumbel(logits, random)).argmax(dim=2).numpy()
        place[rows.start : rows.stop, list(table.placed)] = places.numpy()
    # A category has no place.
    values = np.array([len(column.values) for column in table.columns])
    return Rows(choice, np.where(choice < values, np.float32(0), place))
