"""The training trace through encode and decode: the ceiling of the representation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import PluginError
from ntgbench.traffic.trace_files import read_trace_file, write_trace_file
from ntgbench_cascadenet.conditions import middle_ns
from ntgbench_cascadenet.decoding import Made, decode
from ntgbench_cascadenet.grid import Grid
from ntgbench_cascadenet.records import Records
from ntgbench_cascadenet.series import Series
from ntgbench_cascadenet.tuples import Tuples
from ntgbench_cascadenet.words import Words

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.parameters import RepresentationParameters

FILE = "trace.parquet"


class CascadeNetCopy:
    """Encodes the trace and decodes it, without a model in between."""

    trace: PacketTrace

    def __init__(self, parameters: RepresentationParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Keep the trace."""
        self.trace, self.seed = train, context.seed
        context.progress(1, 1)

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """The first packets, as many as asked for and there are, in no more than the time asked for."""
        within = int(np.searchsorted(self.trace.time_ns, self.trace.time_ns[0] + span_ns, side="right"))
        trace = self.trace.select(np.arange(min(packets, within)))
        p = self.parameters
        grid = Grid(int(trace.time_ns[0]), max(trace.span_ns, 1), p.steps)
        longest = float(np.log1p(grid.step_ns)) if p.timestamps == "gaps" else None
        records = Records.of(trace, p.fields, longest)
        words = Words.learn(trace, 1) if p.ports == "words" else None
        tuples = Tuples(not bool(trace.is_ipv4().all()), words)
        return decode(encoded(trace, grid, tuples, records), records, grid, p.timestamps, p.repeats, trace.span_ns, rng)

    def save(self, folder: Path) -> None:
        """Write the trace."""
        write_trace_file(self.trace, folder / FILE)

    def load(self, folder: Path) -> None:
        """Read the trace. Raises NtgbenchError when it is damaged, empty or out of order."""
        trace = read_trace_file(folder / FILE)
        if not len(trace) or (np.diff(trace.time_ns) < 0).any():
            raise PluginError(f"{folder / FILE} is damaged; it must have packets in the order of time")
        self.trace = trace


def encoded(trace: PacketTrace, grid: Grid, tuples: Tuples, records: Records) -> Made:
    """The flows of a trace as numbers, with their true times."""
    series = Series.of(trace, grid)
    heads = trace.select(trace.flows.heads())
    vectors = np.zeros((len(heads), 0), np.float32)
    if tuples.words is not None:
        vectors = tuples.words.table()[tuples.words.index(heads)].reshape(len(heads), -1)
    numbers = records.encode(trace.select(trace.flows.order), series.place, series.gap_ns)
    return Made(
        flows=tuples.decode(tuples.encode(heads), vectors),
        middle_ns=middle_ns(series.start_ns, series.end_ns),
        flow=series.flow,
        step=series.step,
        packets=series.packets,
        middle=series.middle,
        span=series.span,
        records=numbers,
        place=series.place,
        gap=records.gap(numbers),
    )
