"""From a link-layer frame to the IP packet inside it, for all packets of a capture at once."""

from __future__ import annotations

import numpy as np

from ntgbench.traffic import ethernet, juniper, pseudo_headers, serial
from ntgbench.traffic.kinds import (
    ATM,
    CISCO_HDLC,
    CUT,
    ETHERNET,
    FRAME_RELAY,
    IPV4,
    IPV6,
    LINK,
    LLC,
    NOT_IP,
    PPP,
    PPPOE,
    RAW,
    UNSUPPORTED,
    WIFI,
    Readers,
)
from ntgbench.traffic.records import Bytes, Offsets, gather

MOST_HEADERS = 256
"""Headers that are followed in one packet; only hostile ones nest deeper."""

_READERS: Readers = {**ethernet.READERS, **serial.READERS, **juniper.READERS, **pseudo_headers.READERS}

_LINKS = {
    0: pseudo_headers.FAMILY,
    1: ETHERNET,
    6: pseudo_headers.TOKEN_RING,
    7: pseudo_headers.ARCNET,
    9: PPP,
    11: LLC,
    12: RAW,
    14: RAW,
    50: PPP,
    51: PPPOE,
    100: LLC,
    101: RAW,
    104: CISCO_HDLC,
    105: WIFI,
    106: ATM,
    107: FRAME_RELAY,
    108: pseudo_headers.FAMILY,
    109: pseudo_headers.ENC,
    113: pseudo_headers.COOKED,
    117: pseudo_headers.PFLOG,
    119: pseudo_headers.PRISM,
    123: pseudo_headers.SUN_ATM,
    127: pseudo_headers.RADIOTAP,
    129: pseudo_headers.ARCNET_LINUX,
    143: pseudo_headers.DOCSIS,
    149: pseudo_headers.USER_PKTAP,
    163: pseudo_headers.AVS,
    192: pseudo_headers.PPI,
    197: pseudo_headers.ERF,
    226: pseudo_headers.IPNET,
    228: IPV4,
    229: IPV6,
    239: pseudo_headers.NFLOG,
    258: pseudo_headers.PKTAP,
    276: pseudo_headers.COOKED_2,
}
"""Kind of the first header by link type; those that are not here have readers of their own."""

_LAST_LINK = max(*_LINKS, *(kind - LINK for kind in _READERS if kind >= LINK))
_OF_LINK = np.full(_LAST_LINK + 2, UNSUPPORTED, np.int64)
_OF_LINK[[kind - LINK for kind in _READERS if kind >= LINK]] = [kind for kind in _READERS if kind >= LINK]
_OF_LINK[list(_LINKS)] = list(_LINKS.values())


def find_ip(data: Bytes, at: Offsets, end: Offsets, kind: Offsets) -> tuple[Offsets, Offsets]:
    """Follow headers until IP begins.

    Args:
        data: the capture file.
        at: (n,). Offset of the first header.
        end: (n,). Offset of the end of the captured bytes.
        kind: (n,). Kind of the first header.

    Returns:
        at: (n,). Offset of the IP header.
        kind: (n,). IPV4 or IPV6; else why there is none: CUT, UNSUPPORTED, ENCRYPTED, HIDDEN, NOT_IP, or an EtherType
            that is not followed.
    """
    at, kind = at.copy(), kind.copy()
    for _ in range(MOST_HEADERS):
        kinds = set(np.unique(kind).tolist())
        if max(kinds, default=0) >= LINK:
            link = kind >= LINK
            kind[link] = _OF_LINK[np.minimum(kind[link] - LINK, _LAST_LINK + 1)]
            kinds = set(np.unique(kind).tolist())
        open_kinds = kinds & _READERS.keys()
        if not open_kinds:
            break
        for this in open_kinds:
            rows = np.flatnonzero(kind == this)
            width, read = _READERS[this]
            fits = at[rows] + width <= end[rows]
            kind[rows[~fits]] = CUT
            rows = rows[fits]
            skip, kind[rows] = read(gather(data, at[rows], width))
            at[rows] += skip
    else:
        kind[np.isin(kind, list(_READERS))] = NOT_IP
    return at, kind
