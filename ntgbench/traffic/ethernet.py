"""Ethernet, what is put between its addresses and the packet, and 802.11."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.traffic.kinds import (
    ENCRYPTED,
    ETHERNET,
    ETHERTYPE,
    GRE_METADATA,
    HIDDEN,
    IPV4,
    IPV6,
    LLC,
    MPLS,
    MPLS_MULTICAST,
    NLPID,
    NOT_IP,
    NSH,
    PPP,
    PPPOE,
    RAW,
    SNAP,
    WIFI,
    Readers,
    always,
    choose,
    ethertype_at,
    raw_ip,
    u16,
)

if TYPE_CHECKING:
    from ntgbench.traffic.records import Bytes, Offsets

_VLANS = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
_BRIDGED, _LABELLED = 0x10100, 0x10101
_BRIDGED_TYPES = (IPV4, IPV6, MPLS, PPPOE, *_VLANS)


def _ethernet(header: Bytes) -> tuple[Offsets, Offsets]:
    kind = u16(header, 12)
    # Cisco ISL puts 26 bytes before the frame; the address begins 01-00-0C-00-00 or 0C-00-0C-00-00.
    isl = (kind < 0x0600) & (u16(header, 1) == 0x000C) & (u16(header, 3) == 0)
    isl &= (header[:, 0] == 0x01) | (header[:, 0] == 0x0C)
    return np.where(isl, 26, 14), np.where(isl, ETHERNET, np.where(kind <= 1500, LLC, kind))


def _llc(header: Bytes) -> tuple[int, Offsets]:
    sap = u16(header, 0) << 8 | header[:, 2]
    # RFC 1042 and 2684: SNAP, IPv4 itself, and a network layer protocol identifier.
    return 3, choose(sap, {0xAAAA03: SNAP, 0x060603: IPV4, 0xFEFE03: NLPID})


def _snap(header: Bytes) -> tuple[int, Offsets]:
    organisation = u16(header, 0) << 8 | header[:, 2]
    number = u16(header, 3)
    # 00-00-F8 is 802.1H; 00-80-C2 bridges Ethernet, with its frame check sequence or without (RFC 2684).
    bridged = (organisation == 0x0080C2) & ((number == 1) | (number == 7))
    kind = np.where((organisation == 0) | (organisation == 0x0000F8), number, HIDDEN)
    return 5, np.where(bridged, _BRIDGED, kind)


def _bridged(header: Bytes) -> tuple[Offsets, Offsets]:
    # ATM pads with two zeros, frame relay does not.
    return np.where(u16(header, 0) == 0, 2, 0), np.full(len(header), ETHERNET)


def _mpls(header: Bytes) -> tuple[int, Offsets]:
    return 4, np.where(header[:, 2] & 1, _LABELLED, MPLS)


def _labelled(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 4928: the first four bits tell IP. A pseudowire of Ethernet has a control word that begins with 0, RFC 4448,
    # or none.
    controlled = (header[:, 0] >> 4 == 0) & np.isin(u16(header, 16), _BRIDGED_TYPES)
    plain = np.isin(u16(header, 12), _BRIDGED_TYPES)
    kind = raw_ip(header[:, 0])
    ethernet = (kind == NOT_IP) & (controlled | plain)
    found = np.where(ethernet, ETHERNET, np.where(kind == NOT_IP, HIDDEN, kind))
    return np.where(ethernet & controlled, 4, 0), found


def _pppoe(header: Bytes) -> tuple[int, Offsets]:
    return 6, np.where(header[:, 1] == 0, PPP, NOT_IP)


def _macsec(header: Bytes) -> tuple[Offsets, Offsets]:
    # 802.1AE 9.3: V, ES, SC, SCB, E, C, and the association number; with E or C the data are not what was sent.
    control = header[:, 0]
    return np.where(control & 0x20, 14, 6), np.where(control & 0x0C, ENCRYPTED, ETHERTYPE)


def _metadata(header: Bytes) -> tuple[Offsets, Offsets]:
    # Cisco MetaData: version, length in words, and options; the first of them is the security group tag.
    return 2 + 4 * np.maximum(header[:, 1].astype(np.int64), 1), np.full(len(header), ETHERTYPE)


def _timestamped(header: Bytes) -> tuple[Offsets, Offsets]:
    # Arista: type 1, and a version whose low byte tells the bytes of the time.
    skip = choose(header[:, 3], {0x10: 12, 0x20: 10}, 0)
    return skip, np.where((u16(header, 0) == 1) & (skip > 0), ETHERTYPE, NOT_IP)


def _nsh(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 8300, 2.2: the length counts words.
    words = (header[:, 1] & 0x3F).astype(np.int64)
    kind = choose(header[:, 3], {1: IPV4, 2: IPV6, 3: ETHERNET, 4: NSH, 5: MPLS}, HIDDEN)
    return 4 * words, np.where(words >= 2, kind, NOT_IP)


def _trill(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 6325, 3: five bits count the words of the options.
    return 6 + 4 * (u16(header, 0) >> 6 & 0x1F), np.full(len(header), ETHERNET)


def _wifi(header: Bytes) -> tuple[Offsets, Offsets]:
    control, flags = header[:, 0], header[:, 1]
    quality = control & 0x80 != 0
    to_and_from = flags & 3 == 3
    skip = 24 + 6 * to_and_from + 2 * quality + 4 * (quality & (flags & 0x80 != 0))
    # Type 2 is data; bit 6 marks frames without data, the flag 0x40 encrypted ones.
    data = control & 0x4C == 0x08
    return skip, np.where(data, np.where(flags & 0x40, ENCRYPTED, LLC), NOT_IP)


READERS: Readers = {
    ETHERNET: (14, _ethernet),
    ETHERTYPE: (2, ethertype_at(2, 0)),
    **{tag: (4, ethertype_at(4, 2)) for tag in _VLANS},
    LLC: (3, _llc),
    SNAP: (5, _snap),
    _BRIDGED: (2, _bridged),
    RAW: (1, lambda header: (0, raw_ip(header[:, 0]))),
    _LABELLED: (18, _labelled),
    MPLS: (4, _mpls),
    MPLS_MULTICAST: (4, _mpls),
    PPPOE: (6, _pppoe),
    0x88E7: (4, always(4, ETHERNET)),  # 802.1ah, provider backbone bridge
    0x8926: (6, ethertype_at(6, 4)),  # VN-Tag
    0x893F: (8, ethertype_at(8, 6)),  # 802.1BR, E-tag
    0x8988: (8, ethertype_at(8, 6)),  # TTag of Cisco: a time of 48 bits
    0x892F: (6, ethertype_at(6, 4)),  # IEC 62439-3, HSR
    0xF1C1: (6, ethertype_at(6, 4)),  # 802.1CB, R-tag
    0x8903: (2, always(2, ETHERNET)),  # FabricPath
    0x22F3: (2, _trill),
    0x8909: (2, _metadata),
    GRE_METADATA: (8, ethertype_at(8, 0)),
    0xD28B: (4, _timestamped),
    0x88E5: (1, _macsec),
    NSH: (4, _nsh),
    WIFI: (2, _wifi),
}
