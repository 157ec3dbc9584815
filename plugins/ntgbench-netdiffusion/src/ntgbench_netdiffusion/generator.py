"""NetDiffusion as a generator of header traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ntgbench.learning.device import use_device
from ntgbench_netdiffusion import assembly, saving, training
from ntgbench_netdiffusion.images import CLASSES, Flows, Layout
from ntgbench_netdiffusion.nprint import LONGEST_PACKET
from ntgbench_netdiffusion.saving import Model

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_netdiffusion.nprint import Bits
    from ntgbench_netdiffusion.parameters import NetDiffusionParameters

MOST_FLOWS = 4096
"""Flows that are made at a time: their images take 9 KiB a packet until they are columns."""


class NetDiffusion:
    """Draws flows as images of header bits and repairs them.

    Attributes:
        model: what was learnt.
        losses: of the training, see `training.train`.
    """

    model: Model
    losses: list[list[float]]

    def __init__(self, parameters: NetDiffusionParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Train from scratch. Raises PluginError when this machine lacks the device of `context`."""
        device, p = use_device(context), self.parameters
        flows = Flows.of(train, p.rows)
        layout, kind = Layout.of(flows), flows.kinds()
        of_flow, packets = layout.parts(flows)
        torch.manual_seed(context.seed)
        network = training.new_network(p, layout).to(device)
        images, given = (torch.from_numpy(array).to(device) for array in (of_flow, kind))
        self.losses = training.train(network, images, packets, given, p, context)
        heads = train.flows.heads()
        pairs = np.concatenate([train.source[heads], train.destination[heads]], axis=1)
        self.model = Model(
            network=network,
            layout=layout,
            start_ns=int(train.time_ns[0]),
            flows=tuple(np.bincount(kind, minlength=CLASSES).tolist()),
            packets=float(flows.count.mean()),
            longest=min(int(train.ip_length.max()), LONGEST_PACKET),
            pairs=pairs if p.addresses == "training" else None,
        )

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """As many packets as asked for, see `assembly.assembled`."""
        return assembly.assembled(self._images, self.model, self.parameters, (packets, span_ns), rng, MOST_FLOWS)

    def save(self, folder: Path) -> None:
        """Write what `load` reads, see `saving`."""
        saving.write(self.model, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.model = saving.read(folder, self.parameters)

    def _images(self, count: int, rng: np.random.Generator) -> Bits:
        """Images of so many flows, int8 (count, rows, WIDTH)."""
        shares = np.array(self.model.flows) / sum(self.model.flows)
        drawn = training.draw(self.model.network, rng.choice(CLASSES, count, p=shares), self.parameters, rng)
        return self.model.layout.images(drawn)
