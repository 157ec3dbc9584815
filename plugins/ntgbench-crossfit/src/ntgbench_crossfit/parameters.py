"""Parameters of `crossfit`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ntgbench_llama.parameters import LlamaParameters


@dataclass(frozen=True)
class CrossfitParameters(LlamaParameters):
    """Parameters of `crossfit`; those of `llama` are of each decoder.

    Attributes:
        folds: parts of the training set; there is a decoder for each, which learns from all other parts.
        discount: what is taken from the count of each packet after a beginning, in the weight of its own biflow: 1
            leaves what the other biflows say. Less than 1 copies more.
        least_steps: steps of training that each decoder may take however few biflows there are: `epochs` are more where
            they would be fewer steps.
    """

    epochs: int = 10
    average: float = 0.99
    hidden: int = 128
    intermediate: int = 256
    layers: int = 2
    dropout: float = 0.1
    folds: int = 2
    discount: float = 1.0
    least_steps: int = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.folds <= 100:
            raise ValueError(f"folds must be in 2..100, not {self.folds}")
        if not 0 < self.discount <= 1:
            raise ValueError(f"discount must be above 0 and at most 1, not {self.discount}")
        self.at_least_one("least_steps")

    def for_rows(self, rows: int) -> CrossfitParameters:
        """The parameters with as many epochs of so many rows as `least_steps` asks for."""
        return replace(self, epochs=max(self.epochs, math.ceil(self.least_steps / math.ceil(rows / self.batch))))
