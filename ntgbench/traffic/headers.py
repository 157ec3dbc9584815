"""From IP packets to the columns of a PacketTrace, for many packets at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic import kinds as k
from ntgbench.traffic.links import MOST_HEADERS, find_ip
from ntgbench.traffic.records import LONGEST_RECORD, Bytes, Offsets, Records, gather
from ntgbench.traffic.trace import TCP, UDP, ipv4_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Reader = Callable[["Packets", Offsets, Bytes], Offsets]

# What becomes of a packet: it is kept, or left out for a reason.
KEPT, NO_IP, OTHER_PROTOCOL, LATER_FRAGMENT, TUNNEL, SNAPPED, MALFORMED, UNSUPPORTED_LINK, SPLIT_HEADER = range(9)
REASONS = {
    NO_IP: "not IP",
    OTHER_PROTOCOL: "IP, but neither TCP nor UDP",
    LATER_FRAGMENT: "later fragment of a datagram",
    TUNNEL: "tunnel (the option inner reads the packets inside)",
    SNAPPED: "headers cut by the snap length",
    MALFORMED: "malformed headers",
    UNSUPPORTED_LINK: "unsupported link type",
    SPLIT_HEADER: "headers split over fragments that were not all captured",
}

_GRE = 47
_TUNNELS = {4: k.IPV4, 41: k.IPV6}
_ERSPAN_1_2, _ERSPAN_3 = 0x88BE, 0x22EB


class Packets:
    """Packets on their way through the headers, one row a packet: arrays (n,) that `decode` fills in.

    Attributes:
        data: the part of the capture file that they are in.
        start: offsets of their first captured bytes.
        at, end: offsets of the header that is next, and of the end of the captured bytes.
        wire_end: where the frame ended on the wire, counted as an offset like the others.
        reason: why the packet is left out, 0 while it is not.
        kind: where the search for IP ended, see `find_ip`.
        ip_at, ip_end: offsets of the IP header and, by the length it states, of the end of the IP packet.
        fragment: which packets are fragments, fragment_at: offset of what was cut up; fragment_id, fragment_protocol
            (of what was cut up), fragment_from (bytes), more: the fields of the header.
    """

    def __init__(self, records: Records, rows: slice) -> None:
        def zeros(kind: type[Any] = np.int64, *more: int) -> npt.NDArray[Any]:
            return np.zeros((len(self.at), *more), kind)

        self.data = records.data
        self.start = records.start[rows]
        self.at = self.start.copy()
        captured = records.captured[rows].astype(np.int64)
        self.end = self.at + captured
        self.wire_end = self.at + np.clip(records.wire[rows].astype(np.int64), captured, LONGEST_RECORD)
        self.link = records.link[rows].astype(np.int64)
        self.reason, self.kind = zeros(np.int8), zeros()
        self.ip_at, self.ip_end, self.protocol = zeros(), zeros(), zeros()
        self.fragment, self.more = zeros(np.bool_), zeros(np.bool_)
        self.fragment_at, self.fragment_id, self.fragment_from, self.fragment_protocol = (zeros() for _ in range(4))
        self.source, self.destination = zeros(np.uint64, 2), zeros(np.uint64, 2)
        self.ttl, self.flags, self.tos, self.ip_flags = (zeros(np.uint8) for _ in range(4))
        self.ip_id = zeros(np.uint16)
        self.ports, self.numbers = zeros(np.uint16, 2), zeros(np.uint32, 2)
        self.payload_at, self.payload = zeros(), zeros()

    def take(self, rows: Offsets, width: int) -> tuple[Offsets, Bytes]:
        """Those of `rows` that hold `width` captured bytes more, and these bytes; the others are left out."""
        fits = self.at[rows] + width <= self.end[rows]
        if not fits.all():
            self.drop(rows[~fits], k.CUT)
            rows = rows[fits]
        return rows, gather(self.data, self.at[rows], width)

    def drop(self, rows: Offsets, why: int) -> None:
        """Leave out `rows`; CUT means by the snap length, or by the sender when all of the frame was captured."""
        self.reason[rows] = why if why != k.CUT else np.where(self.end[rows] < self.wire_end[rows], SNAPPED, MALFORMED)


def decode(packets: Packets, inner: bool) -> None:
    """Find the payload of each packet, or the reason why it is left out."""
    rows = np.arange(len(packets.at))
    kind = k.LINK + packets.link
    for _ in range(MOST_HEADERS if inner else 1):
        where = packets.at[rows], packets.end[rows], packets.wire_end[rows]
        packets.at[rows], packets.wire_end[rows], kind = find_ip(packets.data, *where, kind)
        packets.kind[rows] = kind
        is_4, is_6 = kind == k.IPV4, kind == k.IPV6
        if len(lost := np.flatnonzero(~is_4 & ~is_6)):
            packets.drop(rows[lost], NO_IP)
            for code, why in ((k.CUT, k.CUT), (k.UNSUPPORTED, UNSUPPORTED_LINK)):
                packets.drop(rows[lost[kind[lost] == code]], why)
        _ipv4(packets, rows[is_4])
        _ipv6(packets, rows[is_6])
        rows, kind = _tunnels(packets, rows[packets.reason[rows] == KEPT], inner)
        if not len(rows):
            break
    else:
        packets.drop(rows, MALFORMED)
    rows = np.flatnonzero(packets.reason == KEPT)
    protocol = packets.protocol[rows]
    later = packets.fragment_from[rows] > 0
    packets.drop(rows[later], LATER_FRAGMENT)
    packets.drop(rows[(protocol != TCP) & (protocol != UDP)], OTHER_PROTOCOL)
    _tcp(packets, rows[(protocol == TCP) & ~later])
    _udp(packets, rows[(protocol == UDP) & ~later])
    begun = packets.fragment & packets.more & (packets.fragment_from == 0) & (packets.fragment_at <= packets.end)
    packets.reason[begun & ((packets.reason == MALFORMED) | (packets.reason == SNAPPED))] = SPLIT_HEADER


def _ipv4(packets: Packets, rows: Offsets) -> None:
    """RFC 791."""
    rows, header = packets.take(rows, 20)
    words = header.view(">u2")
    length = (header[:, 0] & 15).astype(np.int64) * 4
    total = words[:, 1].astype(np.int64)
    at = packets.at[rows]
    # A sender that leaves segmentation to its network card may leave the length to it as well.
    packets.ip_end[rows] = np.where(total == 0, packets.wire_end[rows], at + total)
    packets.ip_at[rows] = at
    packets.source[rows] = ipv4_address(header[:, 12:16].copy().view(">u4")[:, 0].astype(np.uint32))
    packets.destination[rows] = ipv4_address(header[:, 16:20].copy().view(">u4")[:, 0].astype(np.uint32))
    packets.ttl[rows] = header[:, 8]
    packets.tos[rows] = header[:, 1]
    packets.ip_id[rows] = words[:, 2]
    packets.ip_flags[rows] = words[:, 3] >> 13
    packets.protocol[rows] = header[:, 9]
    packets.fragment[rows] = words[:, 3] & 0x3FFF != 0
    packets.more[rows] = words[:, 3] & 0x2000 != 0
    packets.fragment_from[rows] = (words[:, 3] & 0x1FFF).astype(np.int64) * 8
    packets.fragment_id[rows] = words[:, 2]
    packets.fragment_protocol[rows] = header[:, 9]
    packets.at[rows] = packets.fragment_at[rows] = at + length
    wrong = (header[:, 0] >> 4 != 4) | (length < 20) | (packets.ip_end[rows] < at + length)
    packets.drop(rows[wrong], MALFORMED)
    packets.fragment[rows[wrong]] = False
    _extensions(packets, rows[~wrong], _AUTHENTICATION_ONLY)


def _ipv6(packets: Packets, rows: Offsets) -> None:
    """RFC 8200."""
    rows, header = packets.take(rows, 40)
    if not len(rows):
        return
    words = header.view(">u2")
    length = words[:, 2].astype(np.int64)
    at = packets.at[rows]
    # Length 0 is a jumbogram or left to the network card, see _ipv4.
    packets.ip_end[rows] = np.where(length == 0, packets.wire_end[rows], at + 40 + length)
    packets.ip_at[rows] = at
    packets.source[rows] = header[:, 8:24].copy().view(">u8")
    packets.destination[rows] = header[:, 24:40].copy().view(">u8")
    packets.ttl[rows] = header[:, 7]
    packets.tos[rows] = header[:, 0] << 4 | header[:, 1] >> 4
    packets.ip_id[rows] = packets.ip_flags[rows] = 0
    packets.protocol[rows] = header[:, 6]
    packets.fragment[rows] = packets.more[rows] = False
    packets.fragment_from[rows] = 0
    packets.at[rows] = packets.fragment_at[rows] = at + 40
    wrong = header[:, 0] >> 4 != 6
    packets.drop(rows[wrong], MALFORMED)
    _extensions(packets, rows[~wrong], _EXTENSIONS)


def _extensions(packets: Packets, rows: Offsets, readers: Mapping[int, Reader]) -> None:
    """Follow extension headers: their first byte is the protocol that is next, `readers` tell their length in bytes."""
    for _ in range(MOST_HEADERS):
        # What follows in a later fragment is not a header.
        rows = rows[(packets.reason[rows] == KEPT) & (packets.fragment_from[rows] == 0)]
        rows = rows[np.isin(packets.protocol[rows], list(readers))]
        if not len(rows):
            return
        for protocol in np.unique(packets.protocol[rows]).tolist():
            these, header = packets.take(rows[packets.protocol[rows] == protocol], 8)
            packets.at[these] += readers[protocol](packets, these, header)
            packets.protocol[these] = header[:, 0]
    packets.drop(rows, MALFORMED)


def _counted(more: int, unit: int) -> Reader:
    """A header whose second byte is its length in units of `unit` bytes, without `more` of them."""
    return lambda _, __, header: (header[:, 1].astype(np.int64) + more) * unit


def _fragment(packets: Packets, rows: Offsets, header: Bytes) -> Offsets:
    field = header.view(">u2")[:, 1].astype(np.int64)
    packets.fragment[rows] = field & 0xFFF9 != 0
    packets.more[rows] = field & 1 != 0
    packets.fragment_from[rows] = field & 0xFFF8
    packets.fragment_id[rows] = header.view(">u4")[:, 1]
    packets.fragment_protocol[rows] = header[:, 0]
    packets.fragment_at[rows] = packets.at[rows] + 8
    return np.full(len(rows), 8, np.int64)


_AUTHENTICATION_ONLY: Mapping[int, Reader] = {51: _counted(2, 4)}
_EXTENSIONS = {**dict.fromkeys((0, 43, 60, 135, 139, 140), _counted(1, 8)), 44: _fragment, **_AUTHENTICATION_ONLY}


def _tunnels(packets: Packets, rows: Offsets, inner: bool) -> tuple[Offsets, Offsets]:
    """Leave out tunnels or, with `inner`, enter them: the rows that go on, and the kind of their next header."""
    carried = np.zeros(len(rows), np.int64)
    for protocol, kind in _TUNNELS.items():
        carried[packets.protocol[rows] == protocol] = kind
    carried[packets.protocol[rows] == _GRE] = _GRE
    tunnel = (carried != 0) & (packets.fragment_from[rows] == 0)
    rows, carried = rows[tunnel], carried[tunnel]
    if not inner:
        packets.drop(rows, TUNNEL)
        return rows[:0], carried[:0]
    gre = np.flatnonzero(carried == _GRE)
    fits, header = packets.take(rows[gre], 4)
    carried[gre] = k.NOT_IP
    carried[gre[packets.reason[rows[gre]] == KEPT]] = _gre(packets, fits, header)
    alive = packets.reason[rows] == KEPT
    return rows[alive], carried[alive]


def _gre(packets: Packets, rows: Offsets, header: Bytes) -> Offsets:
    """Skip GRE headers (RFC 2784, 2890, 2637): the kind of what follows."""
    flags, kind = header.view(">u2").astype(np.int64).T
    packets.at[rows] += 4 + 4 * np.sum([flags & bit != 0 for bit in (0x8000, 0x2000, 0x1000, 0x0080)], axis=0)
    erspan_2 = (kind == _ERSPAN_1_2) & (flags & 0x1000 != 0)  # only version 2 has a sequence number
    packets.at[rows] += np.where(erspan_2, 8, np.where(kind == _ERSPAN_3, 12, 0))
    ethernet = (kind == 0x6558) | (kind == _ERSPAN_1_2) | (kind == _ERSPAN_3)
    kind = np.where(ethernet, k.ETHERNET, np.where(kind == 0x880B, k.PPP, kind))
    return np.where(kind == 0x8909, k.GRE_METADATA, kind)


def _tcp(packets: Packets, rows: Offsets) -> None:
    """RFC 9293; bytes 0 to 13 of the header are enough."""
    room = packets.ip_end[rows] - packets.at[rows]
    packets.drop(rows[room < 20], MALFORMED)
    rows, header = packets.take(rows[room >= 20], 14)
    packets.ports[rows] = header[:, :4].copy().view(">u2")
    packets.numbers[rows] = header[:, 4:12].copy().view(">u4")
    packets.flags[rows] = header[:, 13]
    length = (header[:, 12] >> 4).astype(np.int64) * 4
    packets.payload_at[rows] = packets.at[rows] + length
    packets.payload[rows] = packets.ip_end[rows] - packets.payload_at[rows]
    packets.drop(rows[(length < 20) | (packets.payload[rows] < 0)], MALFORMED)


def _udp(packets: Packets, rows: Offsets) -> None:
    """RFC 768; the length field may leave out padding, state a datagram of many fragments, or be 0 (RFC 2675)."""
    rows, header = packets.take(rows, 6)
    words = header.view(">u2")
    packets.ports[rows] = words[:, :2]
    stated = words[:, 2].astype(np.int64)
    room = packets.ip_end[rows] - packets.at[rows]
    length = np.where(stated == 0, room, np.where(packets.fragment[rows], stated, np.minimum(stated, room)))
    packets.payload_at[rows] = packets.at[rows] + 8
    packets.payload[rows] = length - 8
    packets.drop(rows[(length < 8) | (room < 8)], MALFORMED)
