"""The flow bootstrap: whole connections of the training trace, started in another order."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.collisions import kept_apart
from ntgbench.traffic.connections import Connections, Numbers
from ntgbench.words import pluralised
from ntgbench_trace_references.kept import Kept
from ntgbench_trace_references.parameters import FlowBootstrapParameters
from ntgbench_trace_references.remap import other_addresses, other_ports, service_ports

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

_log = logging.getLogger(__name__)

_LEAST_BLOCKS = 10
"""Blocks that there are at least: a short trace has shorter ones."""


class FlowBootstrap(Kept[FlowBootstrapParameters]):
    """Draws connections, both directions together, without replacement until all are used.

    Blocks of following connections stay together, with the gaps between their starts, and come in another order: a
    block bootstrap (Kunsch 1989, https://doi.org/10.1214/aos/1176347265) in which each block is drawn once.
    """

    def keep(self, trace: PacketTrace) -> None:
        """Have `trace` and its connections as the model."""
        super().keep(trace)
        self.connections = Connections.of(trace)
        self.inner_ns = self.connections.inner_ns(trace.time_ns)
        self.outer_ns = self.connections.outer_ns(trace.time_ns)

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """Exactly as many packets as asked for, less those of connections that last longer than is asked for.

        Logs a warning when there are fewer.
        """
        known = self.connections
        drawn, times = self._drawn(-(-packets // len(self.trace)), rng)
        first = np.cumsum(known.count[drawn]) - known.count[drawn]
        wanted = first < packets
        drawn, times, first = drawn[wanted], times[wanted], first[wanted]
        count = np.minimum(known.count[drawn], packets - first)

        place = np.arange(count.sum()) + np.repeat(known.first[drawn] - first, count)
        inner = self.inner_ns[place]
        after = np.cumsum(inner - (inner * (self.parameters.jitter * rng.random(len(place)))).astype(np.int64))
        after -= np.repeat(after[first], count)
        within = after <= span_ns
        last = np.maximum.reduceat(np.where(within, after, 0), first)
        # A connection that would end too late is moved to the beginning by as much as it is late.
        start = self._starts(drawn, span_ns) % (span_ns - last + 1)

        if late := int(np.count_nonzero(~within)):
            of_all = f"{late:,} of the {pluralised(packets, 'packet')} asked for"
            _log.warning(
                "%s are not made: their connections last longer than the %.6g s asked for", of_all, span_ns / 1e9
            )

        of = np.repeat(np.arange(len(drawn)), count)[within]
        time_ns = self.trace.time_ns[0] + (start[of] + after[within])
        ends = self._remapped(place[within], of, times, rng)
        return replace(self.trace.select(known.order[place[within]]), time_ns=time_ns, **ends).sorted_by_time()

    def _drawn(self, rounds: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Connections in the order of their starts, and how often each has been drawn before: int64 (rounds * C,)."""
        count = len(self.connections)
        block = min(self.parameters.block, max(1, count // _LEAST_BLOCKS))
        block_of = (np.arange(count) + rng.integers(block)) // block
        rank = rng.permuted(np.tile(np.arange(block_of[-1] + 1), (rounds, 1)), axis=1)
        drawn = np.argsort(rank[:, block_of], axis=1, kind="stable")
        return drawn.ravel(), np.repeat(np.arange(rounds), count)

    def _starts(self, drawn: Numbers, span_ns: int) -> Numbers:
        """When the connections begin, int64 like `drawn`: after the gaps before them, stretched to the time asked for.

        The last one begins as long before the end as in the training trace.
        """
        outer = self.outer_ns[drawn].astype(np.float64)
        after = np.cumsum(outer) - outer[0]
        share = self.outer_ns.sum() / max(self.trace.span_ns, 1)
        starts: Numbers = (after * (share * span_ns / max(after[-1], 1.0))).astype(np.int64)
        return starts

    def _remapped(
        self, place: Numbers, of: Numbers, times: Numbers, rng: np.random.Generator
    ) -> dict[str, npt.NDArray[Any]]:
        """Ports and addresses of the packets; a connection that is drawn again gets other ports in any case.

        Args:
            place: of each packet in the order of the known connections, int64 (N,).
            of: the drawn connection that each is of, int64 (N,), 0, 1, … without a gap, ascending.
            times: how often each connection has been drawn before, int64 (C,).
            rng: for all that is exchanged.
        """
        trace, remap, rows = self.trace, self.parameters.remap, self.connections.order[place]
        ports = (trace.source_port[rows], trace.destination_port[rows])
        addresses = (trace.source[rows], trace.destination[rows])
        ports = other_ports(ports, service_ports(trace), times[of] + (remap != "none"), rng)
        if remap == "all":
            addresses = other_addresses(addresses, rng)
        names = ("source_port", "destination_port", "source", "destination")
        ends: dict[str, npt.NDArray[Any]] = dict(zip(names, (*ports, *addresses), strict=True))
        # Between two ports of services no port was exchanged, and cycles may meet.
        heads = np.flatnonzero(np.diff(of, prepend=-1))
        apart = kept_apart({name: end[heads] for name, end in (ends | {"protocol": trace.protocol[rows]}).items()}, rng)
        one, other = apart["source_port"][of], apart["destination_port"][of]
        back = self.connections.back[place] > 0
        return ends | {"source_port": np.where(back, other, one), "destination_port": np.where(back, one, other)}
