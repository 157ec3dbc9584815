"""The fitted model: what it holds, how it is learnt, and how traffic is drawn from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.connections import Connections
from ntgbench_bayes_net import bins
from ntgbench_bayes_net.attributes import KINDS, PLAN, Attributes
from ntgbench_bayes_net.decoding import decoded
from ntgbench_bayes_net.network import Network
from ntgbench_bayes_net.packets import Chain, Members

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_bayes_net.parameters import BayesNetParameters

Numbers = npt.NDArray[np.int64]

LONGEST = 65_535
"""Bytes of headers and of a payload at most: what is longer, by segmentation offload, counts as so long."""

DRAWS = 8
"""Draws of connections that one is chosen from."""


@dataclass(frozen=True, eq=False)
class Model:
    """All that a sample is made of."""

    attributes: Attributes
    network: Network
    chain: Chain
    start_ns: int  # time of the first packet of the training trace
    span_ns: int  # its duration
    unit_ns: int  # of gaps and durations
    packets: float  # mean packets of a connection
    sequences: bool  # whether TCP sequence numbers are made

    @staticmethod
    def of(trace: PacketTrace, parameters: BayesNetParameters) -> Model:
        """Learn from a trace."""
        trace = _bounded(trace)
        connections = Connections.of(trace)
        after = trace.time_ns - trace.time_ns[0]
        # Times of many captures are whole microseconds.
        unit_ns = 1 if (after % 1000).any() else 1000
        inner = connections.inner_ns(trace.time_ns) // unit_ns
        attributes, values = Attributes.of(trace, connections, inner, unit_ns, parameters)
        sizes = attributes.sizes
        network = Network.of(values, sizes, PLAN, parameters.parents, parameters.smoothing)
        known = dict(zip(PLAN.nodes, values, strict=True))
        size = dict(zip(PLAN.nodes, sizes, strict=True))
        members = _members(known, connections.count)
        chain = Chain.of(
            trace, connections, inner, members, (KINDS, size["service"], size["volume"], size["pace"]), parameters
        )
        return Model(
            attributes,
            network,
            chain,
            int(trace.time_ns[0]),
            trace.span_ns,
            unit_ns,
            len(trace) / len(connections),
            bool(trace.tcp_sequence.any()),
        )

    def sample(self, packets: int, span_ns: int, rng: np.random.Generator) -> PacketTrace:
        """Exactly `packets` packets within `span_ns` ns."""
        values, count = self._connections(packets, rng)
        known = dict(zip(PLAN.nodes, values, strict=True))
        state, gap = self.chain.draw(_members(known, count), rng)
        after = self._after(count, gap, span_ns, rng)
        last = after[np.cumsum(count) - 1]
        # A connection that would end too late begins earlier.
        start = self._starts(known, span_ns, rng) % (span_ns - last + 1)
        return decoded(self, values, count, state, after, start, rng)

    def _connections(self, packets: int, rng: np.random.Generator) -> tuple[list[Numbers], Numbers]:
        """Categories of connections in the order of their starts, and packets of each, which are `packets` together.

        Few connections have most packets, so their sum may be far from what it was in training. Of some draws of as
        many connections as there should be, the one whose sum is nearest is taken.
        """
        draws = [self._drawn(max(1, round(packets / self.packets)), rng) for _ in range(DRAWS)]
        values, count = min(draws, key=lambda drawn: abs(int(drawn[1].sum()) - packets))
        number = len(count)
        while (missing := packets - int(count.sum())) > 0:
            more, packets_of_each = self._drawn(int(missing / self.packets) + 1, rng)
            values = [np.concatenate(pair) for pair in zip(values, more, strict=True)]
            count = np.concatenate([count, packets_of_each])
        # What is too much is left out at random, and the last connection that is kept is cut.
        order = np.append(rng.permutation(number), np.arange(number, len(count)))
        upto = np.cumsum(count[order])
        kept = order[: int(np.searchsorted(upto, packets)) + 1]
        count[kept[-1]] -= upto[len(kept) - 1] - packets
        kept = np.sort(kept)
        kept = kept[np.argsort(values[0][kept], kind="stable")]
        return [value[kept] for value in values], count[kept]

    def _drawn(self, number: int, rng: np.random.Generator) -> tuple[list[Numbers], Numbers]:
        """So many connections, as many in each epoch, and the packets of each."""
        epochs = len(self.attributes.epoch_ns) - 1
        first = (np.arange(number) * epochs + rng.integers(epochs)) // number
        values = self.network.draw(np.minimum(first, epochs - 1), rng)
        return values, bins.drawn(values[PLAN.nodes.index("count")], self.attributes.edges["count"], rng)

    def _after(self, count: Numbers, gap: Numbers, span_ns: int, rng: np.random.Generator) -> Numbers:
        """Time of each packet since the start of its connection, in ns, at most `span_ns`."""
        first = np.cumsum(count) - count
        inner = bins.drawn(gap, self.chain.gap, rng)
        inner[first] = 0
        of = np.repeat(np.arange(len(count)), count)
        # Sums of long gaps could overflow.
        room = span_ns // self.unit_ns
        together = np.add.reduceat(inner.astype(np.float64), first)
        long = (together > room)[of]
        inner = np.where(long, (inner * (room / np.maximum(together, 1.0))[of]).astype(np.int64), inner)
        after = np.cumsum(inner)
        after = np.minimum(after - after[first][of], room)
        times: Numbers = after * self.unit_ns
        return times

    def _starts(self, known: dict[str, Numbers], span_ns: int, rng: np.random.Generator) -> Numbers:
        """When the connections start, in ns since the start of the trace, int64 (C,).

        The gaps of an epoch are stretched to its duration, in proportion to the span that is asked for.
        """
        epoch, epochs = known["epoch"], len(self.attributes.epoch_ns) - 1
        gap = bins.drawn(known["gap"], self.attributes.edges["gap"], rng).astype(np.float64)
        until_next = np.append(gap[1:], 0.0)
        total = np.bincount(epoch, until_next, epochs)
        until_next = np.where(total[epoch] > 0, until_next, 1.0)
        total = np.bincount(epoch, until_next, epochs)
        before = np.cumsum(until_next) - until_next
        begin = np.searchsorted(epoch, np.arange(epochs))
        inside = (before - before[np.minimum(begin, len(epoch) - 1)][epoch]) / total[epoch]
        bound = self.attributes.epoch_ns * (span_ns / max(self.span_ns, 1))
        start = bound[epoch] + inside * np.diff(bound)[epoch]
        starts: Numbers = np.clip((start / self.unit_ns).astype(np.int64) * self.unit_ns, 0, span_ns)
        return starts


def _bounded(trace: PacketTrace) -> PacketTrace:
    """The trace without longer headers and payloads than `LONGEST`."""
    header = np.minimum(trace.ip_length - trace.payload_length, LONGEST)
    payload = np.minimum(trace.payload_length, LONGEST)
    return replace(trace, ip_length=header + payload, payload_length=payload)


def _members(known: dict[str, Numbers], count: Numbers) -> Members:
    return Members(known["kind"], known["service"], known["volume"], known["pace"], count)
