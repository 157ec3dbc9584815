"""NetShare as a generator of header traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.learning.device import use_device
from ntgbench.mapping.words import Words
from ntgbench_netshare import saving
from ntgbench_netshare.decoding import decode
from ntgbench_netshare.encoding import encoded
from ntgbench_netshare.sampling import Model, sampled
from ntgbench_netshare.training import Training

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_netshare.parameters import NetShareParameters


class NetShare:
    """Learns flows and their packets, in slices of time, by a recurrent GAN.

    Attributes:
        model: what was learnt.
        losses: steps made, and losses of critics and generator after them, see `ntgbench.learning.stages.Course`.
    """

    model: Model
    losses: list[list[float]]

    def __init__(self, parameters: NetShareParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Train from scratch. Raises PluginError when this machine lacks the device of `context`."""
        use_device(context)
        layout, parts = encoded(train, Words.learn(train, context.seed), self.parameters)
        training = Training(layout, parts, self.parameters, context)
        self.losses = training.fit(context)
        self.model = Model(layout, training.generators(layout))

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """A new trace, see `sampling.sampled` and `decoding.decode`.

        Raises PluginError when the networks give numbers that are not finite.
        """
        made = sampled(self.model, self.parameters, packets, span_ns, rng)
        return decode(made, self.model.layout, self.parameters.repeats, rng)

    def save(self, folder: Path) -> None:
        """Write what `load` reads: the generators of all chunks and what their numbers mean, see `saving`."""
        saving.write(self.model, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises PluginError when that is not what `folder` holds."""
        self.model = saving.read(folder, self.parameters)
