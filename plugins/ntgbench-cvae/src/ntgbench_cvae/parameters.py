"""Parameters of `cvae`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ntgbench.learning.recipe import Recipe


@dataclass(frozen=True)
class CvaeParameters(Recipe):
    """Parameters of `cvae`; defaults of the architecture are those of arXiv 2603.25507.

    Attributes:
        outer: width of the encoder's first and the decoder's last hidden layer.
        inner: width of the encoder's last and the decoder's first hidden layer.
        latent: number of latent components.
        beta: weight of the Kullback-Leibler divergence in the loss.
        value_loss: error of a value in the loss: absolute or squared.
        spread: unit of the error of a value, as a share of the largest payload length.
        presence: whether a packet is present: "drawn" with its probability, or the "likelier" of both.
    """

    epochs: int = 200
    batch: int = 256
    learning_rate: float = 3e-3
    patience: int = 20
    average: float = 0.999
    outer: int = 500
    inner: int = 250
    latent: int = 20
    beta: float = 1.0
    value_loss: Literal["absolute", "squared"] = "absolute"
    spread: float = 0.1
    presence: Literal["drawn", "likelier"] = "drawn"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("outer", "inner", "latent")
        self.at_most(16_384, "outer", "inner", "latent")
        if not self.beta >= 0 or not self.spread > 0:
            raise ValueError("beta must be at least 0 and spread above 0")
