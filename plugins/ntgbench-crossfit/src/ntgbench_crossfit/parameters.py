"""Parameters of `crossfit`."""

from __future__ import annotations

from dataclasses import dataclass

from ntgbench_llama.parameters import LlamaParameters


@dataclass(frozen=True)
class CrossfitParameters(LlamaParameters):
    """Parameters of `crossfit`; those of `llama` are of each decoder.

    Attributes:
        folds: parts of the training set; there is a decoder for each, which learns from all other parts.
        discount: what is taken from the count of each packet after a beginning, in the weight of its own biflow: 1
            leaves what the other biflows say. Less than 1 copies more.
    """

    epochs: int = 10
    average: float = 0.99
    hidden: int = 128
    intermediate: int = 256
    layers: int = 2
    dropout: float = 0.1
    folds: int = 2
    discount: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.folds <= 100:
            raise ValueError(f"folds must be in 2..100, not {self.folds}")
        if not 0 < self.discount <= 1:
            raise ValueError(f"discount must be above 0 and at most 1, not {self.discount}")
