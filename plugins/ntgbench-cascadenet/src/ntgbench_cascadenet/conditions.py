"""The nine numbers about a flow that the generators are conditioned on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ntgbench_cascadenet.grid import Numbers
    from ntgbench_cascadenet.parameters import LeftOut
    from ntgbench_cascadenet.series import Reals, Series

NAMES = ("packets", "duration", "active_steps", "max_rate", "mean_rate", "std_rate", "mean_pause", "start", "end")
"""Packets, steps from first to last, steps with packets; largest, mean and standard deviation of packets in these; mean
number of steps without packets between two with; nanoseconds from the start of the trace to the first and last packet.
The paper names the first seven; its code has all nine."""

LOGARITHMIC = ("packets", "max_rate", "mean_rate", "std_rate")
"""Conditions of which log(1 + x) is taken."""

TIMES = ("start", "end")


def kept(without: LeftOut) -> tuple[str, ...]:
    """Names of the conditions that remain when one is left out, or all but the times."""
    return TIMES if without == "all" else tuple(name for name in NAMES if name != without)


def conditions(series: Series) -> Reals:
    """The nine conditions of each flow, float64 (F, 9), before they are scaled.

    Standard deviations are those of the population; a pause is a run of steps without packets, and a flow without one
    has a mean of 0 (CascadeNet's code; the paper lists them in section 3.2).
    """
    first, count = series.first, series.count
    total = np.add.reduceat(series.packets, first)
    mean = total / count
    square = np.add.reduceat((series.packets - mean[series.flow]) ** 2, first)
    # Negative where a flow begins, with step 0: no pause.
    gap = np.diff(series.step, prepend=0) - 1
    pauses = np.add.reduceat((gap > 0).astype(np.int64), first)
    pause = np.add.reduceat(np.maximum(gap, 0), first) / np.maximum(pauses, 1)
    most = np.maximum.reduceat(series.packets, first)
    columns = (total, series.length, count, most, mean, np.sqrt(square / count), pause, series.start_ns, series.end_ns)
    table = np.column_stack(columns).astype(np.float64)
    for name in LOGARITHMIC:
        table[:, NAMES.index(name)] = np.log1p(table[:, NAMES.index(name)])
    return table


def largest(table: Reals) -> Reals:
    """What each condition is divided by, float64 (9,): its maximum, or 1 when that is 0."""
    top: Reals = table.max(axis=0)
    return np.where(top > 0, top, 1.0)


def middle_ns(start_ns: Numbers | Reals, end_ns: Numbers | Reals) -> Reals:
    """The middle of each flow, float64 (F,)."""
    return (np.asarray(start_ns, np.float64) + np.asarray(end_ns, np.float64)) / 2
