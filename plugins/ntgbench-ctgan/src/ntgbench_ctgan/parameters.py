"""Parameters of the systems. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from ntgbench.values import Count, Positive

Width = Annotated[int, Meta(ge=1, le=8_192)]
Decay = Annotated[float, Meta(ge=0, lt=1)]
Numbers = Literal["modes", "mixed"]


@dataclass(frozen=True)
class CtganParameters:
    """CTGAN itself; the defaults, but for `steps`, are those of arXiv 1907.00503.

    Attributes:
        steps: steps of the generator. The paper has 300 passes over the table: 300 times its rows / batch.
        batch: rows of a step, a multiple of `pac`.
        pac: rows that the critic sees together, as one.
        noise: numbers of noise that the generator gets.
        hidden: width of the two hidden layers of generator and critic.
        dropout: share of the critic's hidden numbers that are left out at each step.
        temperature: of the Gumbel softmax.
        critic_steps: steps of the critic for each step of the generator.
        learning_rate: of both optimisers.
        weight_decay: of the generator.
        beta1: decay of Adam's mean.
        beta2: decay of Adam's mean square.
        modes: modes of a column of numbers, at most.
        mixture_rows: rows that the modes are learnt from, at most.
        frequent: in "mixed" columns, values that are categories of their own, at most.
    """

    steps: Annotated[int, Meta(ge=0)] = 450
    batch: Annotated[int, Meta(ge=2, le=2**20)] = 500
    pac: Annotated[int, Meta(ge=1, le=1_024)] = 10
    noise: Width = 128
    hidden: Width = 256
    dropout: Decay = 0.5
    temperature: Positive = 0.2
    critic_steps: Count = 1
    learning_rate: Positive = 2e-4
    weight_decay: Annotated[float, Meta(ge=0)] = 1e-6
    beta1: Decay = 0.5
    beta2: Decay = 0.9
    modes: Annotated[int, Meta(ge=1, le=100)] = 10
    mixture_rows: Annotated[int, Meta(ge=2)] = 10_000
    frequent: Annotated[int, Meta(ge=1, le=1_000)] = 50

    def __post_init__(self) -> None:
        if self.batch % self.pac:
            raise ValueError(f"batch must be a multiple of pac, {self.pac}, not {self.batch}")


@dataclass(frozen=True)
class HeaderParameters(CtganParameters):
    """Parameters of `ctgan` for header traces.

    Attributes:
        endpoints: how addresses and ports become columns. "modes": numbers, a column for each 32 bits of an address, as
            the authors of CascadeNet ran it. "mixed": the most frequent ones are categories, and the rest has modes.
            An address is its rank among those of the training trace there, so no other address is ever made.
        fields: how lengths, IP ids, fragment offsets and TTLs become columns.
    """

    endpoints: Numbers = "mixed"
    fields: Numbers = "mixed"


@dataclass(frozen=True)
class BiflowParameters(CtganParameters):
    """Parameters of `ctgan` for biflows.

    Attributes:
        lengths: how the signed payload lengths of packets become columns. "modes": numbers, beside a category for no
            packet. "mixed": the most frequent ones are categories as well.
    """

    lengths: Numbers = "mixed"
