"""Parameters of STAN. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from ntgbench.values import Count, Positive

Width = Annotated[int, Meta(ge=1, le=8_192)]
Share = Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True)
class StanParameters:
    """Sizes that a CPU trains in a minute.

    Attributes:
        window: packets before a packet that it depends on, a power of two.
        links: how many packets back a packet may say that its 5-tuple is that of an earlier one, or the reverse of it;
            with 0, the form of the paper, addresses and ports are drawn afresh for each packet.
        hidden: width of the context network.
        head: width of the hidden layer of each column's head.
        embedding: numbers that stand for the value of a column.
        components: Gaussians of the mixture of a continuous column.
        bins: bins of the logarithm of the time between packets.
        exact_lengths: the most frequent lengths, which are classes of their own beside the mixture; 0 for the mixture
            alone.
        ports: how a port is drawn inside its bucket of 100 ports: as often as in training ("histogram"), or "uniform".
        batch: chunks of a step of training.
        chunk: following packets of a chunk.
        cut: share of the chunks for which only a random part of the window is known, as at the start of a stream.
        steps: steps of training.
        learning_rate: highest learning rate of Adam: it rises at first, and falls to 0.
        streams: sequences that are sampled side by side, which come one after the other in the trace.
    """

    window: Annotated[int, Meta(ge=2, le=4_096)] = 32
    links: Annotated[int, Meta(ge=0, le=4_096)] = 0
    hidden: Width = 128
    head: Width = 48
    embedding: Width = 8
    components: Annotated[int, Meta(ge=1, le=1_000)] = 10
    bins: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    exact_lengths: Annotated[int, Meta(ge=0, le=65_536)] = 64
    ports: Literal["histogram", "uniform"] = "histogram"
    batch: Count = 8
    chunk: Annotated[int, Meta(ge=1, le=65_536)] = 64
    cut: Share = 0.2
    steps: Count = 1_000
    learning_rate: Positive = 1e-3
    streams: Count = 32

    def __post_init__(self) -> None:
        if self.window & (self.window - 1):
            raise ValueError(f"window must be a power of two, not {self.window}")
