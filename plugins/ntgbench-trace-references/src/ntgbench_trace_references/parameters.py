"""Parameters of the reference systems. Light: listing the systems imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from ntgbench.values import Count


@dataclass(frozen=True)
class FlowBootstrapParameters:
    """What the flow bootstrap keeps and what it changes.

    Attributes:
        block: connections that stay one after the other, with the gaps between their starts.
        jitter: largest share by which a gap inside a connection is shortened.
        remap: what is exchanged by a seeded bijection: client ports inside their range, addresses inside their /24 (the
            last eight bits for IPv6) as well, or nothing.
    """

    block: Count = 50
    jitter: Annotated[float, Meta(ge=0, lt=1)] = 0.002
    remap: Literal["none", "ports", "all"] = "ports"
