"""Handshakes: which packet of a 5-tuple begins another TCP connection, told by the sequence numbers.

A connection is known by its two initial sequence numbers (RFC 9293, 3.4). A SYN states the sender's, a SYN-ACK the
sender's and, by what it acknowledges, the receiver's. A SYN that comes late, is sent again or was captured twice states
a number that the open connection has already, or one that its packets follow on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.trace import ACK, FIN, RST, SYN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ntgbench.traffic.segmentation import Heads
    from ntgbench.traffic.trace import PacketTrace

_Rows = npt.NDArray[np.int64]

_BEHIND = 1 << 20  # bytes that may be sent before a late SYN, where no other packet tells the first number
_AHEAD, LOOK_BACK = 1 << 16, 64  # bytes and packets of a connection that may be captured before its handshake
_WRAP = 1 << 32


def begin_connections(
    begins: npt.NDArray[np.bool_],
    trace: PacketTrace | Heads,
    order: _Rows,
    low_first: npt.NDArray[np.bool_],
    runs: _Rows | None = None,
    seen: npt.NDArray[np.bool_] | None = None,
    known: Mapping[int, Connections] | None = None,
    wanted: _Rows | None = None,
) -> dict[int, Connections]:
    """Set `begins` where another connection begins on the same 5-tuple.

    A run is a stretch of packets of one 5-tuple without a pause. Where packets have been taken out of it, what they
    said is in `known`.

    Args:
        begins: bool (N,). Where, in `order`, a run begins.
        trace: N packets.
        order: int64 (N,). The packets, 5-tuple by 5-tuple.
        low_first: bool (N,). Whether the lower endpoint sends each packet of the trace.
        runs: int64. Where runs begin, in `order`; None takes `begins`.
        seen: bool (N,). Packets, in `order`, that `known` has seen already.
        known: connections before the packets that are not `seen`, by where their run begins; they may be changed.
        wanted: int64. Where the runs begin whose connections at their end are asked for.

    Returns:
        these connections, by where their run begins.
    """
    known = known or {}
    starts = np.flatnonzero(begins) if runs is None else runs
    rows = np.flatnonzero(trace.tcp_flags[order] & (SYN | RST) == SYN)
    rows = rows if seen is None else rows[~seen[rows]]
    packet = order[rows]
    run = np.searchsorted(starts, rows, "right") - 1
    answer = trace.tcp_flags[packet] & ACK != 0
    acknowledged = trace.tcp_acknowledgement[packet] - np.uint32(1)
    way, number, room = low_first[packet], trace.tcp_sequence[packet], trace.payload_length[packet]
    # Nearly all handshakes are plain: each packet is of the same client and states the number of the one before.
    client, first = way ^ answer, np.where(answer, acknowledged, number)
    ahead = first[1:] - first[:-1]
    same = (ahead == 0) | (answer[1:] & ~answer[:-1] & (ahead <= room[:-1]))
    plain = rows == starts[run]
    plain[1:] |= same & (client[1:] == client[:-1]) & (run[1:] == run[:-1])
    doubtful = np.zeros(len(starts), np.bool_)
    doubtful[run[~plain]] = True
    doubtful[np.searchsorted(starts, np.array(list(known), np.int64))] = True
    wanted = np.zeros(0, np.int64) if wanted is None else wanted
    doubtful[np.searchsorted(starts, wanted)] = True
    chosen = doubtful[run]
    columns = (run, rows, way, number, np.where(answer, acknowledged.astype(np.int64), -1), room)
    handshakes = (_Handshake(*row) for row in zip(*(column[chosen].tolist() for column in columns), strict=True))
    packets = _Packets(trace, order, low_first)
    found: dict[int, Connections] = {}
    for this, group in groupby(handshakes, lambda handshake: handshake.run):
        start = int(starts[this])
        found[start] = known.get(start) or Connections(_Connection(start), _Connection(start))
        begins[_connections(found[start], group, packets)] = True
    ends = np.append(starts[1:], len(order))[np.searchsorted(starts, wanted)]
    asked: dict[int, Connections] = {}
    for start, end in zip(wanted.tolist(), ends.tolist(), strict=True):
        asked[start] = found.get(start) or known.get(start) or Connections(_Connection(start), _Connection(start))
        open_ = asked[start].open_
        open_.first = packets.first(open_, end)
    return asked


@dataclass(frozen=True)
class _Handshake:
    """A packet with a SYN."""

    run: int  # which stretch of a 5-tuple it is in
    row: int  # its place in the order by 5-tuple
    way: bool  # whether the lower endpoint sends it
    number: int  # its sequence number
    acknowledged: int  # the first sequence number of the other side by its acknowledgement, -1 without one
    room: int  # bytes of payload; an answer may acknowledge them too (TCP Fast Open, RFC 7413)


class _First(NamedTuple):
    """Numbers of the first packets of a connection that are not handshakes, by the way they go; None before these."""

    sequence: tuple[int | None, int | None] = (None, None)
    acknowledgement: tuple[int | None, int | None] = (None, None)


@dataclass
class _Connection:
    """A connection as far as it is known: for each way, the numbers of its SYNs and what was acknowledged of them."""

    begin: int
    numbers: tuple[set[int], set[int]] = field(default_factory=lambda: (set(), set()))
    acknowledged: list[int] = field(default_factory=lambda: [-1, -1])
    sent: list[tuple[int, int]] = field(default_factory=lambda: [(-1, 0), (-1, 0)])
    """Number and bytes of payload of the last SYN."""
    first: _First = field(default_factory=lambda: _First())
    """As far as packets were looked at that are no longer there."""

    def knows(self, way: bool) -> bool:
        return bool(self.numbers[way]) or self.acknowledged[way] >= 0

    def has(self, packet: _Handshake) -> bool:
        """Whether a SYN states a number that was stated before, or an answer acknowledges one."""
        if packet.acknowledged < 0:
            return packet.number in self.numbers[packet.way]
        other = not packet.way
        number, room = self.sent[other]
        known = packet.acknowledged in self.numbers[other] or packet.acknowledged == self.acknowledged[other]
        return known or (number >= 0 and (packet.acknowledged - number) % _WRAP <= room)

    def add(self, packet: _Handshake) -> None:
        self.numbers[packet.way].add(packet.number)
        if packet.acknowledged >= 0:
            self.acknowledged[not packet.way] = packet.acknowledged
        else:
            self.sent[packet.way] = packet.number, packet.room


@dataclass
class Connections:
    """The connections of a 5-tuple: the one that is open, and the one before it, which may be the same."""

    before: _Connection
    open_: _Connection


@dataclass(frozen=True)
class _Packets:
    """The packets that are not handshakes, as evidence of where their connection began."""

    trace: PacketTrace | Heads
    order: _Rows
    low_first: npt.NDArray[np.bool_]

    def first(self, connection: _Connection, end: int) -> _First:
        """What the first packets of a connection up to a row say."""
        rows = self.order[connection.begin : end]
        flags, low_first = self.trace.tcp_flags[rows], self.low_first[rows]
        usable = flags & (SYN | RST) == 0
        sequence, acknowledgement = list(connection.first.sequence), list(connection.first.acknowledgement)
        for way in (False, True):
            sent = usable & (low_first == way)
            for known, mask, column in (
                (sequence, sent, self.trace.tcp_sequence),
                (acknowledgement, sent & (flags & ACK != 0), self.trace.tcp_acknowledgement),
            ):
                if known[way] is None and mask.any():
                    known[way] = int(column[rows[mask.argmax()]])
        return _First((sequence[0], sequence[1]), (acknowledgement[0], acknowledgement[1]))

    def follow(self, open_: _Connection, end: int, way: bool, number: int, behind: int = _BEHIND) -> bool | None:
        """Whether the first packets of a connection, each way, may follow a SYN; None where there are none.

        That is, whether one of them is at most `behind` bytes ahead of its number, or none has a number to compare.
        """
        first = self.first(open_, end)
        stated = (first.sequence[way], first.acknowledgement[not way])
        found = [(one - number) % _WRAP <= behind for one in stated if one is not None]
        return any(found) if found else first.sequence != (None, None) or None

    def ahead(self, packet: _Handshake, before: _Connection) -> int:
        """The first of the packets right before a handshake that are of its connection already, not of the one before.

        They follow its numbers closely, and more closely than those of the connection before.
        """
        numbers = {packet.way: packet.number}
        if packet.acknowledged >= 0:
            numbers[not packet.way] = packet.acknowledged
        row = packet.row
        while row - 1 > max(before.begin, packet.row - LOOK_BACK) and self._follows(row - 1, numbers, before):
            row -= 1
        return row

    def _follows(self, row: int, numbers: dict[bool, int], before: _Connection) -> bool:
        at = self.order[row]
        flags = int(self.trace.tcp_flags[at])
        if flags & (SYN | RST | FIN):
            return False
        way = bool(self.low_first[at])
        stated = [(way, int(self.trace.tcp_sequence[at]))]
        if flags & ACK:
            stated.append((not way, int(self.trace.tcp_acknowledgement[at])))
        close = []
        for side, number in stated:
            if side in numbers:
                distance = (number - numbers[side]) % _WRAP
                known = before.numbers[side] | {before.acknowledged[side]} - {-1}
                farther = all((number - old) % _WRAP > distance for old in known)
                close.append(0 < distance <= _AHEAD and farther)
        return bool(close) and all(close)


def _connections(found: Connections, handshakes: Iterable[_Handshake], packets: _Packets) -> list[int]:
    """Rows where another connection than the one before begins, in a run; `found` becomes what is there at its end."""
    begins: list[int] = []
    for packet in handshakes:
        if found.before.has(packet) and not found.open_.has(packet):
            continue  # captured again, or late, after the next connection has begun
        if not _belongs(packet, found.open_, packets):
            begins.append(packets.ahead(packet, found.open_))
            found.before, found.open_ = found.open_, _Connection(begins[-1])
        found.open_.add(packet)
    return begins


def _belongs(packet: _Handshake, open_: _Connection, packets: _Packets) -> bool:
    """Whether a handshake is of the connection that is open."""
    way = packet.way
    if open_.has(packet):
        return True
    if packet.acknowledged < 0:
        if open_.numbers[way]:
            return False
        acknowledged = open_.acknowledged[way]
        if acknowledged >= 0 and (acknowledged - packet.number) % _WRAP <= packet.room:
            return True
        # Where an answer speaks against it, only the very next byte speaks for it.
        follow = packets.follow(open_, packet.row, way, packet.number, 1 if acknowledged >= 0 else _BEHIND)
        # Without other packets, both sides open the connection at once (RFC 9293, 3.5), or a RST is of one before.
        return follow if follow is not None else open_.knows(not way)
    if open_.knows(way) or open_.knows(not way):
        # An answer that acknowledges another number is of another connection, where both ends of this one are known.
        return not (open_.knows(way) and open_.knows(not way))
    follow = packets.follow(open_, packet.row, way, packet.number)
    if follow is not True:
        other = packets.follow(open_, packet.row, not way, packet.acknowledged)
        follow = follow if other is None else other
    return follow is not False
