"""NetDiffusion as a generator of header traces."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ntgbench.learning.device import use_device
from ntgbench.traffic.trace import PacketTrace
from ntgbench.words import pluralised
from ntgbench_netdiffusion import assembly, saving, training
from ntgbench_netdiffusion.images import CLASSES, Layout, flow_images, kinds
from ntgbench_netdiffusion.repair import repaired
from ntgbench_netdiffusion.saving import Model

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ntgbench.interfaces import Context
    from ntgbench_netdiffusion.parameters import NetDiffusionParameters

_log = logging.getLogger(__name__)

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
        flows = train.flows
        kept = np.minimum(flows.count, p.rows)
        if left := len(train) - int(kept.sum()):
            _log.warning(
                "%s of %s last longer than an image of %s: %s of the %s packets are not learnt",
                f"{int((flows.count > p.rows).sum()):,}",
                pluralised(len(flows), "flow"),
                pluralised(p.rows, "packet"),
                f"{left:,}",
                f"{len(train):,}",
            )
        images = flow_images(train, p.rows)
        layout, kind = Layout.of(images), kinds(images)
        pixels = torch.from_numpy(layout.pixels(images)).to(device)
        torch.manual_seed(context.seed)
        network = training.new_network(p, layout).to(device)
        self.losses = training.train(network, pixels, torch.from_numpy(kind).to(device), p, context)
        heads = flows.heads()
        pairs = np.concatenate([train.source[heads], train.destination[heads]], axis=1)
        self.model = Model(
            network=network,
            layout=layout,
            start_ns=int(train.time_ns[0]),
            flows=tuple(np.bincount(kind, minlength=CLASSES).tolist()),
            packets=float(kept.mean()),
            pairs=pairs if p.addresses == "training" else None,
        )

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """As many packets as asked for, of as many flows as that takes; the last flow is cut.

        Flows come one after the other, and all packets are evenly spaced: images say nothing of times.
        """
        parts: list[dict[str, npt.NDArray[Any]]] = []
        made = flows = 0
        while made < packets:
            mean = made / flows if flows else self.model.packets
            count = min(MOST_FLOWS, max(1, round((packets - made) / mean)))
            parts.append(self._flows(count, rng))
            made, flows = made + len(parts[-1]["flow"]), flows + count
            parts[-1]["flow"] += flows - count
        columns = {name: np.concatenate([part[name] for part in parts])[:packets] for name in parts[0]}
        flow, ipv6, p = columns.pop("flow"), columns.pop("ipv6"), self.parameters
        columns |= assembly.addresses(flow, ipv6, self.model.pairs, rng)
        if p.ports == "random":
            columns |= assembly.random_ports(flow, rng)
        if p.repair:
            columns |= assembly.told_apart(columns, flow, rng)
        return PacketTrace.of(time_ns=assembly.evenly(packets, self.model.start_ns, span_ns), **columns)

    def save(self, folder: Path) -> None:
        """Write what `load` reads, see `saving`."""
        saving.write(self.model, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.model = saving.read(folder, self.parameters)

    def _flows(self, count: int, rng: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        """The columns of the packets of so many flows, see `assembly.packets_of`, with the flow of each."""
        shares = np.array(self.model.flows) / sum(self.model.flows)
        drawn = training.draw(self.model.network, rng.choice(CLASSES, count, p=shares), self.parameters, rng)
        images = self.model.layout.images(drawn)
        columns, flow = assembly.packets_of(repaired(images) if self.parameters.repair else images)
        return {**columns, "flow": flow}
