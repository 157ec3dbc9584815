"""The time steps of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """T equal steps over a trace (CascadeNet, section 3.1).

    Step k lasts from k D / T, which need not be a whole nanosecond, to (k + 1) D / T.

    Attributes:
        start_ns: time of the first packet, nanoseconds since the epoch.
        span_ns: D, nanoseconds from the first to the last packet, at least 1.
        steps: T.
    """

    start_ns: int
    span_ns: int
    steps: int

    @staticmethod
    def of(trace: PacketTrace, steps: int) -> Grid:
        """The steps of a trace of at least one packet, in the order of time."""
        return Grid(int(trace.time_ns[0]), max(trace.span_ns, 1), steps)

    @property
    def step_ns(self) -> float:
        """Nanoseconds of a step, D / T."""
        return self.span_ns / self.steps

    @property
    def longest_gap(self) -> float:
        """log(1 + ns) of a gap as long as a step."""
        return float(np.log1p(self.step_ns))

    @cached_property
    def edges(self) -> Numbers:
        """The first whole nanosecond of each step, since the start, int64 (T,): exact, which floats are not."""
        return np.array([-(-step * self.span_ns // self.steps) for step in range(self.steps)], np.int64)

    def step(self, after_ns: Numbers) -> Numbers:
        """The step of each time since the start, int64 (N,) in 0..T-1; the last moment belongs to the last step."""
        found: Numbers = np.searchsorted(self.edges, after_ns, side="right") - 1
        return found

    def place(self, after_ns: Numbers, step: Numbers) -> npt.NDArray[np.float64]:
        """Where each time is in its step, float64 (N,) from 0, its beginning, to 1, its end.

        Only the last moment of the trace is at 1. Nothing is lost by rounding, however late in the trace it is.
        """
        # From the beginning of a step to its first whole nanosecond.
        late = np.array([-step * self.span_ns % self.steps / self.steps for step in range(self.steps)])
        place: npt.NDArray[np.float64] = (after_ns - self.edges[step] + late[step]) / self.step_ns
        return np.minimum(place, 1.0)
