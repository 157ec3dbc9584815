"""Rows of fields as categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace_flows import codes

if TYPE_CHECKING:
    from collections.abc import Sequence

Numbers = npt.NDArray[np.int64]


def vocabulary(columns: Sequence[npt.NDArray[np.integer]], most: int) -> tuple[Numbers, Numbers]:
    """The distinct rows of some columns, (N,) each, sorted, int64 (V, columns), and that of each row, int64 (N,).

    When there are more than `most`, the most frequent ones are kept, and at least one for each value of the first
    column; each of the others counts as the one before it in order, of the same value of the first column.
    """
    code = codes(*columns)
    count = np.bincount(code)
    first = np.zeros(len(count), np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    rows = np.stack([np.asarray(column)[first].astype(np.int64) for column in columns], axis=1)
    order = np.lexsort(rows.T[::-1])
    rows, count = rows[order], count[order]
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    ranked = np.argsort(-count, kind="stable")
    _, of_group = np.unique(rows[ranked, 0], return_index=True)
    kept = np.unique(np.concatenate([ranked[:most], ranked[of_group]]))
    # The one kept before each row in order, or the first of its group.
    nearest = np.maximum(np.searchsorted(kept, np.arange(len(rows)), side="right") - 1, 0)
    nearest += rows[kept[nearest], 0] != rows[:, 0]
    return rows[kept], nearest[place][code]
