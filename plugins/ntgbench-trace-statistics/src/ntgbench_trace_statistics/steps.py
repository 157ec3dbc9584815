"""Packet counts of flows in steps of time: burstiness and Hurst exponents, without a table of flows by steps."""

from __future__ import annotations

from dataclasses import dataclass
from math import gamma, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

STEPS = 400
"""Equal steps of the whole trace in which packets are counted (CascadeNet's evaluation)."""

FLOWS_AT_ONCE = 2**15
"""Bounds the memory of Hurst exponents: about 60 bytes for each of the block lengths and flows."""

Numbers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StepCounts:
    """The counts that are not 0, E of them, flow by flow and in the order of time."""

    flows: int
    flow: Numbers  # int64 (E,), in 0..flows-1
    step: Numbers  # int64 (E,), in 0..STEPS-1
    count: Numbers  # int64 (E,), at least 1

    @staticmethod
    def of(trace: PacketTrace) -> StepCounts:
        """Counts of a trace: t after the first packet of D in all is in step floor(STEPS t / D), t = D in the last."""
        flows = trace.flows
        # Step k begins at the first integer that is not less than k D / STEPS: no rounding, no overflow.
        span = trace.span_ns
        begins = np.array([-(-k * span // STEPS) for k in range(1, STEPS)], np.int64)
        step = np.searchsorted(begins, (trace.time_ns - trace.time_ns.min())[flows.order], side="right")
        flow = np.repeat(np.arange(len(flows)), flows.count)
        starts = _starts(flow, step)
        return StepCounts(len(flows), flow[starts], step[starts], np.diff(starts, append=len(step)))

    def burstiness(self) -> Reals:
        """Standard deviation of a flow's counts over all steps, divided by their mean, float64 (flows,)."""
        starts = np.searchsorted(self.flow, np.arange(self.flows))
        total, squares = np.add.reduceat(self.count, starts), np.add.reduceat(self.count**2, starts)
        spread: Reals = np.sqrt(STEPS * squares - total**2) / total
        return spread

    def hurst(self) -> Reals:
        """Hurst exponents of the flows that are active in at least two steps, but not equally in all, float64.

        Rescaled range analysis of the counts with the defaults of the package nolds 0.5 and a least-squares line
        (`hurst_rs(counts, fit="poly")`): the slope of log(mean R/S) - log(expected R/S) against log(n), plus 0.5, over
        the block lengths n of `block_lengths`. Blocks whose counts are all equal are left out.
        """
        active = np.bincount(self.flow, minlength=self.flows) >= 2
        rows = np.flatnonzero(active[self.flow])
        flow, step, count = (np.cumsum(active) - 1)[self.flow[rows]], self.step[rows], self.count[rows]
        exponents = [np.empty(0)]
        for begin in range(0, int(active.sum()), FLOWS_AT_ONCE):
            part = slice(*np.searchsorted(flow, [begin, begin + FLOWS_AT_ONCE]))
            exponents.append(_hurst(flow[part] - begin, step[part], count[part]))
        return np.concatenate(exponents)


def block_lengths(steps: int) -> Numbers:
    """Distinct values of 15 lengths, equally spaced in the logarithm from steps^(3/8) to just below steps^(5/8)."""
    return np.unique(np.rint(np.exp(np.log(steps) * (3 / 8 + np.arange(15) / 15 / 4)))).astype(np.int64)


def expected_rescaled_range(length: int) -> float:
    """Expected R/S of `length` independent normal numbers, 2 <= length <= 340 (Anis & Lloyd 1976; Peters 1994)."""
    i = np.arange(1, length)
    front = gamma((length - 1) / 2) / sqrt(pi) / gamma(length / 2)
    return (length - 0.5) / length * front * float(np.sqrt((length - i) / i).sum())


def _hurst(flow: Numbers, step: Numbers, count: Numbers) -> Reals:
    """Exponents of the flows 0, 1, ... that have one."""
    flows, lengths = int(flow[-1]) + 1, block_lengths(STEPS)
    ranges = [_mean_rescaled_range(flow, step, count, flows, n) / expected_rescaled_range(n) for n in lengths.tolist()]
    y = np.log(ranges)
    y = y[:, np.count_nonzero(~np.isnan(y), axis=0) >= 2]
    x = np.where(np.isnan(y), np.nan, np.log(lengths)[:, None])
    x -= np.nanmean(x, axis=0)
    slopes: Reals = np.nansum(x * y, axis=0) / np.nansum(x * x, axis=0)
    return slopes + 0.5


def _mean_rescaled_range(flow: Numbers, step: Numbers, count: Numbers, flows: int, length: int) -> Reals:
    """Mean R/S over the whole blocks of n = `length` steps whose counts differ, NaN without one, float64 (flows,).

    A block has C packets in all, up to step p (from 0) S_p of them: the sum of their deviations from the mean is
    S_p - C (p + 1) / n. It rises in active steps alone, so its extremes lie just before and after these, or at the end,
    where it is 0. n R and n (n - 1) S^2 are integers.
    """
    whole = step < STEPS // length * length
    flow, block, place, count = flow[whole], step[whole] // length, step[whole] % length, count[whole]
    starts = _starts(flow, block)
    packets = np.add.reduceat(count, starts)
    number = np.diff(starts, append=len(count))
    until = np.cumsum(count)
    so_far = until - np.repeat(until[starts] - count[starts], number)
    each = np.repeat(packets, number)
    highest = np.maximum.reduceat(length * so_far - each * (place + 1), starts)
    lowest = np.minimum.reduceat(length * (so_far - count) - each * place, starts)
    variance = length * np.add.reduceat(count**2, starts) - packets**2
    differ = variance > 0
    spread = (np.maximum(highest, 0) - np.minimum(lowest, 0))[differ]
    rescaled = spread / np.sqrt(variance[differ]) * sqrt((length - 1) / length)
    of = flow[starts][differ]
    blocks = np.bincount(of, minlength=flows)
    mean = np.full(flows, np.nan)
    np.divide(np.bincount(of, rescaled, flows), blocks, out=mean, where=blocks > 0)
    return mean


def _starts(flow: Numbers, part: Numbers) -> Numbers:
    """Where a new flow or a new part of a flow begins, int64."""
    new = np.ones(len(flow), bool)
    new[1:] = (flow[1:] != flow[:-1]) | (part[1:] != part[:-1])
    return np.flatnonzero(new)
