"""The system: fit, sample, save and load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench_bayes_net.model import Model
from ntgbench_bayes_net.saving import read, write

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from ntgbench.interfaces import Context
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_bayes_net.parameters import BayesNetParameters


class BayesNet:
    """Connections from a Bayesian network, their packets from a semi-Markov chain."""

    model: Model

    def __init__(self, parameters: BayesNetParameters) -> None:
        self.parameters = parameters

    def fit(self, train: PacketTrace, context: Context) -> None:
        """Count. Nothing is random."""
        self.model = Model.of(train, self.parameters)
        context.progress(1, 1)

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """Exactly `packets` packets within `span_ns` ns."""
        return self.model.sample(packets, span_ns, rng)

    def save(self, folder: Path) -> None:
        """Write the model."""
        write(self.model, folder)

    def load(self, folder: Path) -> None:
        """Read the model. Raises PluginError when it is damaged."""
        self.model = read(folder, self.parameters)
