"""Connections as rows of categories: what the Bayesian network is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import TCP
from ntgbench_bayes_net import bins
from ntgbench_bayes_net.hosts import Hosts
from ntgbench_bayes_net.network import Plan
from ntgbench_bayes_net.vocabulary import vocabulary

if TYPE_CHECKING:
    from ntgbench.traffic.connections import Connections
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_bayes_net.parameters import BayesNetParameters

Numbers = npt.NDArray[np.int64]

NODES = {
    "epoch": (),  # which part of the trace it starts in
    "kind": ("epoch",),  # see `kinds`
    "gap_class": ("epoch", "kind"),  # of `gap`
    "service": ("kind",),  # the lower port
    "client": ("kind",),  # address of the side with the higher port
    "server": ("kind",),  # address of the other side
    "port": ("kind",),  # the higher port
    "count_class": ("kind",),  # of `count`
    "volume": ("kind",),  # mean payload
    "pace": ("kind",),  # mean logarithm of the gaps between packets
    "gap": ("kind", "gap_class"),  # time since the start of the connection before
    "count": ("kind", "count_class"),  # packets
    "marks": ("kind",),  # TTL, TOS, IP flags and IP ids of the side that sent the first packet
    "marks_back": ("kind",),  # and of the other one
}
"""Attributes, and what each depends on in any case. All follows the kind: no UDP packet has TCP's header, and no IPv4
host talks to an IPv6 one."""

PLAN = Plan(tuple(NODES), NODES, chained=("kind", "gap_class", "service", "client"), lags=2)

KINDS = 16

NUMERIC = ("gap", "service", "port", "count", "volume", "pace")
"""Attributes that are numbers, in bins."""

CLASSED = {name: f"{name}_class" for name in ("gap", "count")}
"""Numbers that have a class, which says roughly what they are: with few values it is easier to learn what it depends
on, and what depends on it."""

PACE_UNIT = 1000
"""Parts of a natural logarithm that paces are counted in."""

LEAST_EPOCH = 20
"""Connections of an epoch at least."""

FREQUENT = 3
"""How often a port or a number of packets must occur to stand for itself."""

CLASSES = 12
"""Parts of about equal mass that volumes and paces are cut into, and classes of other numbers."""


@dataclass(frozen=True, eq=False)
class Attributes:
    """How attributes of connections are cut into categories."""

    edges: dict[str, Numbers]  # of those in `NUMERIC`: where categories begin, see `bins`
    hosts: Hosts
    marks: Numbers  # int64 (M, 4). TTL, TOS, IP flags, 1 when IP ids count up
    epoch_ns: Numbers  # int64 (E + 1,). Start of the first connection of each epoch, and of the last connection

    @property
    def sizes(self) -> list[int]:
        """Number of categories of each node."""
        known = dict.fromkeys(CLASSED.values(), CLASSES) | {
            "epoch": len(self.epoch_ns) - 1,
            "kind": KINDS,
            "client": len(self.hosts),
            "server": len(self.hosts),
            "marks": len(self.marks),
            "marks_back": len(self.marks),
        }
        return [known[name] if name in known else len(self.edges[name]) - 1 for name in PLAN.nodes]

    @staticmethod
    def of(
        trace: PacketTrace, connections: Connections, inner: Numbers, unit_ns: int, parameters: BayesNetParameters
    ) -> tuple[Attributes, list[Numbers]]:
        """Learn the categories, and say that of each connection: a list of int64 (C,), one for each node.

        `inner` is the time since the packet before in the same connection, in units of `unit_ns`, as
        `connections.order`; 0 for the first.
        """
        order, first, count = connections.order, connections.first, connections.count
        head = order[first]
        toward = trace.source_port[head] >= trace.destination_port[head]
        two_way = np.maximum.reduceat(connections.back, first)
        kind = kinds(trace.protocol[head] == TCP, trace.is_ipv4()[head], toward, two_way)
        ends = (trace.source[head], trace.destination[head])
        client = np.where(toward[:, None], ends[0], ends[1])
        server = np.where(toward[:, None], ends[1], ends[0])
        hosts, host = Hosts.of(np.concatenate([client, server]), parameters.words)
        marks, mark = _marks(trace, connections, parameters.words)

        start = trace.time_ns[head]
        gap = np.diff(start, prepend=start[:1]) // unit_ns
        payload = np.add.reduceat(trace.payload_length[order].astype(np.int64), first)
        logarithm = np.add.reduceat(np.log1p(inner), first) / np.maximum(count - 1, 1)
        values = {
            "gap": gap,
            "service": np.minimum(trace.source_port[head], trace.destination_port[head]).astype(np.int64),
            "port": np.maximum(trace.source_port[head], trace.destination_port[head]).astype(np.int64),
            "count": count,
            "volume": payload // count,
            "pace": (logarithm * PACE_UNIT).astype(np.int64),
        }
        words, parts = parameters.words, parameters.bins
        often = max(FREQUENT, len(first) // parts)
        edges = {
            "gap": bins.edges(gap, parts, parts, often),
            "service": bins.edges(values["service"], parts, words, FREQUENT),
            "port": bins.edges(values["port"], parts, words, FREQUENT),
            "count": bins.edges(count, parts, parts, FREQUENT),
            "volume": bins.edges(values["volume"], CLASSES, 0, 1, doubling=False),
            "pace": bins.edges(values["pace"], CLASSES, 0, 1, doubling=False),
        }
        epochs = max(1, min(parameters.epochs, len(first) // LEAST_EPOCH))
        epoch = np.arange(len(first)) * epochs // len(first)
        begins = np.searchsorted(epoch, np.arange(epochs))
        known = {name: bins.category(values[name], edges[name]) for name in NUMERIC}
        known |= {"epoch": epoch, "kind": kind, "marks": mark[0], "marks_back": mark[1]}
        known["client"], known["server"] = np.split(host, 2)
        known |= {of: _classes(known[name], len(edges[name]) - 1) for name, of in CLASSED.items()}
        after = start[np.append(begins, len(start) - 1)] - start[0]
        return Attributes(edges, hosts, marks, after), [known[name] for name in PLAN.nodes]


def kinds(
    tcp: npt.NDArray[np.bool_], ipv4: npt.NDArray[np.bool_], toward: npt.NDArray[np.bool_], two_way: Numbers
) -> Numbers:
    """Kind of each connection, int64 (C,), 0..15: TCP, IPv4, first packet to the lower port, packets both ways."""
    kind: Numbers = tcp * 8 + ipv4 * 4 + toward * 2 + two_way.astype(np.int64)
    return kind


def _classes(number: Numbers, size: int) -> Numbers:
    """The class of each category, int64 (N,): groups of neighbours of about equal mass."""
    mass = np.bincount(number, minlength=size)
    middle = np.cumsum(mass) - (mass + 1) // 2
    return (middle * CLASSES // len(number))[number]


def _marks(trace: PacketTrace, connections: Connections, most: int) -> tuple[Numbers, tuple[Numbers, Numbers]]:
    """Distinct marks, and those of both sides of each connection; of a side without packets those of the other."""
    order, number = connections.order, connections.number
    side = 2 * number + connections.back
    by_side = np.argsort(side, kind="stable")
    ids = trace.ip_id[order][by_side].astype(np.int64)
    same = np.diff(side[by_side], prepend=-1) == 0
    step = np.diff(ids, prepend=0) % 2**16
    counts_up = np.bincount(side[by_side], same & (step > 0) & (step <= 16), 2 * len(connections))
    other = np.bincount(side[by_side], same & (step > 16), 2 * len(connections))
    begin = np.flatnonzero(~same)
    head, present = order[by_side[begin]], side[by_side[begin]]
    rows, found = vocabulary(
        [trace.ttl[head], trace.tos[head], trace.ip_flags[head], (counts_up >= other)[present].astype(np.int64)], most
    )
    of_side = np.full(2 * len(connections), -1)
    of_side[present] = found
    forth, back = of_side[::2], of_side[1::2]
    return rows, (forth, np.where(back < 0, forth, back))
