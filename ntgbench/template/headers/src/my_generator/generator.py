"""The generator. This module is imported only when it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from my_generator import MyGeneratorParameters
from ntgbench import Context, PacketTrace
from ntgbench.traffic.trace_files import read_trace_file, write_trace_file


class MyGenerator:
    """Draws flows of the training trace, and starts each at a random time, a little faster or slower."""

    def __init__(self, parameters: MyGeneratorParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Learn from the training trace, the only real traffic that a generator gets."""
        self.train = train

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """About `packets` packets in at most `span_ns` ns, in order of time. All randomness must come from `rng`."""
        flows = self.train.flows
        # Each flow once, in random order, then all once more, until there are enough packets.
        rounds = packets // len(self.train) + 1
        drawn = np.concatenate([rng.permutation(len(flows)) for _ in range(rounds)])
        drawn = drawn[: np.searchsorted(np.cumsum(flows.count[drawn]), packets) + 1]
        count = flows.count[drawn]
        flow = np.repeat(np.arange(len(drawn)), count)  # which of the drawn flows each packet belongs to
        place = np.arange(len(flow)) - np.repeat(np.cumsum(count) - count, count)  # and its place in it, from 0
        row = flows.order[flows.first[drawn][flow] + place][:packets]
        flow = flow[:packets]
        # Time since the start of the flow, stretched, after a start at random.
        since = self.train.time_ns[row] - self.train.time_ns[flows.heads()[drawn][flow]]
        factor = np.exp(rng.normal(0.0, self.parameters.stretch, len(drawn)))
        start = rng.integers(0, span_ns + 1, len(drawn))
        time = start[flow] + np.rint(since * factor[flow]).astype(np.int64)
        made = replace(self.train.select(row), time_ns=self.train.time_ns[0] + time)
        return made.select(time <= span_ns).sorted_by_time()

    def save(self, folder: Path) -> None:
        """Write everything that `load` needs."""
        write_trace_file(self.train, folder / "train.parquet")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self.train = read_trace_file(folder / "train.parquet")
