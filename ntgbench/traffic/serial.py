"""PPP, Cisco HDLC, frame relay and ATM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.kinds import (
    ATM,
    CISCO_HDLC,
    ENCRYPTED,
    FRAME_RELAY,
    IPV4,
    IPV6,
    LLC,
    MPLS,
    MPLS_MULTICAST,
    NLPID,
    NOT_IP,
    PPP,
    RAW,
    SNAP,
    Readers,
    choose,
    ethertype_at,
    u16,
)

if TYPE_CHECKING:
    from ntgbench.traffic.records import Bytes, Offsets

_PPP_PROTOCOLS = {0x21: IPV4, 0x57: IPV6, 0x281: MPLS, 0x283: MPLS_MULTICAST}
# Compressed headers (RFC 1144, 2507, 3095), compressed and encrypted packets (RFC 1962, 1968).
_PPP_CHANGED = (0x2D, 0x2F, 0x61, 0x63, 0x65, 0x67, 0x69, 0xFB, 0xFD, 0x53, 0x55)
_PPP_MULTILINK, _MULTILINK = 0x3D, 0x10200


def is_ppp(header: Bytes) -> npt.NDArray[np.bool_]:
    """Whether a PPP header begins here that is not a single byte."""
    return np.isin(u16(header, 0), (0xFF03, *_PPP_PROTOCOLS))


def _ppp(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 1661, 1662: address and control field may be there or not, an odd first byte is a whole protocol number.
    both = u16(header, 0)
    framed = both == 0xFF03
    # Cisco HDLC is captured as PPP too: the addresses of unicast and broadcast, and a zero.
    cisco = (both == 0x0F00) | (both == 0x8F00)
    short = (header[:, 0] & 1 == 1) & ~framed & ~cisco
    protocol = np.where(short, header[:, 0], both)
    kinds = {**_PPP_PROTOCOLS, **dict.fromkeys(_PPP_CHANGED, ENCRYPTED), _PPP_MULTILINK: _MULTILINK}
    kind = np.where(framed, PPP, np.where(cisco, CISCO_HDLC, choose(protocol, kinds)))
    return np.where(short, 1, np.where(cisco, 0, 2)), kind


def _multilink(header: Bytes) -> tuple[int, Offsets]:
    # RFC 1990, 3: a packet that is not cut has the bits of its beginning and its end.
    return 4, np.where(header[:, 0] & 0xC0 == 0xC0, PPP, NOT_IP)


def _nlpid(header: Bytes) -> tuple[int, Offsets]:
    # RFC 2427: 0 pads.
    return 1, choose(header[:, 0], {0xCC: IPV4, 0x8E: IPV6, 0x80: SNAP, 0xCF: PPP, 0: NLPID})


def _frame_relay(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 2427: two address bytes, control 3, and the protocol. Cisco puts an EtherType after the address.
    address = header[:, 1] & 1 == 1
    standard = header[:, 2] == 3
    cisco = choose(u16(header, 2), {kind: kind for kind in (IPV4, IPV6, MPLS)})
    return np.where(standard, 3, 4), np.where(address, np.where(standard, NLPID, cisco), NOT_IP)


def _atm(header: Bytes) -> tuple[Offsets, Offsets]:
    # RFC 2684: LLC, or one protocol for the circuit, which only the packet tells.
    first = u16(header, 0)
    llc = (header[:, 2] == 3) & np.isin(first, (0xAAAA, 0xFEFE))
    nlpid = (first == 0x03CC) | (first == 0x038E)
    kind = np.where(llc, LLC, np.where(nlpid, NLPID, np.where(is_ppp(header), PPP, RAW)))
    return np.where(nlpid, 1, 0), kind


READERS: Readers = {
    PPP: (2, _ppp),
    _MULTILINK: (4, _multilink),
    CISCO_HDLC: (4, ethertype_at(4, 2)),
    NLPID: (1, _nlpid),
    FRAME_RELAY: (4, _frame_relay),
    ATM: (3, _atm),
}
