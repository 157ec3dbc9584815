"""Parameters of the systems. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from ntgbench.values import Count, Positive

Steps = Annotated[int, Meta(ge=0)]
Decay = Annotated[float, Meta(ge=0, lt=1)]
LeftOut = Literal[
    "none", "packets", "duration", "active_steps", "max_rate", "mean_rate", "std_rate", "mean_pause", "all"
]


@dataclass(frozen=True)
class RepresentationParameters:
    """How a trace becomes numbers, and numbers become a trace.

    Attributes:
        steps: time steps of a trace, T.
        timestamps: how packets get their times inside a step: "ml" from the generator of packets, "sp" evenly over the
            part of the step that the series says, "eq" evenly over the whole step. "gaps", which is ours, is
            "sp" with gaps from the generator of packets in place of equal ones.
        ports: ports and protocol as learnt "words", or as "bits".
        span: the part of a step that its packets fill, "linear" or on a "log" scale.
        fields: lengths are always shares of the range "observed" in the training trace; TOS, IP id, fragment offset and
            TTL likewise, so that they stay in it, or of what their "type" can hold, as the code of the paper does.
        repeats: what happens to a flow whose 5-tuple an earlier flow has, and to a flow that reaches out of the trace:
            "repair" draws another port and squeezes the flow; "ref" drops that flow, and the packets outside, as
            the code of the paper does.
    """

    steps: Annotated[int, Meta(ge=1, le=10_000)] = 20
    timestamps: Literal["eq", "sp", "ml", "gaps"] = "ml"
    ports: Literal["words", "bits"] = "words"
    span: Literal["linear", "log"] = "linear"
    fields: Literal["type", "observed"] = "type"
    repeats: Literal["repair", "ref"] = "repair"


@dataclass(frozen=True)
class CascadeNetParameters(RepresentationParameters):
    """The form of the paper, at a size that a CPU trains in minutes.

    The paper has hidden=512, and in generator steps about 150,000 for each of the first three phases and 15,000 for the
    joint one.

    Attributes:
        conditions: where the conditions of flows come from: "generated" by the first generator, "resampled" from the
            training flows at other times, "oracle" those of the training flows with their times, which is what the code
            of the paper does.
        without: a condition that is left out; "all" leaves only the times of a flow.
        sub_period: whether the series has the middle and the span of the packets inside a step; "sp" needs them.
        throughput: whether the series has bytes.
        zero_flag: whether the series says by a flag of its own that a step has no packet.
        series: the second generator: "lstm", or "mlp" for all steps at once.
        packets: the third generator: "mlp", one packet at a time, or "lstm" over the packets of a step.
        step_packets: packets of a step that the "lstm" makes in one go, at most.
        hidden: width of all networks.
        noise: numbers of noise that each generator gets.
        window: time steps around a packet that the third generator sees, odd.
        batch: flows or packets of a step of training; fewer when there are not as many.
        totals: how many packets a flow has: as many as its "series" says, or that scaled to its "condition".
        balance: how much more often large flows are learnt from: with a chance in proportion to this power of their
            packets. Of generated flows as many are left out again, so that large ones do not become more frequent.
        learning_rate: of all optimisers.
        falling: whether learning rates fall to 0 over each phase, in a line.
        average: share of the old in a running average of the generators' weights, which replaces the last weights at
            the end of each phase; without one, 0, the last weights stay.
        beta1: decay of Adam's mean.
        beta2: decay of Adam's mean square.
        critic_steps: steps of the critics for each step of the generators.
        fresh_batch_per_critic_step: draw new real and synthetic batches for each of these, instead of one for all.
        g1_steps: steps of the first generator by itself.
        g2_steps: steps of the second generator by itself.
        g3_steps: steps of the third generator by itself.
        joint_steps: steps of all three together.
    """

    conditions: Literal["generated", "resampled", "oracle"] = "generated"
    without: LeftOut = "none"
    sub_period: bool = True
    throughput: bool = True
    zero_flag: bool = True
    series: Literal["lstm", "mlp"] = "lstm"
    packets: Literal["mlp", "lstm"] = "mlp"
    step_packets: Annotated[int, Meta(ge=1, le=10_000)] = 2_000
    hidden: Annotated[int, Meta(ge=1, le=8_192)] = 128
    noise: Annotated[int, Meta(ge=1, le=8_192)] = 100
    window: Annotated[int, Meta(ge=1, le=501)] = 11
    batch: Annotated[int, Meta(ge=2)] = 128
    totals: Literal["series", "condition"] = "series"
    balance: Annotated[float, Meta(ge=0, le=1)] = 0.0
    learning_rate: Positive = 1e-4
    falling: bool = False
    average: Decay = 0.0
    beta1: Decay = 0.9
    beta2: Decay = 0.999
    critic_steps: Count = 5
    fresh_batch_per_critic_step: bool = False
    g1_steps: Steps = 1000
    g2_steps: Steps = 1000
    g3_steps: Steps = 1000
    joint_steps: Steps = 150

    def __post_init__(self) -> None:
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd, not {self.window}")
        if self.timestamps in ("sp", "gaps") and not self.sub_period:
            raise ValueError(f'timestamps "{self.timestamps}" needs sub_period')
        if self.without in ("packets", "all") and (self.totals == "condition" or self.balance):
            raise ValueError('totals "condition" and balance need the condition of packets, which is left out')


@dataclass(frozen=True)
class TunedParameters(CascadeNetParameters):
    """Settings that come nearer to the training trace in a short training."""

    timestamps: Literal["eq", "sp", "ml", "gaps"] = "gaps"
    ports: Literal["words", "bits"] = "bits"
    span: Literal["linear", "log"] = "log"
    fields: Literal["type", "observed"] = "observed"
    totals: Literal["series", "condition"] = "condition"
    balance: Annotated[float, Meta(ge=0, le=1)] = 0.5
    learning_rate: Positive = 1e-3
    falling: bool = True
    average: Decay = 0.99
    beta1: Decay = 0.5
    beta2: Decay = 0.9
    g1_steps: Steps = 2000
    g2_steps: Steps = 2000
    g3_steps: Steps = 2000
