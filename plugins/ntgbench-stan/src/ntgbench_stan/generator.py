"""STAN as a generator of header traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ntgbench.learning.device import use_device
from ntgbench_stan import saving, training
from ntgbench_stan.layout import Layout
from ntgbench_stan.links import links
from ntgbench_stan.networks import Network
from ntgbench_stan.sampling import sampled

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_stan.parameters import StanParameters


class Stan:
    """Learns each column of a packet from the columns before and the packets before.

    Attributes:
        network: what was learnt, on the CPU.
        layout: what its numbers mean.
        losses: losses during the training, see `training.fit`.
    """

    network: Network
    layout: Layout
    losses: list[list[float]]

    def __init__(self, parameters: StanParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Train from scratch. Raises PluginError when this machine lacks the device of `context`."""
        device, p = use_device(context), self.parameters
        self.layout = Layout.of(train, p)
        codes = self.layout.encode(train, links(train, p.links) if p.links else None)
        torch.manual_seed(context.seed)
        network = Network(self.layout, p).to(device)
        chunks = training.Chunks(codes, self.layout, p, device)
        self.losses = training.fit(network, chunks, p, context)
        self.network = network.cpu()

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """A new trace, see `sampling.sampled`."""
        return sampled(self.network, self.layout, packets, span_ns, self.parameters, rng)

    def save(self, folder: Path) -> None:
        """Write what `load` reads: the network and what its numbers mean, see `saving`."""
        saving.write(self.network, self.layout, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.network, self.layout = saving.read(folder, self.parameters)
