"""Parameters of the system. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from ntgbench.values import Count, Positive

Width = Annotated[int, Meta(ge=1, le=8_192)]
Steps = Annotated[int, Meta(ge=0)]
Decay = Annotated[float, Meta(ge=0, lt=1)]


@dataclass(frozen=True)
class NetShareParameters:
    """The form of the paper, at a size that a CPU trains in a minute and a half.

    The paper has hidden=512, learning_rate=0.0001, no bound on sequences, and 1,000 passes over the first chunk of a
    trace of a million packets, a quarter of that for each other one.

    Attributes:
        chunks: slices of equal time that are learnt one by one.
        longest: packets of a flow in a chunk that are learnt, at most; what comes later in the chunk is left out.
        hidden: width of the dense networks.
        lstm: width of the LSTM that makes packets.
        noise: numbers of noise, for attributes and for each step of the LSTM.
        packets_a_step: packets that a step of the LSTM makes, S.
        gaps: times between packets of a flow on a "linear" scale, as in the paper, or on a "log" scale.
        fields: lengths are always shares of the range "observed" in the training trace; TOS, IP id, fragment offset and
            TTL likewise, so that they stay in it, or of what their "type" can hold, as the code of the paper does.
        outside: what happens to packets that come after the end of their chunk: "squeeze" shortens the gaps of their
            flow until it fits, "drop" leaves them out, as the code of the paper does.
        repeats: what happens to a flow that has the 5-tuple of an earlier one: "repair" draws another port, "drop"
            leaves out what is in the same chunk, as the code of the paper does.
        batch: flows of a step of training; fewer when a chunk has not as many.
        learning_rate: of all optimisers.
        beta1: decay of Adam's mean.
        beta2: decay of Adam's mean square.
        critic_steps: steps of the critics for each step of the generator.
        attribute_weight: how much the critic of attributes counts for the generator.
        steps: steps of the generator in the chunk with the most flows, which is learnt first.
        later_steps: steps of the generator in each other chunk, from the weights of the first one on.
    """

    chunks: Annotated[int, Meta(ge=1, le=1_000)] = 10
    longest: Annotated[int, Meta(ge=1, le=100_000)] = 100
    hidden: Width = 128
    lstm: Width = 100
    noise: Width = 5
    packets_a_step: Annotated[int, Meta(ge=1, le=1_000)] = 5
    gaps: Literal["linear", "log"] = "linear"
    fields: Literal["type", "observed"] = "observed"
    outside: Literal["squeeze", "drop"] = "squeeze"
    repeats: Literal["repair", "drop"] = "repair"
    batch: Annotated[int, Meta(ge=2)] = 100
    learning_rate: Positive = 1e-3
    beta1: Decay = 0.5
    beta2: Decay = 0.999
    critic_steps: Count = 5
    attribute_weight: Annotated[float, Meta(ge=0)] = 1.0
    steps: Steps = 150
    later_steps: Steps = 25
