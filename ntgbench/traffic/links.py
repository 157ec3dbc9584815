"""From a link-layer frame to the IP packet inside it, for all packets of a capture at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ntgbench.traffic import juniper, link_layers
from ntgbench.traffic import kinds as k
from ntgbench.traffic import pseudo_headers as p
from ntgbench.traffic.kinds import u16
from ntgbench.traffic.records import Bytes, Offsets, gather

if TYPE_CHECKING:
    from ntgbench.traffic.kinds import Readers

MOST_HEADERS = 256  # that are followed in one packet; only hostile ones nest deeper

_READERS: Readers = {**link_layers.READERS, **juniper.READERS, **p.READERS}

# Kind of the first header by link type; those that are not here have readers of their own.
_LINKS = (
    {0: p.FAMILY, 1: k.ETHERNET, 6: p.TOKEN_RING, 7: p.ARCNET, 9: k.PPP, 11: k.LLC, 12: k.RAW, 14: k.RAW}
    | {50: k.PPP, 51: k.PPPOE, 100: k.LLC, 101: k.RAW, 104: k.CISCO_HDLC, 105: k.WIFI, 106: k.ATM, 107: k.FRAME_RELAY}
    | {108: p.FAMILY, 109: p.ENC, 113: p.COOKED, 117: p.PFLOG, 119: p.PRISM, 123: p.SUN_ATM, 127: p.RADIOTAP}
    | {129: p.ARCNET_LINUX, 143: p.DOCSIS, 149: p.USER_PKTAP, 163: p.AVS, 192: p.PPI, 197: p.ERF, 226: p.IPNET}
    | {228: k.IPV4, 229: k.IPV6, 239: p.NFLOG, 258: p.PKTAP, 276: p.COOKED_2}
    | {kind - k.LINK: kind for kind in _READERS if kind >= k.LINK}
)
_OF_LINK = np.full(max(_LINKS) + 2, k.UNSUPPORTED, np.int64)
_OF_LINK[list(_LINKS)] = list(_LINKS.values())


def find_ip(data: Bytes, at: Offsets, end: Offsets, wire_end: Offsets, kind: Offsets) -> tuple[Offsets, ...]:
    """Follow headers until IP begins.

    Args:
        data: the capture file.
        at: (n,). Offset of the first header.
        end: (n,). Offset of the end of the captured bytes.
        wire_end: (n,). Offset at which the frame ended on the wire.
        kind: (n,). Kind of the first header.

    Returns offset of the IP header, wire_end, which is less where a header states how long its content is, and kind:
    IPV4, IPV6, or why there is none: CUT, UNSUPPORTED, ENCRYPTED, HIDDEN, NOT_IP, or an EtherType that is not followed.
    """
    at, wire_end, kind = at.copy(), wire_end.copy(), kind.copy()
    for _ in range(MOST_HEADERS):
        link = kind >= k.LINK
        kind[link] = _OF_LINK[np.minimum(kind[link] - k.LINK, len(_OF_LINK) - 1)]
        # Neighbours are mostly of one kind, and a hash of few is faster than one of all.
        open_kinds = set(np.unique(kind[np.diff(kind, prepend=-1) != 0]).tolist()) & _READERS.keys()
        if not open_kinds:
            break
        for this in open_kinds:
            rows = np.flatnonzero(kind == this)
            width, read = _READERS[this]
            fits = at[rows] + width <= end[rows]
            kind[rows[~fits]] = k.CUT
            rows = rows[fits]
            header = gather(data, at[rows], width)
            skip, kind[rows] = read(header)
            at[rows] += skip
            if this == k.PPPOE:  # RFC 2516, 4: what follows the stated length is padding
                stated = u16(header, 4)
                wire_end[rows] = np.where(stated, np.minimum(at[rows] + stated, wire_end[rows]), wire_end[rows])
    else:
        kind[np.isin(kind, list(_READERS))] = k.NOT_IP
    return at, wire_end, kind
