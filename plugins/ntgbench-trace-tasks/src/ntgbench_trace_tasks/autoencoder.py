"""An auto-encoder as a detector of anomalous rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from ntgbench_trace_tasks.representations import Rows

EPOCHS = 100
BATCH = 32
HELD_OUT = 0.1

MOST_ROWS = 320
"""Training rows, drawn by the seed if there are more: 100 epochs on all of them would take longer than all else."""


def reconstruction_errors(training: Rows, judged: Rows, seed: int) -> Rows:
    """Distance between each judged row and what the network makes of it, float64 (rows,).

    NetML's settings: columns - 16 - 8 - 16 - columns with leaky rectifiers, mean squared error, Adam with learning rate
    0.001 and weight decay 0.1, 100 epochs in batches of 32; a tenth of the rows is not learnt.
    """
    rng = np.random.default_rng(seed)
    rows = torch.tensor(rng.permutation(training)[: min(MOST_ROWS, len(training))], dtype=torch.float32)
    rows = rows[int(HELD_OUT * len(rows)) :]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(training.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=0.1, fused=True)
    for _ in range(EPOCHS):
        for batch in torch.split(rows[torch.from_numpy(rng.permutation(len(rows)))], BATCH):
            optimiser.zero_grad()
            torch.autograd.backward(nn.functional.mse_loss(network(batch), batch))
            optimiser.step()
    with torch.no_grad():
        made = network(torch.tensor(judged, dtype=torch.float32)).numpy()
    return np.asarray(np.linalg.norm(judged - made, axis=1))


def _network(columns: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(columns, 16),
        nn.LeakyReLU(),
        nn.Linear(16, 8),
        nn.LeakyReLU(),
        nn.Linear(8, 16),
        nn.LeakyReLU(),
        nn.Linear(16, columns),
    )
