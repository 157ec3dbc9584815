"""Parameters of `llama`."""

from __future__ import annotations

from dataclasses import dataclass

from ntgbench.learning.recipe import Precision, TokenRecipe


@dataclass(frozen=True)
class LlamaParameters(TokenRecipe):
    """Parameters of `llama`; defaults of the architecture are those of arXiv 2603.25507.

    Attributes:
        hidden: width of the model, a multiple of twice the heads.
        intermediate: width of the feed-forward blocks.
        layers: number of decoder layers.
        heads: attention heads of a layer.
        dropout: probability with which a number is left out in training: of embeddings, of what each block adds, and
            before the output; 0 leaves none out.
        sampling_precision: type that matrices are multiplied in when sampling; bfloat16 changes the distribution
            slightly.
    """

    epochs: int = 12
    balance: float = 0.5
    weight_decay: float = 0.1
    hidden: int = 160
    intermediate: int = 320
    layers: int = 4
    heads: int = 8
    dropout: float = 0.0
    sampling_precision: Precision = "float32"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("hidden", "intermediate", "layers", "heads")
        self.at_most(4_096, "hidden", "intermediate", "heads")
        self.at_most(100, "layers")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, not {self.dropout}")
        if self.hidden % (2 * self.heads):
            raise ValueError(f"hidden must be a multiple of twice the heads, {2 * self.heads}, not {self.hidden}")
