"""Which numbers the vectors of flows, steps and packets have, and in which order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ntgbench_cascadenet.conditions import NAMES, kept

if TYPE_CHECKING:
    from ntgbench.mapping.tuples import Tuples
    from ntgbench.mapping.words import Vectors
    from ntgbench_cascadenet.grid import Grid
    from ntgbench_cascadenet.parameters import CascadeNetParameters
    from ntgbench_cascadenet.records import Records
    from ntgbench_cascadenet.series import Reals, Series


@dataclass(frozen=True)
class Scale:
    """A range that becomes 0..1. A range of one value becomes 0."""

    low: float
    high: float

    def unit(self, values: Reals) -> Reals:
        """Values of the range as 0..1; values outside are clipped."""
        return np.clip((values - self.low) / max(self.high - self.low, 1e-12), 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Layout:
    """Everything that turns a trace into the numbers that networks see; part of the model.

    A step of the series has, in this order and as far as the parameters want them: rate, middle, span, throughput; two
    numbers of the zero flag (packets, none); two of the activity (inside the flow, after its end).
    """

    grid: Grid
    tuples: Tuples
    records: Records
    rate: Scale  # of log(1 + packets of a step)
    size: Scale  # of log(1 + bytes of a step)
    top: Reals  # float64 (9,). What conditions are divided by
    parameters: CascadeNetParameters

    @property
    def conditions(self) -> list[int]:
        """Which of the nine conditions there are."""
        return [NAMES.index(name) for name in kept(self.parameters.without)]

    @property
    def plain(self) -> int:
        """Numbers of a step before the flags: those in 0..1 by themselves."""
        return 1 + 2 * self.parameters.sub_period + self.parameters.throughput

    @property
    def step(self) -> int:
        """Numbers of a step, d."""
        return self.plain + 2 * self.parameters.zero_flag + 2

    @property
    def flow(self) -> int:
        """Numbers of conditions and 5-tuple."""
        return len(self.conditions) + self.tuples.width

    @property
    def packet_input(self) -> int:
        """Numbers that the third generator is given for a packet, without noise."""
        return self.flow + self.parameters.window * self.step

    @property
    def longest(self) -> int:
        """Packets of the largest step of a flow, as many as packets="lstm" makes in one go."""
        return max(1, min(self.parameters.step_packets, round(math.expm1(self.rate.high))))

    def series(self, series: Series) -> Reals:
        """The numbers of each cell before the flags, float64 (K, plain)."""
        p = self.parameters
        columns = [self.rate.unit(np.log1p(series.packets))]
        if p.sub_period:
            columns += [series.middle, self.span_to_unit(series.span)]
        if p.throughput:
            columns.append(self.size.unit(np.log1p(series.size)))
        return np.stack(columns, axis=1)

    def scaled(self, conditions: Reals) -> Vectors:
        """C, float32 (B, c) in 0..1, for all nine conditions of flows, float64 (B, 9)."""
        return (conditions / self.top)[:, self.conditions].astype(np.float32)

    def span_to_unit(self, span: Reals) -> Reals:
        """Half the time that packets fill, 0..0.5 of a step, as 0..1; on a log scale, log(1 + ns) of its maximum."""
        if self.parameters.span == "linear":
            return span * 2
        step_ns = self.grid.step_ns
        unit: Reals = np.log1p(span * step_ns) / np.log1p(step_ns / 2)
        return unit

    def unit_to_span(self, unit: Reals) -> Reals:
        """The inverse of `span_to_unit`."""
        if self.parameters.span == "linear":
            return unit / 2
        step_ns = self.grid.step_ns
        span: Reals = np.expm1(unit * np.log1p(step_ns / 2)) / step_ns
        return np.clip(span, 0.0, 0.5)


def rate_scale(series: Series, zero_flag: bool) -> Scale:
    """The range of rates: from the smallest count of a step with packets, or from none when no flag says so."""
    low = np.log1p(series.packets.min()) if zero_flag else 0.0
    return Scale(float(low), float(np.log1p(series.packets.max())))


def size_scale(series: Series) -> Scale:
    """The range of throughput, from that of a step without packets."""
    return Scale(0.0, float(np.log1p(series.size.max())))
