"""Splits of a trace in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import DatasetError

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace


def split(trace: PacketTrace, test_share: float) -> tuple[PacketTrace, PacketTrace]:
    """The first packets, and the last `test_share` of them, at least two on each side.

    Cut by packets, because the load of a link may change by orders of magnitude in a capture. Raises DatasetError for
    fewer than four packets.
    """
    if len(trace) < 4:
        raise DatasetError("a trace of fewer than four packets cannot be split")
    cut = int(np.clip(round(len(trace) * (1 - test_share)), 2, len(trace) - 2))
    rows = np.arange(len(trace))
    return trace.select(rows[:cut]), trace.select(rows[cut:])


def halves(trace: PacketTrace) -> tuple[PacketTrace, PacketTrace]:
    """The first half of the packets and the second."""
    rows = np.arange(len(trace))
    return trace.select(rows[: len(rows) // 2]), trace.select(rows[len(rows) // 2 :])


def crossing_flows(first: PacketTrace, second: PacketTrace) -> int:
    """5-tuples that have packets in both traces."""
    from ntgbench.traffic.trace import PacketTrace

    both = PacketTrace.concat([first, second])
    number = both.flows.number
    return int(np.intersect1d(number[: len(first)], number[len(first) :]).size)
