"""The training trace through encode and decode: the ceiling of the representation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, TypedDict

import numpy as np
from msgspec import Meta

from ntgbench.errors import PluginError
from ntgbench.files import read_json, write_text
from ntgbench.mapping.tuples import Tuples
from ntgbench.mapping.words import Words
from ntgbench.traffic.trace_files import read_trace_file, write_trace_file
from ntgbench.values import convert
from ntgbench_cascadenet.conditions import middle_ns
from ntgbench_cascadenet.decoding import Made, decode
from ntgbench_cascadenet.grid import Grid
from ntgbench_cascadenet.records import Records
from ntgbench_cascadenet.series import Series

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.parameters import RepresentationParameters

TRACE, SETTINGS = "trace.parquet", "settings.json"
"""Files of a saved model."""


class _Settings(TypedDict):
    seed: Annotated[int, Meta(ge=0, lt=2**32)]


class CascadeNetCopy:
    """Encodes the trace and decodes it, without a model in between."""

    trace: PacketTrace
    seed: int

    def __init__(self, parameters: RepresentationParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Keep the trace, and learn the vectors of its words."""
        self._keep(train, context.seed)
        context.progress(1, 1)

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """The first packets, as many as asked for and there are, in no more than the time asked for."""
        within = int(np.searchsorted(self.trace.time_ns, self.trace.time_ns[0] + span_ns, side="right"))
        trace = self.trace.select(np.arange(min(packets, within)))
        p = self.parameters
        grid = Grid.of(trace, p.steps)
        records = Records.of(trace, p.fields, grid.longest_gap if p.timestamps == "gaps" else None)
        tuples = Tuples(not trace.is_ipv4().all(), self.words)
        return decode(encoded(trace, grid, tuples, records), records, grid, p.timestamps, p.repeats, trace.span_ns, rng)

    def save(self, folder: Path) -> None:
        """Write the trace, and the seed of its words."""
        write_trace_file(self.trace, folder / TRACE)
        write_text(folder / SETTINGS, json.dumps({"seed": self.seed}))

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises NtgbenchError when it is damaged, or the trace is empty or out of order."""
        trace = read_trace_file(folder / TRACE)
        if not len(trace) or (np.diff(trace.time_ns) < 0).any():
            raise PluginError(f"{folder / TRACE} is damaged; it must have packets in the order of time")
        path = folder / SETTINGS
        self._keep(trace, convert(read_json(path), _Settings, str(path), PluginError)["seed"])

    def _keep(self, trace: PacketTrace, seed: int) -> None:
        self.trace, self.seed = trace, seed
        self.words = Words.learn(trace, seed) if self.parameters.ports == "words" else None


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
        gap_ns=records.gap_ns(numbers),
    )
