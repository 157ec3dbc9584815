"""STAN as small as it can be, trained for a few steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ntgbench_stan.generator import Stan
from ntgbench_stan.parameters import StanParameters

from ntgbench.interfaces import Context
from ntgbench.tracks.headers.example import example_trace

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

TINY: dict[str, Any] = {
    "window": 4, "hidden": 8, "head": 5, "embedding": 3, "components": 2, "bins": 50, "exact_lengths": 3, "batch": 3,
    "chunk": 6, "steps": 3, "streams": 4,
}  # fmt: skip


def tiny(**changes: Any) -> StanParameters:
    """Small settings."""
    return replace(StanParameters(**TINY), **changes)


def fitted(train: PacketTrace, seed: int = 1, **changes: Any) -> Stan:
    """The system, trained for three steps unless `changes` say otherwise."""
    system = Stan(tiny(**changes))
    system.fit(train, Context(seed=seed))
    return system


def ipv4_example() -> PacketTrace:
    """The example without its flow over IPv6."""
    whole = example_trace()
    return whole.select(np.flatnonzero(whole.is_ipv4()))
