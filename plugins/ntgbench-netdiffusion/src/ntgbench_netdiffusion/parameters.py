"""Parameters of the system. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from ntgbench.learning.recipe import Precision  # noqa: TC001  # read at run time
from ntgbench.values import Count, Positive


@dataclass(frozen=True)
class NetDiffusionParameters:
    """A size that a CPU trains in a minute.

    The paper has rows=1024 and fine-tunes Stable Diffusion 1.5, a network about a thousand times as large.

    Attributes:
        rows: packets of an image. What a flow has after these is not learnt, and not made.
        width: numbers of a row inside either network, even.
        blocks: blocks of either network.
        noise_steps: steps in which an image becomes noise.
        flow_steps: steps of training of the network that draws what is one number in a flow.
        flow_batch: flows in such a step.
        steps: steps of training of the network that draws packets.
        batch: flows in such a step.
        learning_rate: of Adam at the beginning; it falls to 0 over the training, as half a cosine.
        average: how much of the running average of the weights, which is the model, is kept in each step.
        sampling_steps: steps in which noise becomes an image, at most noise_steps.
        addresses: of a flow, "random" ones as in the code of the paper, or a pair drawn from those of the "training"
            flows, which the model then holds.
        ports: of a flow, those that the "image" says, or "random" ones from the dynamic range.
        repair: whether headers are made to obey the rules of their protocols. Without, each packet has what its row
            says, as far as a trace can hold that.
    """

    rows: Annotated[int, Meta(ge=1, le=1_024)] = 32
    width: Annotated[int, Meta(ge=2, le=4_096)] = 128
    blocks: Annotated[int, Meta(ge=1, le=64)] = 3
    noise_steps: Annotated[int, Meta(ge=2, le=10_000)] = 200
    flow_steps: Count = 800
    flow_batch: Count = 64
    steps: Count = 700
    batch: Count = 32
    learning_rate: Positive = 2e-3
    average: Annotated[float, Meta(ge=0, lt=1)] = 0.99
    sampling_steps: Count = 8
    addresses: Literal["random", "training"] = "random"
    ports: Literal["image", "random"] = "image"
    repair: bool = True

    def __post_init__(self) -> None:
        if self.width % 2:
            raise ValueError(f"width must be even, not {self.width}")
        if self.sampling_steps > self.noise_steps:
            raise ValueError(
                f"sampling_steps must be at most noise_steps, {self.noise_steps}, not {self.sampling_steps}"
            )


@dataclass(frozen=True)
class StableDiffusionParameters:
    """The paper's sizes, but for what README.md says.

    Attributes:
        weights: folder of a Stable Diffusion model in the layout of diffusers, in safetensors; a relative one starts
            from the folder where the command is given.
        rows: packets of a picture. What a flow has after these is not learnt, and not made.
        square: a bit is a square of as many pixels, both ways.
        rank: of LoRA; its alpha is the same.
        steps: steps of training.
        batch: flows in a step.
        learning_rate: of AdamW.
        caption: of all pictures.
        sampling_steps: steps in which noise becomes a picture.
        guidance: by how much the caption is exaggerated, see arXiv 2207.12598; 1 is not at all, and twice as fast.
        precision: type that matrices are multiplied in.
        addresses, ports, repair: see `NetDiffusionParameters`.
    """

    weights: str = ""
    rows: Annotated[int, Meta(ge=1, le=1_024)] = 256
    square: Annotated[int, Meta(ge=1, le=8)] = 3
    rank: Annotated[int, Meta(ge=1, le=1_024)] = 128
    steps: Count = 2_000
    batch: Count = 1
    learning_rate: Positive = 1e-4
    caption: str = "pixelated network data, type-0"
    sampling_steps: Annotated[int, Meta(ge=1, le=1_000)] = 20
    guidance: Annotated[float, Meta(ge=1, le=100)] = 7.0
    precision: Precision = "float32"
    addresses: Literal["random", "training"] = "random"
    ports: Literal["image", "random"] = "image"
    repair: bool = True
