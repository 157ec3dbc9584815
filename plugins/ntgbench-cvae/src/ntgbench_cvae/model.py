"""The conditional variational autoencoder.

Kingma and Welling 2014, arXiv 1312.6114; with a class: Sohn, Lee and Yan 2015 (NIPS 28); with beta: Higgins et al. 2017
(ICLR).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from ntgbench_cvae.parameters import CvaeParameters


class Cvae(nn.Module):
    """Encoder and decoder of biflows.

    A row describes a biflow, float (2 P + classes,): its signed payload lengths as shares of the largest, 0 where there
    is no packet; 1 for each packet that is there; and its class, one-hot.
    """

    def __init__(self, parameters: CvaeParameters, packets: int, classes: int) -> None:
        super().__init__()
        p = parameters
        self.settings, self.packets = p, packets
        self.encoder = nn.Sequential(
            nn.Linear(2 * packets + classes, p.outer),
            nn.ReLU(),
            nn.Linear(p.outer, p.inner),
            nn.ReLU(),
            nn.Linear(p.inner, 2 * p.latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(p.latent + classes, p.inner),
            nn.ReLU(),
            nn.Linear(p.inner, p.outer),
            nn.ReLU(),
            nn.Linear(p.outer, 2 * packets),
        )

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latent numbers, float (N, latent) each."""
        mean, log_variance = self.encoder(rows).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latent: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Values in -1..1 and logits of the presence of packets, float (N, P) each, given classes one-hot."""
        values, presence = self.decoder(torch.cat([latent, classes], dim=1)).chunk(2, dim=1)
        return values.tanh(), presence

    def loss(self, rows: Tensor) -> tuple[Tensor, int]:
        """Mean over `rows` of reconstruction error and divergence, with one draw of latent numbers; and their count."""
        values, there, classes = rows.tensor_split((self.packets, 2 * self.packets), dim=1)
        mean, log_variance = self.encode(rows)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        decoded, presence = self.decode(latent, classes)
        error = (decoded - values) / self.settings.spread
        error = error.abs() if self.settings.value_loss == "absolute" else error.square()
        total = (
            (error * there).sum()
            + functional.binary_cross_entropy_with_logits(presence, there, reduction="sum")
            + self.settings.beta * divergence(mean, log_variance).sum()
        )
        return total / len(rows), len(rows)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence, in nats (N,), of independent normal numbers (N, latent) from standard ones.

    Closed form: Kingma and Welling 2014, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1)
