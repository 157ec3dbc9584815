"""From a link-layer frame to the IP packet inside it, for all packets of a capture at once.

A header is a row of `_HEADERS`: how many bytes it needs, and a function that tells from these bytes how many to skip
and what comes next. Kinds of headers are EtherTypes; headers that have no EtherType get numbers above them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.traffic.records import Bytes, Offsets, gather

if TYPE_CHECKING:
    from collections.abc import Callable

IPV4, IPV6 = 0x0800, 0x86DD
NOT_IP, CUT, UNSUPPORTED = range(0x10000, 0x10003)
ETHERNET, RAW, LLC, SNAP, PPP = range(0x10010, 0x10015)
_MPLS, _MPLS_MULTICAST, _PPPOE, _PROVIDER_BACKBONE = 0x8847, 0x8848, 0x8864, 0x88E7
_VLANS = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
_FAMILY, _CISCO_HDLC, _COOKED, _COOKED_2, _WIFI, _RADIOTAP = range(0x10020, 0x10026)
_NFLOG, _NFLOG_FIELD, _ARCNET, _FDDI, _FRAME_RELAY, _SLIP, _PPI = range(0x10026, 0x1002D)

_LINKS = {
    0: _FAMILY,
    1: ETHERNET,
    8: _SLIP,
    9: PPP,
    10: _FDDI,
    12: RAW,
    14: RAW,
    50: PPP,
    51: _PPPOE,
    101: RAW,
    104: _CISCO_HDLC,
    105: _WIFI,
    107: _FRAME_RELAY,
    108: _FAMILY,
    113: _COOKED,
    127: _RADIOTAP,
    129: _ARCNET,
    192: _PPI,
    228: IPV4,
    229: IPV6,
    239: _NFLOG,
    276: _COOKED_2,
}
"""First header of each supported link type, https://www.tcpdump.org/linktypes.html."""

MOST_HEADERS = 256
"""Headers that are followed in one packet; only hostile ones nest deeper."""


def first_header(link: Offsets) -> Offsets:
    """Kind of the first header of packets captured on these link types; UNSUPPORTED where we know none."""
    table = np.full(max(_LINKS) + 2, UNSUPPORTED, np.int64)
    table[list(_LINKS)] = list(_LINKS.values())
    return table[np.minimum(link, len(table) - 1)]


def find_ip(data: Bytes, at: Offsets, end: Offsets, kind: Offsets) -> tuple[Offsets, Offsets]:
    """Follow headers until IP begins.

    Args:
        data: the capture file.
        at: (n,). Offset of the first header.
        end: (n,). Offset of the end of the captured bytes.
        kind: (n,). Kind of the first header.

    Returns:
        at: (n,). Offset of the IP header.
        kind: (n,). IPV4 or IPV6; else why there is none: NOT_IP, CUT or UNSUPPORTED.
    """
    at, kind = at.copy(), kind.copy()
    for _ in range(MOST_HEADERS):
        open_kinds = set(np.unique(kind).tolist()) - {IPV4, IPV6, NOT_IP, CUT, UNSUPPORTED}
        if not open_kinds:
            break
        for this in open_kinds:
            rows = np.flatnonzero(kind == this)
            if this not in _HEADERS:
                kind[rows] = NOT_IP
                continue
            width, read = _HEADERS[this]
            fits = at[rows] + width <= end[rows]
            kind[rows[~fits]] = CUT
            rows = rows[fits]
            skip, kind[rows] = read(gather(data, at[rows], width))
            at[rows] += skip
    else:
        kind[(kind != IPV4) & (kind != IPV6) & (kind != CUT) & (kind != UNSUPPORTED)] = NOT_IP
    return at, kind


def _u16(header: Bytes, column: int) -> Offsets:
    return header[:, column].astype(np.int64) << 8 | header[:, column + 1]


def _u16_little(header: Bytes, column: int) -> Offsets:
    return header[:, column + 1].astype(np.int64) << 8 | header[:, column]


def _ethertype_at(skip: int, column: int) -> Callable[[Bytes], tuple[Offsets | int, Offsets]]:
    """A header of `skip` bytes whose EtherType, or 802.3 length, stands at `column`."""

    def read(header: Bytes) -> tuple[int, Offsets]:
        kind = _u16(header, column)
        return skip, np.where(kind <= 1500, LLC, kind)

    return read


def _choose(value: Offsets | Bytes, kinds: dict[int, int]) -> Offsets:
    """`kinds` by value, NOT_IP for all others."""
    return np.select([value == key for key in kinds], list(kinds.values()), NOT_IP).astype(np.int64)


def _raw(header: Bytes) -> tuple[int, Offsets]:
    return 0, _choose(header[:, 0] >> 4, {4: IPV4, 6: IPV6})


def _llc(header: Bytes) -> tuple[int, Offsets]:
    return 3, np.where((header == (0xAA, 0xAA, 3)).all(axis=1), SNAP, NOT_IP)


def _snap(header: Bytes) -> tuple[int, Offsets]:
    return 5, np.where((header[:, :3] == 0).all(axis=1), _u16(header, 3), NOT_IP)


def _mpls(header: Bytes) -> tuple[int, Offsets]:
    return 4, np.where(header[:, 2] & 1, RAW, _MPLS)


def _pppoe(header: Bytes) -> tuple[int, Offsets]:
    return 6, np.where(header[:, 1] == 0, PPP, NOT_IP)


def _ppp(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 1661, 1662: address and control field may be there or not, an odd first byte is a whole protocol number.
    framed = _u16(header, 0) == 0xFF03
    short = header[:, 0] & 1 == 1
    protocol = np.where(short, header[:, 0], _u16(header, 0))
    kind = np.where(framed, PPP, _choose(protocol, {0x21: IPV4, 0x57: IPV6, 0x281: _MPLS, 0x283: _MPLS_MULTICAST}))
    return np.where(short & ~framed, 1, 2), kind


def _family(header: Bytes) -> tuple[int, Offsets]:
    # The address family is in the byte order of the machine that captured; it is below 256 on all of them.
    family = np.maximum(header[:, 0], header[:, 3])
    kind = _choose(family, {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6})
    kind = np.where((header[:, 1:3] == 0).all(axis=1), kind, NOT_IP)
    # Some writers put an EtherType into the last two bytes.
    ethertype = _u16(header, 2)
    return 4, np.where(np.isin(ethertype, (IPV4, IPV6)), ethertype, kind)


def _cooked(skip: int, hardware: int, column: int) -> Callable[[Bytes], tuple[Offsets | int, Offsets]]:
    """Linux cooked capture: ARPHRD type at `hardware`, protocol at `column`."""

    def read(header: Bytes) -> tuple[int, Offsets]:
        protocol = _u16(header, column)
        netlink = _u16(header, hardware) == 824
        return skip, np.where(
            netlink | (protocol < 1501) & (protocol != 4), NOT_IP, np.where(protocol == 4, LLC, protocol)
        )

    return read


def _wifi(header: Bytes) -> tuple[Offsets, Offsets]:
    control, flags = header[:, 0], header[:, 1]
    quality = control & 0x80 != 0
    to_and_from = flags & 3 == 3
    skip = 24 + 6 * to_and_from + 2 * quality + 4 * (quality & (flags & 0x80 != 0))
    # Type 2 is data; bit 6 marks frames without data, the flag 0x40 encrypted ones.
    data = (control & 0x4C == 0x08) & (flags & 0x40 == 0)
    return skip, np.where(data, LLC, NOT_IP)


def _radiotap(header: Bytes) -> tuple[Offsets, Offsets]:
    skip = _u16_little(header, 2)
    return skip, np.where(skip >= 8, _WIFI, NOT_IP)


def _nflog(header: Bytes) -> tuple[int, Offsets]:
    return 4, np.where((header[:, 0] == 2) | (header[:, 0] == 10), _NFLOG_FIELD, NOT_IP)


def _nflog_field(header: Bytes) -> tuple[Offsets, Offsets]:
    # Fields are in the byte order of the machine that captured: little-endian on all but a few.
    length = _u16_little(header, 0)
    payload = _u16_little(header, 2) & 0x7FFF == 9
    kind = np.where(payload, RAW, np.where(length >= 4, _NFLOG_FIELD, NOT_IP))
    return np.where(payload, 4, length + 3 & ~3), kind


def _arcnet(header: Bytes) -> tuple[Offsets, Offsets]:
    kind = _choose(header[:, 4], {212: IPV4, 240: IPV4, 196: IPV6})
    return np.where(header[:, 4] == 240, 5, 8), kind


def _frame_relay(header: Bytes) -> tuple[int, Offsets]:
    # RFC 2427: two address bytes, control 3, and the protocol: 0xCC is IPv4, 0x8E is IPv6.
    direct = (header[:, 1] & 1 == 1) & (header[:, 2] == 3)
    return 4, np.where(direct, _choose(header[:, 3], {0xCC: IPV4, 0x8E: IPV6}), NOT_IP)


def _ppi(header: Bytes) -> tuple[Offsets, Offsets]:
    link = _u16_little(header, 6) << 16 | _u16_little(header, 4)
    return _u16_little(header, 2), first_header(link)


def _always(skip: int, kind: int) -> Callable[[Bytes], tuple[Offsets | int, Offsets]]:
    def read(header: Bytes) -> tuple[int, Offsets]:
        return skip, np.full(len(header), kind, np.int64)

    return read


_HEADERS: dict[int, tuple[int, Callable[[Bytes], tuple[Offsets | int, Offsets]]]] = {
    ETHERNET: (14, _ethertype_at(14, 12)),
    **{tag: (4, _ethertype_at(4, 2)) for tag in _VLANS},
    LLC: (3, _llc),
    SNAP: (5, _snap),
    RAW: (1, _raw),
    _MPLS: (4, _mpls),
    _MPLS_MULTICAST: (4, _mpls),
    _PPPOE: (6, _pppoe),
    PPP: (2, _ppp),
    _FAMILY: (4, _family),
    _CISCO_HDLC: (4, _ethertype_at(4, 2)),
    _COOKED: (16, _cooked(16, 2, 14)),
    _COOKED_2: (20, _cooked(20, 8, 0)),
    _WIFI: (2, _wifi),
    _RADIOTAP: (4, _radiotap),
    _NFLOG: (4, _nflog),
    _NFLOG_FIELD: (4, _nflog_field),
    _ARCNET: (5, _arcnet),
    _FDDI: (13, _always(13, LLC)),
    _FRAME_RELAY: (4, _frame_relay),
    _SLIP: (16, _always(16, RAW)),
    _PPI: (8, _ppi),
    _PROVIDER_BACKBONE: (4, _always(4, ETHERNET)),
}
