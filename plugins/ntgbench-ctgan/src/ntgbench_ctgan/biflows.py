"""CTGAN as a generator of biflows: a row is a biflow, and a column its class or the signed length of a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import PluginError
from ntgbench_ctgan import saving, training
from ntgbench_ctgan.columns import Mixtures, discrete, mixed
from ntgbench_ctgan.sampling import sample
from ntgbench_ctgan.table import Rows, Table

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context
    from ntgbench.learning.stages import Course
    from ntgbench.tracks.biflows.interfaces import Labels, SignedPL
    from ntgbench.traffic.biflows import Biflows
    from ntgbench_ctgan.networks import Generator
    from ntgbench_ctgan.parameters import BiflowParameters


class CtganOfBiflows:
    """Learns the packets of biflows as columns; the class is the condition, in training and in sampling.

    Attributes:
        pl_max: largest payload length in bytes.
        generator: what was learnt.
        course: losses of the training.
    """

    pl_max: int
    generator: Generator
    course: Course

    def __init__(self, parameters: BiflowParameters) -> None:
        self.parameters = parameters

    def fit(self, train: Biflows, context: Context) -> None:
        """Train from scratch. Raises PluginError when there is no training biflow."""
        if not len(train.label):
            raise PluginError("there is no biflow to learn from")
        self.pl_max = train.pl_max
        table, rows = table_of(train, self.parameters, context.rng())
        self.generator, self.course = training.fit(table, rows, self.parameters, context)

    def sample(self, labels: Labels, rng: np.random.Generator) -> SignedPL:
        """A biflow of each class asked for; it ends before the first packet that is none, and has at least one."""
        table = self.generator.table
        # The class of a row is the one that was asked for, whatever the generator makes of that column.
        rows = sample(self.generator, len(labels), rng, labels.astype(np.int64))
        made = np.stack(table.decode(rows)[1:], axis=1)
        packets = np.array([len(column.values) for column in table.columns[1:]])
        # What a mode makes is a packet, and a packet has at least one byte.
        is_mode = rows.choice[:, 1:] >= packets
        whole = np.rint(made).astype(np.int64)
        whole = np.where(is_mode & (whole == 0), np.where(made < 0, -1, 1), whole)
        there = np.logical_and.accumulate(whole != 0, axis=1)
        return np.where(there, np.clip(whole, -self.pl_max, self.pl_max), 0)

    def save(self, folder: Path) -> None:
        """Write what `load` reads: the generator, and what its numbers mean; no critic."""
        saving.write_biflows(self.pl_max, self.generator, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.pl_max, self.generator = saving.read_biflows(folder, self.parameters)


def table_of(train: Biflows, parameters: BiflowParameters, rng: np.random.Generator) -> tuple[Table, Rows]:
    """The table of biflows, and its rows: the class, which is the only condition, and the packets."""
    mixtures = Mixtures(parameters.modes, parameters.mixture_rows)
    frequent = parameters.frequent if parameters.lengths == "mixed" else 0
    label, choice, place = discrete(train.label.astype(np.float64), range(len(train.classes)))
    columns, rows = [label], [(choice, place)]
    for packet in train.signed_pl.T.astype(np.float64):
        column, choice, place = mixed(packet, mixtures, frequent, rng, always=(0.0,))
        columns.append(column)
        rows.append((choice, place))
    return Table(tuple(columns), (0,)), Rows.of(rows)
