"""Readers of headers that systems and capture tools put before a frame.

Formats: https://www.tcpdump.org/linktypes.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.traffic import kinds as k
from ntgbench.traffic.kinds import Reader, Readers, always, choose, ethertype_at, u16, u16_little, u32_little

if TYPE_CHECKING:
    from ntgbench.traffic.records import Bytes, Offsets

FAMILY, COOKED, COOKED_2, RADIOTAP, NFLOG, ARCNET, ARCNET_LINUX, PPI, PKTAP, USER_PKTAP = range(0x10400, 0x1040A)
ENC, PFLOG, PRISM, AVS, IPNET, ERF, TOKEN_RING, DOCSIS, SUN_ATM = range(0x10410, 0x10419)
_NFLOG_FIELD = 0x10420
_ERF = 0x10500
# Address families of Linux, NetBSD, Solaris, FreeBSD and macOS.
_FAMILIES = {2: k.IPV4, 10: k.IPV6, 24: k.IPV6, 26: k.IPV6, 28: k.IPV6, 30: k.IPV6}
# Bytes before the frame, and its kind, by type of an extensible record of Endace.
_ERF_TYPES = {
    **dict.fromkeys((1, 10, 15, 19), (0, k.PPP)),
    **dict.fromkeys((5, 17), (4, k.PPP)),
    **dict.fromkeys((2, 11, 16, 20), (2, k.ETHERNET)),
    4: (4, k.ATM),
    9: (8, k.ATM),
    22: (0, k.IPV4),
    23: (0, k.IPV6),
}


def _either_end(header: Bytes, column: int) -> Offsets:
    """A number below 65,536 in four bytes, in the byte order of the machine that captured."""
    little = u32_little(header, column)
    return np.where(little < 0x10000, little, u16(header, column + 2))


def _family(header: Bytes) -> tuple[int, Offsets]:
    # The address family is in the byte order of the machine that captured; it is below 256 on all of them.
    family = np.maximum(header[:, 0], header[:, 3])
    kind = np.where((header[:, 1:3] == 0).all(axis=1), choose(family, _FAMILIES), k.NOT_IP)
    # Some writers put an EtherType into the last two bytes.
    ethertype = u16(header, 2)
    return 4, np.where(np.isin(ethertype, (k.IPV4, k.IPV6)), ethertype, kind)


def _pflog(header: Bytes) -> tuple[Offsets, Offsets]:
    length = header[:, 0].astype(np.int64)
    return length + 3 & ~3, np.where(length >= 45, choose(header[:, 1], _FAMILIES), k.NOT_IP)


def _cooked(skip: int, hardware: int, column: int) -> Reader:
    """Linux cooked capture: ARPHRD type at `hardware`, protocol at `column`."""

    def read(header: Bytes) -> tuple[int, Offsets]:
        protocol = u16(header, column)
        netlink = u16(header, hardware) == 824
        other = netlink | (protocol < 1501) & (protocol != 4)
        return skip, np.where(other, k.NOT_IP, np.where(protocol == 4, k.LLC, protocol))

    return read


def _before_wifi(skip: Offsets) -> tuple[Offsets, Offsets]:
    return skip, np.where(skip >= 8, k.WIFI, k.NOT_IP)


def _prism(header: Bytes) -> tuple[Offsets, Offsets]:
    # The header of AVS is captured on this link type too; its first number is 0x80211001 or 0x80211002.
    return _before_wifi(np.where(u16(header, 0) == 0x8021, u16(header, 6), _either_end(header, 4)))


def _nflog_field(header: Bytes) -> tuple[Offsets, Offsets]:
    # Fields are in the byte order of the machine that captured: little-endian on all but a few.
    length = u16_little(header, 0)
    payload = u16_little(header, 2) & 0x7FFF == 9
    kind = np.where(payload, k.RAW, np.where(length >= 4, _NFLOG_FIELD, k.NOT_IP))
    return np.where(payload, 4, length + 3 & ~3), kind


def _arcnet(column: int) -> Reader:
    """ARCNET with its protocol at `column`: 240 is IP of old, without the sequence numbers of RFC 1201."""

    def read(header: Bytes) -> tuple[Offsets, Offsets]:
        protocol = header[:, column]
        kind = choose(protocol, {212: k.IPV4, 240: k.IPV4, 196: k.IPV6})
        return np.where(protocol == 240, column + 1, column + 4), kind

    return read


def _pktap(otherwise: int) -> Reader:
    """Apple's header: its length, the type of the record (1: a packet), and the link type of what follows."""

    def read(header: Bytes) -> tuple[Offsets, Offsets]:
        length, record, link = (_either_end(header, column) for column in (0, 4, 8))
        sound = (length >= 108) & (length <= 1024) & (record == 1)
        return np.where(sound, length, 0), np.where(sound, k.LINK + link, otherwise)

    return read


def _erf_record(number: int) -> Readers:
    """An extensible record after its header: with extension headers before the frame, or without."""
    before, kind = _ERF_TYPES[number]

    def extension(header: Bytes) -> tuple[int, Offsets]:
        return 8, np.where(header[:, 0] & 0x80, _ERF + 0x80 + number, _ERF + number)

    return {_ERF + number: (1, always(before, kind)), _ERF + 0x80 + number: (1, extension)}


def _token_ring(header: Bytes) -> tuple[Offsets, Offsets]:
    # A source address with its first bit set is followed by a route, whose low five bits are its length.
    routed = header[:, 8] & 0x80 != 0
    return 14 + np.where(routed, header[:, 14] & 0x1F, 0), np.where(header[:, 1] >> 6 == 1, k.LLC, k.NOT_IP)


def _docsis(header: Bytes) -> tuple[Offsets, Offsets]:
    # The lowest bit tells of an extended header, whose length is the second byte.
    extended = np.where(header[:, 0] & 1, header[:, 1], 0).astype(np.int64)
    return 6 + extended, np.where(header[:, 0] >> 6 == 0, k.ETHERNET, k.NOT_IP)


def _sun_atm(header: Bytes) -> tuple[Offsets, Offsets]:
    # 1 is LAN emulation of Ethernet, with two bytes before the frame, 2 is LLC.
    traffic = header[:, 0] & 15
    return np.where(traffic == 1, 6, 4), choose(traffic, {1: k.ETHERNET, 2: k.ATM})


READERS: Readers = {
    FAMILY: (4, _family),
    ENC: (4, lambda header: (12, _family(header)[1])),
    PFLOG: (2, _pflog),
    COOKED: (16, _cooked(16, 2, 14)),
    COOKED_2: (20, _cooked(20, 8, 0)),
    RADIOTAP: (4, lambda header: _before_wifi(u16_little(header, 2))),
    AVS: (8, lambda header: _before_wifi(u16(header, 6))),
    PRISM: (8, _prism),
    NFLOG: (4, lambda header: (4, choose(header[:, 0], {2: _NFLOG_FIELD, 10: _NFLOG_FIELD}))),
    _NFLOG_FIELD: (4, _nflog_field),
    ARCNET: (3, _arcnet(2)),
    ARCNET_LINUX: (5, _arcnet(4)),
    PPI: (8, lambda header: (u16_little(header, 2), k.LINK + u32_little(header, 4))),
    PKTAP: (12, _pktap(k.NOT_IP)),
    USER_PKTAP: (12, _pktap(k.UNSUPPORTED)),
    IPNET: (2, lambda header: (24, choose(header[:, 1], _FAMILIES))),
    ERF: (9, lambda header: (16, _ERF + header[:, 8].astype(np.int64))),
    **{kind: reader for number in _ERF_TYPES for kind, reader in _erf_record(number).items()},
    TOKEN_RING: (15, _token_ring),
    DOCSIS: (2, _docsis),
    SUN_ATM: (1, _sun_atm),
    # Link types whose headers always have the same length.
    k.LINK + 8: (16, always(16, k.RAW)),  # SLIP
    k.LINK + 10: (13, always(13, k.LLC)),  # FDDI
    k.LINK + 102: (24, always(24, k.RAW)),  # SLIP of BSD/OS
    k.LINK + 103: (24, always(24, k.RAW)),  # PPP of BSD/OS
    k.LINK + 122: (16, always(16, k.LLC)),  # IP over Fibre Channel, RFC 2625
    k.LINK + 138: (18, ethertype_at(18, 16)),  # Apple, IP over IEEE 1394
    k.LINK + 166: (1, always(1, k.PPP)),  # a byte for the direction, as in the next three
    k.LINK + 204: (1, always(1, k.PPP)),
    k.LINK + 205: (1, always(1, k.CISCO_HDLC)),
    k.LINK + 206: (1, always(1, k.FRAME_RELAY)),
    k.LINK + 240: (4, always(4, k.ETHERNET)),  # netANALYZER
    k.LINK + 241: (12, always(12, k.ETHERNET)),
    k.LINK + 242: (42, ethertype_at(44, 40)),  # IP over InfiniBand: an address header, RFC 4391
    k.LINK + 259: (8, always(8, k.ETHERNET)),  # EPON, with the preamble
    k.LINK + 274: (8, always(8, k.ETHERNET)),  # Ethernet frames with the preamble
    k.LINK + 281: (18, ethertype_at(18, 16)),  # switch tags of Linux
    k.LINK + 282: (4, always(4, k.ETHERNET)),
    k.LINK + 284: (18, ethertype_at(18, 16)),
    k.LINK + 285: (22, ethertype_at(22, 20)),
}
"""Bytes that a reader needs, and the reader, by kind of header."""
