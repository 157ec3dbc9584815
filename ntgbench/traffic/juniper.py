"""Readers of Juniper's link types: a header with magic, flags and extensions, a cookie of the card, and the frame.

Formats: print-juniper.c of tcpdump and packet-juniper.c of Wireshark. Where these disagree, the packet decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.traffic import kinds as k
from ntgbench.traffic.kinds import Reader, Readers, always, choose, raw_ip, u16
from ntgbench.traffic.link_layers import is_ppp

if TYPE_CHECKING:
    from ntgbench.traffic.records import Bytes, Offsets

_IN, _WITHOUT_LINK, _EXTENDED = 1, 2, 0x80
_ATM1, _ATM2_IN, _ATM2_OUT, _SERVICES_IN, _SERVICES_OUT, _MONITOR, _GGSN, _ES, _VOICE, _BUNDLE = range(0x10300, 0x1030A)
# Kind of the frame by link type; two where it depends on the direction, the one of received frames first.
_FRAMES: dict[int, tuple[int, ...]] = {
    **dict.fromkeys((130, 131, 134), (_BUNDLE,)),
    132: (_ES,),
    133: (_GGSN,),
    135: (_ATM2_IN, _ATM2_OUT),
    136: (_SERVICES_IN, _SERVICES_OUT),
    137: (_ATM1,),
    164: (_MONITOR,),
    167: (k.ETHERNET,),
    168: (k.ETHERTYPE,),
    178: (k.ETHERNET,),
    179: (k.PPP,),
    180: (k.FRAME_RELAY,),
    181: (k.CISCO_HDLC,),
    183: (_VOICE,),
}


def _juniper(received: int, sent: int) -> Reader:
    def read(header: Bytes) -> tuple[Offsets, Offsets]:
        flags = header[:, 3]
        skip = 4 + np.where(flags & _EXTENDED, 2 + u16(header, 4), 0)
        without = flags & _WITHOUT_LINK != 0
        kind = np.where(flags & _IN, received, sent)
        # Without a link header, the address family of four bytes stands before the packet.
        skip, kind = np.where(without, skip + 4, skip), np.where(without, k.RAW, kind)
        # Old versions of the system write no header.
        magic = (header[:, :3] == np.frombuffer(b"MGC", np.uint8)).all(axis=1)
        return np.where(magic, skip, 0), np.where(magic, kind, received)

    return read


def _atm2(kind_of_gap: int) -> Reader:
    def read(header: Bytes) -> tuple[int, Offsets]:
        gap = header[:, 3] & 0x3F != 0
        return 8, np.where(header[:, 7] & 0x70, k.NOT_IP, np.where(gap, kind_of_gap, k.ATM))

    return read


def _first_ip(*places: int) -> Reader:
    """A header of unknown length: IP begins at the first of `places` where it can."""

    def read(header: Bytes) -> tuple[Offsets, Offsets]:
        # An IPv4 header has five words at least.
        firsts = [header[:, place] for place in places]
        kinds = [np.where((first >> 4 == 4) & (first & 15 < 5), k.NOT_IP, raw_ip(first)) for first in firsts]
        found = [kind != k.NOT_IP for kind in kinds]
        return np.select(found, places, 0).astype(np.int64), np.select(found, kinds, k.NOT_IP)

    return read


def _bundle(header: Bytes) -> tuple[Offsets, Offsets]:
    """Members of multilink PPP and frame relay: cookies of 8, 4, 2 or no bytes, and what the first bytes tell."""
    cookie = choose(header[:, 0], {0x47: 8, 0x54: 4}, 2)
    cookie = np.where((cookie == 2) & is_ppp(header), 0, cookie)
    rows = np.arange(len(header))
    first = header[rows, cookie].astype(np.int64) << 8 | header[rows, cookie + 1]
    # 0x0300 pads, see RFC 2427.
    padded = (cookie > 0) & (first == 0x0300)
    return cookie + 2 * padded, np.full(len(header), k.ATM)


READERS: Readers = {
    **{k.LINK + link: (6, _juniper(kinds[0], kinds[-1])) for link, kinds in _FRAMES.items()},
    # 0x80 is a cell of operation and maintenance.
    _ATM1: (4, lambda header: (4, np.where(header[:, 0] == 0x80, k.NOT_IP, k.ATM))),
    _ATM2_IN: (8, _atm2(k.ATM)),
    _ATM2_OUT: (8, _atm2(k.ETHERNET)),
    _SERVICES_IN: (17, _first_ip(16, 8, 12)),
    _SERVICES_OUT: (17, _first_ip(12, 8, 16)),
    _MONITOR: (8, always(8, k.RAW)),
    _GGSN: (9, _first_ip(8, 4)),
    _ES: (17, _first_ip(16, 0)),
    _VOICE: (18, always(18, k.RAW)),
    _BUNDLE: (10, _bundle),
}
"""Bytes that a reader needs, and the reader, by kind of header."""
