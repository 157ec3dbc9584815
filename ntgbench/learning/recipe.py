"""How a model is trained: the parameters that all plugins with a torch model share. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ntgbench.mapping.codes import Sampling  # noqa: TC001  # read at run time

Precision = Literal["float32", "bfloat16"]
"""Type that matrices are multiplied in. It is never chosen by the machine, so that a system is the same everywhere.
bfloat16 is faster on a GPU, and on a CPU that has instructions for it."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; the parameters of a plugin inherit from it and may change the defaults.

    Attributes:
        epochs: most passes over the training set; the budget of the context may allow fewer.
        batch: biflows of a training step.
        learning_rate: highest learning rate, after the warm-up.
        weight_decay: decay of weights with two dimensions or more (AdamW); gains and biases never decay.
        balance: how much more often biflows of rare classes are drawn: a class of n biflows is drawn in proportion to
            n ** (1 - balance), so that 0 draws every biflow once an epoch and 1 every class equally often. An epoch
            has as many draws as biflows.
        patience: epochs without a better validation loss after which training ends.
        average: decay of an exponential moving average of the weights, which is then validated and kept in their
            place; 0 is no average.
        precision: type that matrices are multiplied in while training; weights and validation stay float32.
    """

    epochs: int = 12
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    balance: float = 0.0
    patience: int = 5
    average: float = 0.0
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        self.at_least_one("epochs", "batch", "patience")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise ValueError("learning_rate must be above 0 and weight_decay at least 0")
        if not 0 <= self.balance <= 1:
            raise ValueError(f"balance must be in 0..1, not {self.balance}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be at least 0 and below 1, not {self.average}")

    def at_least_one(self, *names: str) -> None:
        """Raise ValueError for the first of these parameters that is below 1."""
        for name in names:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    def at_most(self, most: int, *names: str) -> None:
        """Raise ValueError for the first of these parameters that is above `most`: models must fit into memory."""
        for name in names:
            if getattr(self, name) > most:
                raise ValueError(f"{name} must be at most {most:,}, not {getattr(self, name):,}")


@dataclass(frozen=True)
class TokenRecipe(Recipe):
    """How a token model is trained and sampled; the parameters of a token generator inherit from it.

    Attributes:
        sampling: how biflows are drawn: each for itself, or `systematic`, where every beginning of a class gets its
            probability's share of the biflows asked for, rounded down or up; see `ntgbench.mapping.codes.Codes`.
    """

    sampling: Sampling = "independent"
