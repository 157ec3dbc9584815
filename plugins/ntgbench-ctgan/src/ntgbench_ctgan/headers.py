"""CTGAN as a generator of header traces: a row is a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench_ctgan import saving, training
from ntgbench_ctgan.packets import Packets, table_of
from ntgbench_ctgan.sampling import sample

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ntgbench.interfaces import Context
    from ntgbench.learning.stages import Course
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_ctgan.networks import Generator
    from ntgbench_ctgan.parameters import HeaderParameters


class CtganOfPackets:
    """Learns the columns of single packets, their place in time among them.

    Attributes:
        packets: what the columns are.
        generator: what was learnt.
        course: losses of the training.
    """

    packets: Packets
    generator: Generator
    course: Course

    def __init__(self, parameters: HeaderParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Train from scratch. Raises PluginError when this machine lacks the device of `context`."""
        self.packets = Packets.of(train, self.parameters)
        table, rows = table_of(self.packets.numbers(train), self.parameters, context.rng())
        self.generator, self.course = training.fit(table, rows, self.parameters, context)

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """So many packets; their places in time are stretched to the span."""
        rows = sample(self.generator, packets, rng)
        numbers = dict(zip(self.packets.names, self.generator.table.decode(rows), strict=True))
        return self.packets.trace(numbers, span_ns)

    def save(self, folder: Path) -> None:
        """Write what `load` reads: the generator, and what its numbers mean; no critic."""
        saving.write_packets(self.packets, self.generator, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.packets, self.generator = saving.read_packets(folder, self.parameters)
