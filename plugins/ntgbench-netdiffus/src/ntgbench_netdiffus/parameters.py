"""Parameters of `netdiffus-nr`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ntgbench.learning.recipe import Precision, Recipe

Sampler = Literal["dpm", "ancestral"]


@dataclass(frozen=True)
class NetDiffusParameters(Recipe):
    """Parameters of `netdiffus-nr`.

    Attributes:
        channels: channels of the U-Net at full resolution, a multiple of twice the heads; at half resolution there are
            twice as many.
        blocks: residual blocks of each resolution on the way down.
        heads: attention heads.
        noise_steps: steps in which an image becomes noise while training.
        sampler: "dpm" takes `steps` steps of DPM-Solver++(2M) back, "ancestral" all `noise_steps`.
        steps: steps of "dpm", at most `noise_steps`.
        sampling_precision: type that the U-Net computes in when sampling.
        inverse: "fit" reads a biflow off the whole image, "diag" off its diagonal.
        snap: lengths up to this many bytes are read as no packet.
    """

    epochs: int = 14
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    average: float = 0.999
    channels: int = 32
    blocks: int = 2
    heads: int = 4
    noise_steps: int = 100
    sampler: Sampler = "dpm"
    steps: int = 8
    sampling_precision: Precision = "float32"
    inverse: Literal["fit", "diag"] = "fit"
    snap: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("channels", "blocks", "heads", "steps")
        self.at_most(1_024, "channels")
        self.at_most(100, "blocks")
        self.at_most(10_000, "noise_steps", "snap")
        if self.channels % (2 * self.heads):
            raise ValueError(f"channels must be a multiple of twice the heads, {2 * self.heads}, not {self.channels}")
        if self.noise_steps < max(2, self.steps):
            raise ValueError(f"noise_steps must be at least 2 and at least steps, not {self.noise_steps}")
        if self.snap < 0:
            raise ValueError(f"snap must be at least 0, not {self.snap}")
