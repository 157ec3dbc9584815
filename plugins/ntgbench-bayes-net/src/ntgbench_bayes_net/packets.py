"""Packets inside a connection: a semi-Markov chain of states with a gap before each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import TCP
from ntgbench_bayes_net import bins
from ntgbench_bayes_net.tables import UNKNOWN, Table
from ntgbench_bayes_net.vocabulary import vocabulary

if TYPE_CHECKING:
    from ntgbench.traffic.connections import Connections
    from ntgbench.traffic.trace import PacketTrace
    from ntgbench_bayes_net.parameters import BayesNetParameters

Numbers = npt.NDArray[np.int64]

FIELDS = ("family", "back", "flags", "header", "no_id", "payload")
"""What a state says of a packet: protocol and IP version, its side, TCP flags, bytes of headers, whether its IP id is
0, and the category of its payload."""

MOST_STATES = 4096

LAST = 3
"""Packets left, up to which a chain knows how many are left."""

PIECE = 512
"""Packets of a connection that are drawn one after the other. Longer ones are drawn in pieces side by side; each but
the first begins without knowing what came before."""

FREQUENT = 5
"""How often a payload length must occur to stand for itself."""


@dataclass(frozen=True, eq=False)
class Members:
    """What the packets of C connections depend on, int64 (C,) each."""

    kind: Numbers
    service: Numbers
    volume: Numbers
    pace: Numbers
    count: Numbers  # packets, at least 1


@dataclass(frozen=True, eq=False)
class Chain:
    """The chain. A state is the row of `states`; the state before the first packet is `len(states)`."""

    states: Numbers  # int64 (S, 6). `FIELDS` of each
    payload: Numbers  # edges of payload lengths, see `bins`
    gap: Numbers  # edges of gaps, in units of time
    following: Table  # of the next state
    waiting: Table  # of the gap before it

    @staticmethod
    def of(
        trace: PacketTrace,
        connections: Connections,
        inner: Numbers,
        members: Members,
        sizes: tuple[int, int, int, int],
        parameters: BayesNetParameters,
    ) -> Chain:
        """Count what follows what.

        Args:
            trace: the packets.
            connections: its connections.
            inner: time since the packet before in the same connection, as `connections.order`; 0 for the first.
            members: what is known of each connection.
            sizes: number of kinds, services, volumes and paces.
            parameters: how fine, and the order.
        """
        order, number = connections.order, connections.number
        payload = trace.payload_length[order].astype(np.int64)
        payload_edges = bins.edges(payload, parameters.bins, parameters.words, FREQUENT)
        later = inner[np.diff(number, prepend=-1) == 0]
        often = max(FREQUENT, len(later) // parameters.bins)
        gap_edges = bins.edges(later, parameters.bins, parameters.bins, often) if len(later) else np.array([0, 1])
        family = (trace.protocol == TCP) * 2 + trace.is_ipv4()
        states, state = vocabulary(
            [
                family[order],
                connections.back,
                trace.tcp_flags[order],
                trace.ip_length[order] - payload,
                (trace.ip_id[order] == 0).astype(np.int64),
                bins.category(payload, payload_edges),
            ],
            MOST_STATES,
        )
        rank = np.arange(len(order)) - connections.first[number]
        before = [_shifted(state, rank, lag, len(states)) for lag in (1, 2)]
        left = np.minimum(connections.count[number] - 1 - rank, LAST)
        coarse = coarse_states(states)
        follows = _follows(members, number, left, before, coarse)
        following = Table.of(
            follows,
            state,
            following_sizes(sizes[:3], states),
            len(states),
            FOLLOWING[parameters.order],
            parameters.smoothing,
        )
        inside = rank > 0
        waits = _waits(members, number[inside], before[0][inside], state[inside], coarse)
        waiting = Table.of(
            waits,
            bins.category(inner[inside], gap_edges),
            waiting_sizes((sizes[0], sizes[1], sizes[3]), states),
            len(gap_edges) - 1,
            WAITING,
            parameters.smoothing,
        )
        return Chain(states, payload_edges, gap_edges, following, waiting)

    def draw(self, members: Members, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
        """States of all packets, connection by connection, and categories of the gaps before them, int64 (N,) each."""
        total = int(members.count.sum())
        begin = np.cumsum(members.count) - members.count
        pieces = -(-members.count // PIECE)
        of = np.repeat(np.arange(len(pieces)), pieces)
        nth = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        length = np.minimum(members.count[of] - nth * PIECE, PIECE)
        longest_first = np.argsort(-length, kind="stable")
        of, nth, length = of[longest_first], nth[longest_first], length[longest_first]
        first = begin[of] + nth * PIECE
        left = members.count[of] - nth * PIECE - 1
        coarse = coarse_states(self.states)
        start = np.where(nth == 0, len(self.states), UNKNOWN)
        before = [start, start]
        state, gap = np.zeros(total, np.int64), np.zeros(total, np.int64)
        for step in range(int(length[0])):
            live = int(np.searchsorted(-length, -step, side="left"))
            now = of[:live]
            before = [one[:live] for one in before]
            left_now = np.minimum(left[:live] - step, LAST)
            drawn = self.following.draw(_follows(members, now, left_now, before, coarse), rng)
            gap[first[:live] + step] = self.waiting.draw(_waits(members, now, before[0], drawn, coarse), rng)
            state[first[:live] + step] = drawn
            before = [drawn, before[0]]
        return state, gap


FOLLOWING: dict[int, list[tuple[int, ...]]] = {
    1: [(0,), (0, 4), (0, 3, 4), (0, 3, 5), (0, 1, 3, 5), (0, 1, 2, 3, 5)],
    2: [(0,), (0, 4), (0, 3, 4), (0, 3, 5), (0, 1, 3, 5), (0, 1, 2, 3, 5), (0, 1, 2, 3, 5, 6)],
}
"""Levels of the next state, by the order of the chain: columns of `_follows`."""

WAITING: list[tuple[int, ...]] = [(0,), (0, 2), (0, 2, 3, 4), (0, 2, 5, 6), (0, 1, 2, 5, 6)]
"""Levels of the gap: columns of `_waits`."""


def coarse_states(states: Numbers) -> Numbers:
    """Side and TCP flags of each state as a number, and another for the start, int64 (S + 1,)."""
    _, coarse = np.unique(states[:, 1] << 8 | states[:, 2], return_inverse=True)
    return np.append(coarse, coarse.max() + 1)


def following_sizes(sizes: tuple[int, int, int], states: Numbers) -> list[int]:
    """Number of values of the columns of `_follows`; `sizes` are those of kind, service and volume."""
    return [*sizes, LAST + 1, int(coarse_states(states).max()) + 1, len(states) + 1, len(states) + 1]


def waiting_sizes(sizes: tuple[int, int, int], states: Numbers) -> list[int]:
    """Number of values of the columns of `_waits`; `sizes` are those of kind, service and pace."""
    coarse = int(coarse_states(states).max()) + 1
    return [*sizes, coarse, coarse, len(states) + 1, len(states) + 1]


def _follows(members: Members, of: Numbers, left: Numbers, before: list[Numbers], coarse: Numbers) -> list[Numbers]:
    last = np.where(before[0] < 0, UNKNOWN, coarse[before[0]])
    return [members.kind[of], members.service[of], members.volume[of], left, last, *before]


def _waits(members: Members, of: Numbers, before: Numbers, state: Numbers, coarse: Numbers) -> list[Numbers]:
    last = np.where(before < 0, UNKNOWN, coarse[before])
    return [members.kind[of], members.service[of], members.pace[of], last, coarse[state], before, state]


def _shifted(state: Numbers, rank: Numbers, lag: int, start: int) -> Numbers:
    """The state `lag` packets before in the same connection, or `start`."""
    shifted = np.full_like(state, start)
    shifted[lag:] = state[:-lag]
    return np.where(rank >= lag, shifted, start)
