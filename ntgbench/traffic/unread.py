"""Packets that could not be read although they belong to biflows that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic import kinds as k
from ntgbench.traffic.headers import KEPT, NO_IP, SPLIT_HEADER, Packets
from ntgbench.traffic.notes import WARNING
from ntgbench.traffic.records import Bytes, Offsets, gather
from ntgbench.traffic.trace import TCP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ETHERNET_LINK = 1
_MOST_WAYS = 1 << 22  # TCP directions that are remembered on links without addresses
_MULTIPLIER = np.uint64(0x9E37_79B9_7F4A_7C15)  # see `ntgbench.traffic.segmentation`
_SPECIAL = {
    k.ENCRYPTED: "with encrypted or compressed content",
    k.HIDDEN: "behind an MPLS, NSH or SNAP header of an unknown form",
}
# EtherTypes of ARP, LLDP, spanning trees, PTP and others that carry no IP packet.
_NEVER_IP = np.array(
    [
        *(0x0600, 0x0806, 0x0842, 0x0BAD, 0x22EA, 0x22F0, 0x22F4, *range(0x6000, 0x6010), 0x8029, 0x8035, 0x8038),
        *(0x809B, 0x80F3, 0x8137, 0x8138, 0x8204, 0x8808, 0x8809, 0x8819, 0x8863, 0x8868, 0x886D, 0x8870, 0x887B),
        *(0x888E, 0x8892, 0x8899, 0x889A, 0x88A2, 0x88A4, 0x88AB, 0x88B8, 0x88B9, 0x88BA, 0x88BF, 0x88C7, 0x88CC),
        *(0x88CD, 0x88D9, 0x88DC, 0x88E1, 0x88E3, 0x88F5, 0x88F6, 0x88F7, 0x88F8, 0x88FB, 0x8902, 0x8906, 0x890D),
        *(0x8914, 0x8915, 0x891D, 0x893A, 0x8940, 0x9000, 0xFEFE),
    ]
)


class Unread:
    """The frames of a capture that may hold packets which could not be read, counted by what tells them apart."""

    def __init__(self) -> None:
        # uint64 (n, 4): what hides the packet, see `find_ip`, link type, and two Ethernet addresses; and how many
        self._rows = np.zeros((0, 4), np.uint64)
        self._counts = np.zeros(0, np.int64)

    def add(self, packets: Packets) -> None:
        """Count those among some packets."""
        rows = np.flatnonzero((packets.reason == NO_IP) & (packets.kind != k.NOT_IP))
        kind = packets.kind[rows]
        rows = rows[(kind >= 0x0600) & ~np.isin(kind, _NEVER_IP)]
        if not len(rows):
            return
        found = np.empty((len(rows), 4), np.uint64)
        found[:, 0], found[:, 1] = packets.kind[rows], packets.link[rows]
        found[:, 2:] = _address_pairs(packets, rows)
        found[found[:, 1] != _ETHERNET_LINK, 2:] = 0
        rows_of, place = np.unique(np.concatenate([self._rows, found]), axis=0, return_inverse=True)
        counts = np.concatenate([self._counts, np.ones(len(found), np.int64)])
        self._rows, self._counts = rows_of, np.bincount(place.reshape(-1), counts, len(rows_of)).astype(np.int64)

    def missing(self, read: Callable[[], Iterable[Packets]]) -> dict[str, int]:
        """How many travel between hosts whose other packets are kept, by a sentence with {} for the number.

        On Ethernet, these are the frames between two addresses between which packets are kept too, in any direction. On
        other links, whose headers hold no pair of addresses, they are all frames of a link type on which TCP packets of
        one direction are kept without any of the other.

        Args:
            read: reads the packets of the capture again; called where there is such a frame, which is rare.
        """
        if not len(self._rows):
            return {}
        kind, link, *_ = self._rows.T
        wired = link == _ETHERNET_LINK
        pairs = _values(self._rows[:, 2:])
        concerned, ways = np.zeros(len(pairs), np.bool_), _Ways()
        for packets in read():
            kept = np.flatnonzero((packets.reason == KEPT) | (packets.reason == SPLIT_HEADER))
            on_ethernet = kept[packets.link[kept] == _ETHERNET_LINK]
            concerned |= wired & np.isin(pairs, _values(_address_pairs(packets, on_ethernet)))
            if not wired.all():
                ways.add(packets, kept[packets.protocol[kept] == TCP])
        concerned |= ~wired & np.isin(link, ways.one_way_links())
        sentences = {}
        for what in np.unique(kind[concerned]).tolist():
            behind = _SPECIAL.get(what, f"behind a header of EtherType 0x{what:04x}")
            sentence = (
                f"{WARNING}{{}} [packet|packets] {behind} cannot be read: biflows between their hosts lack packets"
            )
            sentences[sentence] = int(self._counts[concerned & (kind == what)].sum())
        return sentences


class _Ways:
    """The directions of TCP packets, as hashes: of one direction, of the other, and the link type."""

    def __init__(self) -> None:
        self._rows = np.zeros((0, 3), np.uint64)

    def add(self, packets: Packets, rows: Offsets) -> None:
        if len(self._rows) > _MOST_WAYS:
            return
        ends = [
            (packets.source[rows], packets.ports[rows, 0]),
            (packets.destination[rows], packets.ports[rows, 1]),
        ]
        there, back = (_mixed([*one[0].T, one[1], *other[0].T, other[1]]) for one, other in (ends, ends[::-1]))
        found = np.stack([there, back, packets.link[rows].astype(np.uint64)], axis=1)
        self._rows = np.unique(np.concatenate([self._rows, found]), axis=0)

    def one_way_links(self) -> npt.NDArray[np.uint64]:
        there, back, link = self._rows.T
        return np.unique(link[~np.isin(back, there)])


def _mixed(parts: Iterable[npt.NDArray[Any]]) -> npt.NDArray[np.uint64]:
    hashed: npt.NDArray[np.uint64] | None = None
    for part in parts:
        mixed = part.astype(np.uint64) if hashed is None else hashed ^ part.astype(np.uint64)
        mixed = mixed * _MULTIPLIER
        hashed = mixed ^ mixed >> np.uint64(29)
    assert hashed is not None
    return hashed


def _values(pairs: npt.NDArray[np.uint64]) -> npt.NDArray[Any]:
    """Pairs, uint64 (n, 2), as one value each."""
    return np.ascontiguousarray(pairs).view("u8,u8").reshape(-1)


def _address_pairs(packets: Packets, rows: Offsets) -> npt.NDArray[np.uint64]:
    """The two Ethernet addresses of frames, the lower one first, uint64 (n, 2)."""
    ends: Bytes = gather(packets.data, packets.start[rows], 12).reshape(-1, 2, 6)
    number = np.zeros((len(rows), 2), np.uint64)
    for column in range(6):
        number = number << np.uint64(8) | ends[:, :, column]
    return np.sort(number, axis=1)
