"""The two networks (Ring et al. 2019, arXiv 1810.07795, as the authors of CascadeNet sized them)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ntgbench_e_wgan_gp.vocabulary import PLACES

if TYPE_CHECKING:
    from ntgbench_e_wgan_gp.parameters import EWganGpParameters

SLOPE = 0.1
"""Of the critic's units below 0."""


class Generator(nn.Module):
    """Packets from noise.

    Args:
        p: sizes.
        protocols: number of protocols, P.
    """

    def __init__(self, p: EWganGpParameters, protocols: int) -> None:
        super().__init__()
        self.sizes = (len(PLACES) * p.width, protocols, 1)
        layers: list[nn.Module] = []
        for width in (p.noise, p.hidden, p.hidden):
            layers += [nn.Linear(width, p.hidden), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Linear(p.hidden, sum(self.sizes)))

    def parts(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors, scores of protocols, and the logit of the time, (B, 6w), (B, P), (B, 1), for noise (B, noise)."""
        vectors, protocol, time = self.body(z).split(self.sizes, dim=1)
        return vectors, protocol, time

    def forward(self, z: Tensor) -> Tensor:
        """The packets as the critic sees them, (B, 6w + P + 1): vectors, shares of protocols, time in 0..1."""
        vectors, protocol, time = self.parts(z)
        return torch.cat([vectors, protocol.softmax(dim=1), time.sigmoid()], dim=1)


def critic(p: EWganGpParameters, protocols: int) -> nn.Sequential:
    """The critic, (B, 6w + P + 1) -> (B, 1)."""
    return nn.Sequential(
        nn.Linear(len(PLACES) * p.width + protocols + 1, p.hidden),
        nn.LeakyReLU(SLOPE),
        nn.Linear(p.hidden, p.hidden),
        nn.LeakyReLU(SLOPE),
        nn.Linear(p.hidden, 1),
    )
