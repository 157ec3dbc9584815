"""Parameters of `mamba`."""

from __future__ import annotations

from dataclasses import dataclass

from ntgbench.learning.recipe import TokenRecipe


@dataclass(frozen=True)
class MambaParameters(TokenRecipe):
    """Parameters of `mamba`; defaults of the architecture are those of arXiv 2603.25507, else those of Mamba.

    Attributes:
        hidden: width of the model.
        expand: width inside a layer as a multiple of `hidden`; the paper's intermediate 144 is 2 times 72.
        layers: number of layers.
        state: numbers of state of each inner component.
        conv_kernel: tokens that the convolution of a layer sees.
    """

    epochs: int = 14
    learning_rate: float = 4e-3
    weight_decay: float = 0.1
    balance: float = 0.5
    hidden: int = 72
    expand: int = 2
    layers: int = 4
    state: int = 16
    conv_kernel: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("hidden", "expand", "layers", "state", "conv_kernel")
        self.at_most(4_096, "hidden", "state", "conv_kernel")
        self.at_most(100, "expand", "layers")
