"""What all reference systems share: their model is the trace that they were fitted on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from ntgbench.errors import PluginError
from ntgbench.traffic.trace_files import read_trace_file, write_trace_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace

FILE = "trace.parquet"

P = TypeVar("P")


class Kept(Generic[P]):
    """Keeps the trace it is fitted on."""

    trace: PacketTrace

    def __init__(self, parameters: P) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Keep the trace."""
        self.keep(train)
        context.progress(1, 1)

    def keep(self, trace: PacketTrace) -> None:
        """Have `trace` as the model, and what else of it samples need."""
        self.trace = trace

    def save(self, folder: Path) -> None:
        """Write the trace."""
        write_trace_file(self.trace, folder / FILE)

    def load(self, folder: Path) -> None:
        """Read the trace. Raises NtgbenchError when it is damaged, empty or out of order."""
        trace = read_trace_file(folder / FILE)
        if not len(trace) or (np.diff(trace.time_ns) < 0).any():
            raise PluginError(f"{folder / FILE} is damaged; it must have packets in the order of time")
        self.keep(trace)


def beginning(trace: PacketTrace, packets: int, span_ns: int) -> PacketTrace:
    """The first `packets` packets of a trace, of its first `span_ns` ns; all of it when it has no more."""
    within = int(np.searchsorted(trace.time_ns, trace.time_ns[0] + span_ns, side="right"))
    count = min(packets, within)
    return trace if count == len(trace) else trace.select(np.arange(count))


def at_times(trace: PacketTrace, time_ns: npt.NDArray[np.int64]) -> PacketTrace:
    """The packets at other times, int64 (N,), in the order of these."""
    return replace(trace, time_ns=time_ns).sorted_by_time()
