"""REaLTabFormer as a generator of header traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ntgbench.learning.device import use_device
from ntgbench_realtabformer import saving
from ntgbench_realtabformer.model import Model
from ntgbench_realtabformer.network import network
from ntgbench_realtabformer.rows import ranges_of, rows_of
from ntgbench_realtabformer.tokens import tokenised
from ntgbench_realtabformer.training import Training

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_realtabformer.parameters import REaLTabFormerParameters


class REaLTabFormer:
    """Learns the row of each packet as a sequence of digits, and draws rows one by one.

    Attributes:
        model: what was learnt.
        losses: of the training, at about 100 points: steps, loss of a batch, and the last loss on held-out rows.
    """

    model: Model
    losses: list[list[float]]

    def __init__(self, parameters: REaLTabFormerParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Train from scratch. Raises PluginError when this machine lacks the device of `context`."""
        device = use_device(context)
        ipv6 = not bool(train.is_ipv4().all())
        rows = rows_of(train, ipv6)
        layout, tokens = tokenised(rows, self.parameters.digits)
        torch.manual_seed(context.seed)
        gpt2 = network(layout, self.parameters)
        torch.nn.Module.to(gpt2, device)
        self.losses = Training(gpt2, tokens, self.parameters, context.seed).fit(context).losses
        self.model = Model(gpt2, layout, ranges_of(rows), ipv6, int(train.time_ns[0]), train.span_ns)

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """A new trace, see `Model.sample`. Raises PluginError when too few of the model's rows are packets."""
        return self.model.sample(packets, span_ns, self.parameters.rows, rng)

    def save(self, folder: Path) -> None:
        """Write what `load` reads: the GPT-2, and what its tokens stand for."""
        saving.write(self.model, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.model = saving.read(folder, self.parameters)
