"""Parameters of the system. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from ntgbench.values import Count, Positive


@dataclass(frozen=True)
class EWganGpParameters:
    """Those that CascadeNet's authors ran; their 25 epochs are 4,900 steps on lab-trace.

    Attributes:
        steps: steps of the generator.
        critic_steps: steps of the critic before each step of the generator, on one batch of packets, each with fresh
            noise and fresh mixtures.
        batch: packets of a step, drawn with replacement.
        learning_rate: of Adam, for both networks.
        hidden: units of a hidden layer of both networks.
        noise: numbers that a packet is made from.
        width: numbers of the vector of a word.
    """

    steps: Count = 4_900
    critic_steps: Annotated[int, Meta(ge=1, le=100)] = 2
    batch: Annotated[int, Meta(ge=1, le=65_536)] = 256
    learning_rate: Positive = 1e-4
    hidden: Annotated[int, Meta(ge=1, le=8_192)] = 128
    noise: Annotated[int, Meta(ge=1, le=1_024)] = 10
    width: Annotated[int, Meta(ge=1, le=1_024)] = 10
