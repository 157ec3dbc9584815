"""The time steps of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """T equal steps over a trace (CascadeNet, section 3.1).

    Attributes:
        start_ns: time of the first packet, nanoseconds since the epoch.
        span_ns: D, nanoseconds from the first to the last packet, at least 1.
        steps: T.
    """

    start_ns: int
    span_ns: int
    steps: int

    @property
    def step_ns(self) -> float:
        """Nanoseconds of a step, D / T."""
        return self.span_ns / self.steps

    @cached_property
    def edges(self) -> Numbers:
        """The first nanosecond of each step, int64 (T,), since the start: exact, which floats are not."""
        return np.array([-(-self.span_ns * step // self.steps) for step in range(self.steps)], np.int64)

    def step(self, after_ns: Numbers) -> Numbers:
        """The step of each time since the start, int64 (N,) in 0..T-1; the last moment belongs to the last step."""
        found: Numbers = np.searchsorted(self.edges, after_ns, side="right") - 1
        return found

    def place(self, after_ns: Numbers, step: Numbers) -> npt.NDArray[np.float64]:
        """How far each time is inside its step, float64 (N,) in 0..1; 1 only at the very end."""
        begin = step * self.step_ns
        return np.clip((after_ns - begin) / self.step_ns, 0.0, 1.0)
