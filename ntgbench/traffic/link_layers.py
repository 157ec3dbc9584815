"""Readers of Ethernet, 802.11, PPP, Cisco HDLC, frame relay and ATM, and of the headers between them and IP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic import kinds as k
from ntgbench.traffic.kinds import Readers, always, choose, ethertype_at, raw_ip, u16

if TYPE_CHECKING:
    from ntgbench.traffic.records import Bytes, Offsets

_VLANS = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
_BRIDGED, _LABELLED, _MULTILINK = 0x10100, 0x10101, 0x10200
_BRIDGED_TYPES = (k.IPV4, k.IPV6, k.MPLS, k.PPPOE, *_VLANS)
_PPP_PROTOCOLS = {0x21: k.IPV4, 0x57: k.IPV6, 0x281: k.MPLS, 0x283: k.MPLS_MULTICAST}
# Compressed headers (RFC 1144, 2507, 3095), compressed and encrypted packets (RFC 1962, 1968).
_PPP_CHANGED = (0x2D, 0x2F, 0x61, 0x63, 0x65, 0x67, 0x69, 0xFB, 0xFD, 0x53, 0x55)
_PPP_KINDS = {**_PPP_PROTOCOLS, **dict.fromkeys(_PPP_CHANGED, k.ENCRYPTED), 0x3D: _MULTILINK}


def is_ppp(header: Bytes) -> npt.NDArray[np.bool_]:
    """Whether a PPP header of two bytes begins here."""
    return np.isin(u16(header, 0), (0xFF03, *_PPP_PROTOCOLS))


def _ethernet(header: Bytes) -> tuple[Offsets, Offsets]:
    kind = u16(header, 12)
    # Cisco ISL puts 26 bytes before the frame; the address begins 01-00-0C-00-00 or 0C-00-0C-00-00.
    isl = (kind < 0x0600) & (u16(header, 1) == 0x000C) & (u16(header, 3) == 0)
    isl &= (header[:, 0] == 0x01) | (header[:, 0] == 0x0C)
    return np.where(isl, 26, 14), np.where(isl, k.ETHERNET, np.where(kind <= 1500, k.LLC, kind))


def _llc(header: Bytes) -> tuple[int, Offsets]:
    sap = u16(header, 0) << 8 | header[:, 2]
    # RFC 1042 and 2684: SNAP, IPv4 itself, and a network layer protocol identifier.
    return 3, choose(sap, {0xAAAA03: k.SNAP, 0x060603: k.IPV4, 0xFEFE03: k.NLPID})


def _snap(header: Bytes) -> tuple[int, Offsets]:
    organisation = u16(header, 0) << 8 | header[:, 2]
    number = u16(header, 3)
    # 00-00-F8 is 802.1H; 00-80-C2 bridges Ethernet, with its frame check sequence or without (RFC 2684).
    bridged = (organisation == 0x0080C2) & ((number == 1) | (number == 7))
    kind = np.where((organisation == 0) | (organisation == 0x0000F8), number, k.HIDDEN)
    return 5, np.where(bridged, _BRIDGED, kind)


def _mpls(header: Bytes) -> tuple[int, Offsets]:
    return 4, np.where(header[:, 2] & 1, _LABELLED, k.MPLS)


def _labelled(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 4928: the first four bits tell IP. A pseudowire of Ethernet has a control word that begins with 0, RFC 4448,
    # or none.
    controlled = (header[:, 0] >> 4 == 0) & np.isin(u16(header, 16), _BRIDGED_TYPES)
    plain = np.isin(u16(header, 12), _BRIDGED_TYPES)
    kind = raw_ip(header[:, 0])
    ethernet = (kind == k.NOT_IP) & (controlled | plain)
    found = np.where(ethernet, k.ETHERNET, np.where(kind == k.NOT_IP, k.HIDDEN, kind))
    return np.where(ethernet & controlled, 4, 0), found


def _macsec(header: Bytes) -> tuple[Offsets, Offsets]:
    # 802.1AE 9.3: V, ES, SC, SCB, E, C, and the association number; with E or C the data are not what was sent.
    control = header[:, 0]
    return np.where(control & 0x20, 14, 6), np.where(control & 0x0C, k.ENCRYPTED, k.ETHERTYPE)


def _metadata(header: Bytes) -> tuple[Offsets, Offsets]:
    # Cisco MetaData: version, length in words, and options; the first of them is the security group tag.
    return 2 + 4 * np.maximum(header[:, 1].astype(np.int64), 1), np.full(len(header), k.ETHERTYPE)


def _timestamped(header: Bytes) -> tuple[Offsets, Offsets]:
    # Arista: type 1, and a version whose low byte tells the bytes of the time.
    skip = choose(header[:, 3], {0x10: 12, 0x20: 10}, 0)
    return skip, np.where((u16(header, 0) == 1) & (skip > 0), k.ETHERTYPE, k.NOT_IP)


def _nsh(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 8300, 2.2: the length counts words.
    words = (header[:, 1] & 0x3F).astype(np.int64)
    kind = choose(header[:, 3], {1: k.IPV4, 2: k.IPV6, 3: k.ETHERNET, 4: k.NSH, 5: k.MPLS}, k.HIDDEN)
    return 4 * words, np.where(words >= 2, kind, k.NOT_IP)


def _wifi(header: Bytes) -> tuple[Offsets, Offsets]:
    control, flags = header[:, 0], header[:, 1]
    quality = control & 0x80 != 0
    skip = 24 + 6 * (flags & 3 == 3) + 2 * quality + 4 * (quality & (flags & 0x80 != 0))
    # Type 2 is data; bit 6 marks frames without data, the flag 0x40 encrypted ones.
    data = control & 0x4C == 0x08
    return skip, np.where(data, np.where(flags & 0x40, k.ENCRYPTED, k.LLC), k.NOT_IP)


def _ppp(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 1661, 1662: address and control field may be there or not, an odd first byte is a whole protocol number.
    both = u16(header, 0)
    framed = both == 0xFF03
    # Cisco HDLC is captured as PPP too: the addresses of unicast and broadcast, and a zero.
    cisco = (both == 0x0F00) | (both == 0x8F00)
    short = (header[:, 0] & 1 == 1) & ~framed & ~cisco
    kind = choose(np.where(short, header[:, 0], both), _PPP_KINDS)
    kind = np.where(framed, k.PPP, np.where(cisco, k.CISCO_HDLC, kind))
    return np.where(short, 1, np.where(cisco, 0, 2)), kind


def _frame_relay(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 2427: two address bytes, control 3, and the protocol. Cisco puts an EtherType after the address.
    address = header[:, 1] & 1 == 1
    standard = header[:, 2] == 3
    cisco = choose(u16(header, 2), {kind: kind for kind in (k.IPV4, k.IPV6, k.MPLS)})
    return np.where(standard, 3, 4), np.where(address, np.where(standard, k.NLPID, cisco), k.NOT_IP)


def _atm(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 2684: LLC, or one protocol for the circuit, which only the packet tells.
    first = u16(header, 0)
    llc = (header[:, 2] == 3) & np.isin(first, (0xAAAA, 0xFEFE))
    nlpid = (first == 0x03CC) | (first == 0x038E)
    kind = np.where(llc, k.LLC, np.where(nlpid, k.NLPID, np.where(is_ppp(header), k.PPP, k.RAW)))
    return np.where(nlpid, 1, 0), kind


READERS: Readers = {
    k.ETHERNET: (14, _ethernet),
    k.ETHERTYPE: (2, ethertype_at(2, 0)),
    **{tag: (4, ethertype_at(4, 2)) for tag in _VLANS},
    k.LLC: (3, _llc),
    k.SNAP: (5, _snap),
    # ATM pads bridged frames with two zeros, frame relay does not.
    _BRIDGED: (2, lambda header: (np.where(u16(header, 0) == 0, 2, 0), np.full(len(header), k.ETHERNET))),
    k.RAW: (1, lambda header: (0, raw_ip(header[:, 0]))),
    _LABELLED: (18, _labelled),
    k.MPLS: (4, _mpls),
    k.MPLS_MULTICAST: (4, _mpls),
    k.PPPOE: (6, lambda header: (6, np.where(header[:, 1] == 0, k.PPP, k.NOT_IP))),
    0x88E7: (4, always(4, k.ETHERNET)),  # 802.1ah, provider backbone bridge
    0x8926: (6, ethertype_at(6, 4)),  # VN-Tag
    0x893F: (8, ethertype_at(8, 6)),  # 802.1BR, E-tag
    0x8988: (8, ethertype_at(8, 6)),  # TTag of Cisco: a time of 48 bits
    0x892F: (6, ethertype_at(6, 4)),  # IEC 62439-3, HSR
    0xF1C1: (6, ethertype_at(6, 4)),  # 802.1CB, R-tag
    0x8903: (2, always(2, k.ETHERNET)),  # FabricPath
    # TRILL, RFC 6325, 3: five bits count the words of the options.
    0x22F3: (2, lambda header: (6 + 4 * (u16(header, 0) >> 6 & 0x1F), np.full(len(header), k.ETHERNET))),
    0x8909: (2, _metadata),
    k.GRE_METADATA: (8, ethertype_at(8, 0)),
    0xD28B: (4, _timestamped),
    0x88E5: (1, _macsec),
    k.NSH: (4, _nsh),
    k.WIFI: (2, _wifi),
    k.PPP: (2, _ppp),
    # RFC 1990, 3: a packet that is not cut has the bits of its beginning and its end.
    _MULTILINK: (4, lambda header: (4, np.where(header[:, 0] & 0xC0 == 0xC0, k.PPP, k.NOT_IP))),
    k.CISCO_HDLC: (4, ethertype_at(4, 2)),
    # RFC 2427: 0 pads.
    k.NLPID: (
        1,
        lambda header: (1, choose(header[:, 0], {0xCC: k.IPV4, 0x8E: k.IPV6, 0x80: k.SNAP, 0xCF: k.PPP, 0: k.NLPID})),
    ),
    k.FRAME_RELAY: (4, _frame_relay),
    k.ATM: (3, _atm),
}
"""Bytes that a reader needs, and the reader, by kind of header."""
