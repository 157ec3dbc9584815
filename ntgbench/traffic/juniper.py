"""Link types of Juniper: a header with magic, flags and extensions, a cookie of the card, and the frame.

Formats: print-juniper.c of tcpdump and packet-juniper.c of Wireshark. Where these disagree, the packet decides.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.traffic.kinds import (
    ATM,
    CISCO_HDLC,
    ETHERNET,
    ETHERTYPE,
    FRAME_RELAY,
    IPV4,
    LINK,
    NOT_IP,
    PPP,
    RAW,
    Reader,
    Readers,
    always,
    choose,
    raw_ip,
    u16,
)
from ntgbench.traffic.serial import is_ppp

if TYPE_CHECKING:
    from ntgbench.traffic.records import Bytes, Offsets

_MAGIC, _IN, _WITHOUT_LINK, _EXTENDED = b"MGC", 1, 2, 0x80
_numbers = count(0x10300)
_ATM1, _ATM2_IN, _ATM2_OUT, _SERVICES_IN, _SERVICES_OUT, _MONITOR, _GGSN, _ES, _VOICE, _BUNDLE = (
    next(_numbers) for _ in range(10)
)


def _juniper(received: int, sent: int | None = None) -> Reader:
    """The header before a frame of kind `received`, or `sent` where the direction changes what follows."""

    def read(header: Bytes) -> tuple[Offsets, Offsets]:
        flags = header[:, 3]
        skip = 4 + np.where(flags & _EXTENDED, 2 + u16(header, 4), 0)
        without = flags & _WITHOUT_LINK != 0
        kind = np.where(flags & _IN, received, received if sent is None else sent)
        # Without a link header, the address family of four bytes stands before the packet.
        skip, kind = np.where(without, skip + 4, skip), np.where(without, RAW, kind)
        # Old versions of the system write no header.
        magic = (header[:, :3] == np.frombuffer(_MAGIC, np.uint8)).all(axis=1)
        return np.where(magic, skip, 0), np.where(magic, kind, received)

    return read


def _atm1(header: Bytes) -> tuple[int, Offsets]:
    # 0x80 is a cell of operation and maintenance.
    return 4, np.where(header[:, 0] == 0x80, NOT_IP, ATM)


def _atm2(kind_of_gap: int) -> Reader:
    def read(header: Bytes) -> tuple[int, Offsets]:
        gap = header[:, 3] & 0x3F != 0
        return 8, np.where(header[:, 7] & 0x70, NOT_IP, np.where(gap, kind_of_gap, ATM))

    return read


def _first_ip(*places: int) -> Reader:
    """A header of unknown length: IP begins at the first of `places` where it can."""

    def read(header: Bytes) -> tuple[Offsets, Offsets]:
        kinds = [_may_be_ip(header[:, place]) for place in places]
        found = [kind != NOT_IP for kind in kinds]
        return np.select(found, places, 0).astype(np.int64), np.select(found, kinds, NOT_IP)

    return read


def _may_be_ip(first: Bytes) -> Offsets:
    # An IPv4 header has five words at least.
    return np.where(first >> 4 == 4, np.where(first & 15 >= 5, IPV4, NOT_IP), raw_ip(first))


def _bundle(header: Bytes) -> tuple[Offsets, Offsets]:
    """Members of multilink PPP and frame relay: cookies of 8, 4, 2 or no bytes, and what the first bytes tell."""
    cookie = choose(header[:, 0], {0x47: 8, 0x54: 4}, 2)
    cookie = np.where((cookie == 2) & is_ppp(header), 0, cookie)
    rows = np.arange(len(header))
    first = header[rows, cookie].astype(np.int64) << 8 | header[rows, cookie + 1]
    # 0x0300 pads, see RFC 2427.
    padded = (cookie > 0) & (first == 0x0300)
    return cookie + 2 * padded, np.full(len(header), ATM)


READERS: Readers = {
    LINK + 130: (6, _juniper(_BUNDLE)),
    LINK + 131: (6, _juniper(_BUNDLE)),
    LINK + 132: (6, _juniper(_ES)),
    LINK + 133: (6, _juniper(_GGSN)),
    LINK + 134: (6, _juniper(_BUNDLE)),
    LINK + 135: (6, _juniper(_ATM2_IN, _ATM2_OUT)),
    LINK + 136: (6, _juniper(_SERVICES_IN, _SERVICES_OUT)),
    LINK + 137: (6, _juniper(_ATM1)),
    LINK + 164: (6, _juniper(_MONITOR)),
    LINK + 167: (6, _juniper(ETHERNET)),
    LINK + 168: (6, _juniper(ETHERTYPE)),
    LINK + 178: (6, _juniper(ETHERNET)),
    LINK + 179: (6, _juniper(PPP)),
    LINK + 180: (6, _juniper(FRAME_RELAY)),
    LINK + 181: (6, _juniper(CISCO_HDLC)),
    LINK + 183: (6, _juniper(_VOICE)),
    _ATM1: (4, _atm1),
    _ATM2_IN: (8, _atm2(ATM)),
    _ATM2_OUT: (8, _atm2(ETHERNET)),
    _SERVICES_IN: (17, _first_ip(16, 8, 12)),
    _SERVICES_OUT: (17, _first_ip(12, 8, 16)),
    _MONITOR: (8, always(8, RAW)),
    _GGSN: (9, _first_ip(8, 4)),
    _ES: (17, _first_ip(16, 0)),
    _VOICE: (18, always(18, RAW)),
    _BUNDLE: (10, _bundle),
}
