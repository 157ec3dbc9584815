"""Why a split trace is too small to rank systems well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ntgbench.tracks import Caution
from ntgbench.traffic.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ntgbench.traffic.trace import PacketTrace

FEW_PACKETS = 1_000
"""A share of so many independent packets is known to 3 points (95%), and packets of a connection are not independent.
Of the 400 steps that some metrics of time lay over a trace, each has 2 or 3 packets."""

NO_RANKS = 30
"""A share of so many packets is known to 18 points at best: hardly any two systems differ by as much."""

FEW_CONNECTIONS = 100
"""A share of so many connections is known to 10 points (95%); with fewer, one connection may move it by a point."""

SHORT_NS = 10**6
"""Clocks of captures mostly tell microseconds: a shorter trace has fewer than 1,000 times, and its gaps are rounded."""

OTHER_RATE = 10
"""Times as many packets in a second on one side as on the other, from which on metrics of time compare two loads."""


def cautions(train: PacketTrace, test: PacketTrace) -> Iterator[Caution]:
    """What keeps the two sides from ranking systems: few packets, few connections, a short time, or two loads."""
    packets = [len(side) for side in (train, test)]
    if min(packets) < FEW_PACKETS:
        none = min(packets) < NO_RANKS
        why = "no ranks" if none else f"with fewer than {FEW_PACKETS:,}, chance moves every metric"
        yield Caution(f"{_both(packets)} packets: {why}", unranked=none)
    connections = [len(Connections.of(side)) for side in (train, test)]
    if min(connections) < FEW_CONNECTIONS:
        why = f"with fewer than {FEW_CONNECTIONS}, a few connections decide what metrics say"
        yield Caution(f"{_both(connections)} connections: {why}")
    spans = [side.span_ns for side in (train, test)]
    if min(spans) < SHORT_NS:
        yield Caution(f"{_both(spans)} ns from first to last packet: with fewer than {SHORT_NS:,}, gaps are rounded")
        return
    first, second = (count / span for count, span in zip(packets, spans, strict=True))
    if max(first, second) > OTHER_RATE * min(first, second):
        more, less = ("training", "held-out") if first > second else ("held-out", "training")
        times = max(first, second) / min(first, second)
        told = f"the {more} trace has {times:,.0f} times as many packets a second as the {less} trace"
        yield Caution(f"{told}: metrics of time compare two loads")


def _both(numbers: Sequence[int]) -> str:
    return "{:,} training and {:,} held-out".format(*numbers)
