"""Kinds of headers by number, and how a header is read.

A kind is an EtherType; headers that have no EtherType get numbers above them. A reader takes the first bytes of many
headers of one kind, uint8 (n, bytes), and tells how many bytes to skip and the kind of what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ntgbench.traffic.records import Bytes, Offsets

Reader: TypeAlias = Callable[[Bytes], tuple[Offsets | int, Offsets]]
Readers: TypeAlias = dict[int, tuple[int, Reader]]

IPV4, IPV6 = 0x0800, 0x86DD
MPLS, MPLS_MULTICAST, PPPOE, NSH = 0x8847, 0x8848, 0x8864, 0x894F
# Where the search for IP ends without one: another protocol, too few bytes, a link type that is not read, an encrypted
# or compressed packet, a packet in a form that its header does not tell or that is not read.
NOT_IP, CUT, UNSUPPORTED, ENCRYPTED, HIDDEN = range(0x10000, 0x10005)
ETHERNET, ETHERTYPE, RAW, LLC, SNAP, NLPID, PPP, CISCO_HDLC, FRAME_RELAY, ATM, WIFI = range(0x10010, 0x1001B)
GRE_METADATA = 0x1001B
LINK = 0x20000  # LINK + n is the first header of link type n, https://www.tcpdump.org/linktypes.html


def u16(header: Bytes, column: int) -> Offsets:
    """The number in two bytes from `column` on, in network byte order."""
    return header[:, column].astype(np.int64) << 8 | header[:, column + 1]


def u16_little(header: Bytes, column: int) -> Offsets:
    """The number in two bytes from `column` on, little-endian."""
    return header[:, column + 1].astype(np.int64) << 8 | header[:, column]


def u32_little(header: Bytes, column: int) -> Offsets:
    """The number in four bytes from `column` on, little-endian."""
    return u16_little(header, column + 2) << 16 | u16_little(header, column)


def choose(value: Offsets | Bytes, kinds: dict[int, int], otherwise: int = NOT_IP) -> Offsets:
    """`kinds` by value, `otherwise` for all others."""
    return np.select([value == key for key in kinds], list(kinds.values()), otherwise).astype(np.int64)


def ethertype_at(skip: int, column: int) -> Reader:
    """A header of `skip` bytes whose EtherType, or 802.3 length, stands at `column`."""

    def read(header: Bytes) -> tuple[int, Offsets]:
        kind = u16(header, column)
        return skip, np.where(kind <= 1500, LLC, kind)

    return read


def always(skip: int, kind: int) -> Reader:
    """A header of `skip` bytes before one of `kind`."""
    return lambda header: (skip, np.full(len(header), kind, np.int64))


def raw_ip(first: Bytes) -> Offsets:
    """IPV4 or IPV6 by the first byte of a packet, NOT_IP for any other."""
    return choose(first >> 4, {4: IPV4, 6: IPV6})
