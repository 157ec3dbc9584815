"""Segmentation of a stream: only the packets of biflows that are open, and few of each, are in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.handshakes import LOOK_BACK, Connections, begin_connections
from ntgbench.traffic.segmentation import HEADS, Heads, by_five_tuple, clients, split_long, timeouts_ns
from ntgbench.traffic.transport import Transport

if TYPE_CHECKING:
    from ntgbench.traffic.fragments import Columns

_Rows = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class EndedFlows:
    """F biflows that have ended, in any order, as their first packets with payload."""

    first: _Rows  # int64 (F,). Number of the packet, in the order of time, that each begins with
    counts: _Rows  # int64 (F,). Packets with payload that are kept of each, 0 where it has none
    signed_pl: npt.NDArray[np.int32]  # int32 (counts.sum(),). Payload lengths in bytes, positive = upstream
    iat: npt.NDArray[np.float32]  # float32 (counts.sum(),). Seconds since the packet before, 0 for the first
    transport: Transport  # of the F biflows


class OpenFlows:
    """Finds the biflows that `segment` finds, in pieces of a trace that come one after the other.

    A run is a stretch of packets of one 5-tuple without a pause. Its packets are kept until it has ended, but of a long
    run only what biflows still need: their first packets with payload, the packets that tell where they begin and which
    way they go, and the last ones, which may turn out to be of the next connection.

    Args:
        idle_timeout: seconds, see `segment`.
        active_timeout: seconds, see `segment`.
        packets: packets with payload that are kept of each biflow; None keeps all.

    Attributes:
        carried: packets in memory.
    """

    def __init__(self, idle_timeout: float, active_timeout: float, packets: int | None = None) -> None:
        self._idle_ns, self._active_ns = timeouts_ns(idle_timeout, active_timeout)
        self._most = np.iinfo(np.int64).max if packets is None else packets
        # Twice what is kept of a run, so that a run is not looked through more often than it grows.
        self._long = 2 * ((packets or 0) + LOOK_BACK + 2)
        self._packets = 0  # so far
        self._carried: Columns = {}
        self._known: list[Connections] = []
        self.carried = 0

    def add(self, columns: Columns, last: bool = False) -> EndedFlows:
        """The biflows that have ended by the last of these packets, which are later than all before.

        Args:
            columns: those of a `PacketTrace`, in the order of time; they are taken out of it.
            last: whether no packet comes after these, so that all biflows have ended.
        """
        trace, position, hard, known = self._joined(columns)
        count = len(trace)
        low_first, order, same = by_five_tuple(trace)
        time, position, known = trace.time_ns[order], position[order], known[order]
        seen = known >= 0  # of runs from which packets have been taken out: there is no pause in them
        begins = np.ones(count, np.bool_)
        begins[1:] = ~same | ((np.diff(time) > self._idle_ns) & ~seen[1:])
        runs = np.flatnonzero(begins)
        ends = np.append(runs[1:], count)[: len(runs)]
        is_open = np.ones(len(runs), np.bool_)
        is_open[:-1] = ~same[runs[1:] - 1]
        is_open &= ~(trace.time_ns[-1:].max(initial=0) - time[ends - 1] > self._idle_ns) & (not last)
        cut = is_open & ((ends - runs > self._long) | seen[runs])
        begins |= hard[order]
        before = {row: self._restored(row, end, known[row], position) for row, end in _pairs(runs, ends, seen[runs])}
        after = begin_connections(begins, trace, order, low_first, runs, seen, before, runs[cut])
        hard = begins.copy()
        split_long(begins, time, self._active_ns)
        # From here on about biflows.
        starts = np.flatnonzero(begins)
        flow = np.cumsum(begins) - 1
        run = np.searchsorted(runs, starts, "right") - 1
        ended = ~is_open[run] | (cut[run] & (np.append(starts[1:], count)[: len(starts)] <= ends[run] - LOOK_BACK))
        client_low, tells = clients(trace, low_first, order, flow, starts)
        payload = trace.payload_length[order]
        rank = np.cumsum(payload > 0)
        kept = (payload > 0) & (rank - (rank[starts] - (payload[starts] > 0))[flow] <= self._most)
        out = kept & ended[flow]
        flows = EndedFlows(
            first=position[starts[ended]],
            counts=np.bincount(flow[out], minlength=len(starts))[ended],
            signed_pl=np.where(low_first[order[out]] == client_low[flow[out]], payload[out], -payload[out]),
            iat=_iat(time[out], flow[out]),
            transport=_transport(trace, order[starts[ended]], (low_first[order[starts]] == client_low)[ended]),
        )
        needed = kept.copy()
        needed[starts] = needed[tells] = True
        of_cut = np.repeat(cut, ends - runs)
        needed |= ~of_cut | (np.repeat(ends, ends - runs) - np.arange(count) <= LOOK_BACK)
        needed &= ~ended[flow]
        number = np.full(count, -1, np.int64)
        number[of_cut] = np.repeat(np.arange(int(cut.sum())), (ends - runs)[cut])
        self._keep(trace, order, needed, {"position": position, "hard": hard & of_cut, "known": number})
        self._known = [self._stored(connections, position) for connections in after.values()]
        return flows

    def _joined(self, columns: Columns) -> tuple[Heads, _Rows, _Mask, _Rows]:
        """The packets that are carried and new ones, and their position, begins and connections as far as known."""
        new = len(columns["time_ns"])
        fresh = {name: columns.pop(name) for name in HEADS} | {
            "position": np.arange(self._packets, self._packets + new),
            "hard": np.zeros(new, np.bool_),
            "known": np.full(new, -1, np.int64),
        }
        self._packets += new
        for name in fresh if self._carried else ():
            # One column after the other, so that there are never two copies of all.
            fresh[name] = np.concatenate([self._carried.pop(name), fresh[name]])
        position, hard, known = (fresh.pop(name) for name in ("position", "hard", "known"))
        return Heads(**fresh), position, hard, known

    def _keep(self, trace: Heads, order: _Rows, needed: _Mask, more: Columns) -> None:
        """Carry the packets that are needed, in the order of time."""
        rows = np.flatnonzero(needed)
        rows = rows[np.argsort(order[rows])]
        columns = {name: getattr(trace, name)[order[rows]] for name in HEADS}
        self._carried = columns | {name: column[rows] for name, column in more.items()}
        self.carried = len(rows)

    def _restored(self, start: int, end: int, known: int, position: _Rows) -> Connections:
        """The connections before a run that begins at row `start`; where the open one begins becomes a row."""
        connections = self._known[known]
        # What begins before the packets that are left begins with them.
        connections.open_.begin = start + int(np.searchsorted(position[start:end], connections.open_.begin))
        return connections

    @staticmethod
    def _stored(connections: Connections, position: _Rows) -> Connections:
        """The reverse of `_restored`: a row becomes a position."""
        connections.open_.begin = int(position[connections.open_.begin])
        return connections


def _pairs(one: _Rows, other: _Rows, mask: _Mask) -> zip[tuple[Any, Any]]:
    return zip(one[mask].tolist(), other[mask].tolist(), strict=True)


def _transport(trace: Heads, first: _Rows, by_client: _Mask) -> Transport:
    """The transport of biflows, of their first packets and whether the client sends these."""
    port = np.where(by_client, trace.destination_port[first], trace.source_port[first])
    return Transport(trace.protocol[first], port, trace.time_ns[first])


def _iat(time_ns: _Rows, flow: _Rows) -> npt.NDArray[np.float32]:
    """Seconds since the packet before of the same biflow."""
    iat = (np.diff(time_ns, prepend=0) / 1e9).astype(np.float32)
    iat[np.diff(flow, prepend=-1) != 0] = 0.0
    return iat
