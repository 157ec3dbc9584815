"""CascadeNet as a generator of header traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ntgbench.errors import PluginError
from ntgbench.learning.device import use_device
from ntgbench.mapping.tuples import Tuples
from ntgbench.mapping.words import Words
from ntgbench_cascadenet import saving, training
from ntgbench_cascadenet.batches import Batches
from ntgbench_cascadenet.conditions import conditions, largest
from ntgbench_cascadenet.decoding import decode
from ntgbench_cascadenet.grid import Grid
from ntgbench_cascadenet.layout import Layout, rate_scale, size_scale
from ntgbench_cascadenet.networks import Cascade
from ntgbench_cascadenet.packet_sequence import CellBatches
from ntgbench_cascadenet.records import Records
from ntgbench_cascadenet.sampling import Model, sampled
from ntgbench_cascadenet.series import Series

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_cascadenet.parameters import CascadeNetParameters


class CascadeNet:
    """Learns flows, their packets a step, and header fields, one after the other and then together.

    Attributes:
        model: what was learnt.
        losses: losses of generators and critics during the training, see `training.fit`.
    """

    model: Model
    losses: dict[str, list[float]]

    def __init__(self, parameters: CascadeNetParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Train from scratch. Raises PluginError when this machine lacks the device of `context`."""
        device, p = use_device(context), self.parameters
        grid = Grid.of(train, p.steps)
        series = Series.of(train, grid)
        table = conditions(series)
        words = Words.learn(train, context.seed) if p.ports == "words" else None
        layout = Layout(
            grid=grid,
            tuples=Tuples(not bool(train.is_ipv4().all()), words),
            records=Records.of(train, p.fields, grid.longest_gap if p.timestamps == "gaps" else None),
            rate=rate_scale(series, p.zero_flag),
            size=size_scale(series),
            top=largest(table),
            parameters=p,
        )
        torch.manual_seed(context.seed)
        cascade = Cascade(layout).to(device)
        batches = (Batches if p.packets == "mlp" else CellBatches)(layout, series, train, device)
        self.losses = training.fit(cascade, batches, layout, context)
        self.model = Model(cascade, layout, None if p.conditions == "generated" else table)

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """A new trace, see `sampling.sampled`; the middles of flows are stretched to the span that is asked for.

        Raises PluginError when the networks give no numbers, or when repeats is "ref" and no packet lies in the span.
        """
        layout, p = self.model.layout, self.parameters
        made = sampled(self.model, packets, span_ns, rng)
        trace = decode(made, layout.records, layout.grid, p.timestamps, p.repeats, span_ns, rng)
        if not len(trace):
            raise PluginError('no packet lies in the time asked for; repeats="repair" moves flows inside')
        return trace

    def save(self, folder: Path) -> None:
        """Write what `load` reads: the generators and what their numbers mean, see `saving`."""
        saving.write(self.model, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.model = saving.read(folder, self.parameters)
