"""Parameters of `llama`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LlamaParameters:
    """Parameters of `llama`; the architecture's defaults are those of arXiv 2603.25507.

    Attributes:
        hidden: width of the model, a multiple of twice the heads.
        intermediate: width of the feed-forward blocks.
        layers: number of decoder layers.
        heads: attention heads of a layer.
        epochs: passes over the training set at most.
        batch: biflows of a training step.
        learning_rate: highest learning rate, after the warm-up.
        weight_decay: decay of weights (AdamW).
        patience: epochs without a better validation loss after which training ends.
    """

    hidden: int = 160
    intermediate: int = 320
    layers: int = 4
    heads: int = 8
    epochs: int = 12
    batch: int = 32
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.1
    patience: int = 5

    def __post_init__(self) -> None:
        for name in ("hidden", "intermediate", "layers", "heads", "epochs", "batch", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.hidden % (2 * self.heads):
            raise ValueError(f"hidden must be a multiple of twice the heads, {2 * self.heads}, not {self.hidden}")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise ValueError("learning_rate must be above 0 and weight_decay at least 0")
