"""Generator and critic (arXiv 1907.00503, section 4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from ntgbench_ctgan.conditions import Conditions
    from ntgbench_ctgan.parameters import CtganParameters
    from ntgbench_ctgan.table import Table


class Residual(nn.Module):
    """h -> h + ReLU(BN(FC(h))), where + puts both beside each other."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(inputs, width), nn.BatchNorm1d(width)

    def forward(self, rows: Tensor) -> Tensor:
        """(B, inputs) -> (B, inputs + width)."""
        return torch.cat([rows, self.norm(self.linear(rows)).relu()], dim=1)


class Generator(nn.Module):
    """Makes rows of a table from noise and conditions."""

    def __init__(self, table: Table, parameters: CtganParameters) -> None:
        super().__init__()
        self.table, self.temperature = table, parameters.temperature
        self.noise = parameters.noise
        inputs = parameters.noise + table.conditions
        self.layers = nn.Sequential(
            Residual(inputs, parameters.hidden),
            Residual(inputs + parameters.hidden, parameters.hidden),
            nn.Linear(inputs + 2 * parameters.hidden, table.width),
        )

    def forward(self, noise: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of all choices, (B, columns, most choices), and places in -1..1, (B, placed columns).

        Logits beyond the choices of a column are -inf. Noise is (B, noise) and condition (B, conditions).
        """
        made = self.layers(torch.cat([noise, condition], dim=1))
        choices = sum(self.table.sizes)
        return self.padded(made[:, :choices]), made[:, choices:].tanh()

    def padded(self, logits: Tensor) -> Tensor:
        """The choices of each column in a row of its own: (B, all choices) -> (B, columns, most choices)."""
        parts = torch.split(logits, list(self.table.sizes), dim=1)
        most = max(self.table.sizes)
        return torch.stack([functional.pad(part, (0, most - part.shape[1]), value=-torch.inf) for part in parts], dim=1)

    def soft(self, logits: Tensor, places: Tensor) -> Tensor:
        """Rows as the critic sees them, (B, width): choices by the Gumbel softmax, with the global generator."""
        noisy = (logits + gumbel(logits)) / self.temperature
        share = noisy.softmax(dim=2)
        parts = [share[:, i, :size] for i, size in enumerate(self.table.sizes)]
        return torch.cat([*parts, places], dim=1)


def gumbel(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Gumbel noise of the shape and on the device of `like`."""
    # By uniform numbers: torch draws exponential ones slowly, and marginals were worse with these (see the README).
    uniform = torch.rand(like.shape, generator=generator, device=like.device, dtype=like.dtype)
    return -(-uniform.clamp_min(1e-30).log()).clamp_min(1e-30).log()


def condition_loss(table: Table, logits: Tensor, given: Conditions) -> Tensor:
    """Cross-entropy between the conditions and what the generator made of their columns; 0 without conditions.

    The logits are (B, columns, most choices).
    """
    if not table.conditional:
        return logits.new_zeros(())
    column = torch.tensor(table.conditional, device=logits.device)[given.column]
    chosen = logits[torch.arange(len(logits), device=logits.device), column]
    return functional.cross_entropy(chosen, given.choice)


class Critic(nn.Module):
    """Scores `pac` rows with their conditions at once (PacGAN, arXiv 1712.04086)."""

    def __init__(self, table: Table, parameters: CtganParameters) -> None:
        super().__init__()
        self.inputs = parameters.pac * (table.width + table.conditions)
        hidden = parameters.hidden
        self.layers = nn.Sequential(
            nn.Linear(self.inputs, hidden),
            nn.LeakyReLU(0.2),
            nn.Dropout(parameters.dropout),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2),
            nn.Dropout(parameters.dropout),
            nn.Linear(hidden, 1),
        )

    def forward(self, packs: Tensor) -> Tensor:
        """(B / pac, inputs) -> (B / pac, 1)."""
        scores: Tensor = self.layers(packs)
        return scores

    def packed(self, rows: Tensor, condition: Tensor) -> Tensor:
        """Rows, (B, width), beside their conditions, (B, conditions), `pac` of them a pack."""
        return torch.cat([rows, condition], dim=1).view(-1, self.inputs)
