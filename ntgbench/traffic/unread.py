"""Packets that could not be read although they belong to biflows that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ntgbench.traffic import kinds as k
from ntgbench.traffic.headers import NO_IP, Packets
from ntgbench.traffic.notes import WARNING
from ntgbench.traffic.records import Bytes, Offsets, Records, gather
from ntgbench.traffic.trace import TCP, PacketTrace

if TYPE_CHECKING:
    from ntgbench.traffic.fragments import Columns

_ETHERNET_LINK = 1
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


def unread_frames(packets: Packets, begin: int) -> Columns:
    """Frames, the first being number `begin` of the capture, that may hold packets which could not be read; and why."""
    rows = np.flatnonzero((packets.reason == NO_IP) & (packets.kind != k.NOT_IP))
    kind = packets.kind[rows]
    rows = rows[(kind >= 0x0600) & ~np.isin(kind, _NEVER_IP)]
    return {"frame": begin + rows, "kind": packets.kind[rows]}


def missing_packets(records: Records, trace: PacketTrace, frame: Offsets, unread: Columns) -> dict[str, int]:
    """How many unread frames travel between hosts whose other packets are kept, by a sentence with {} for the number.

    On Ethernet, these are the frames between two addresses between which packets are kept too, in any direction. On
    other links, whose headers hold no pair of addresses, they are all frames of a link type on which TCP packets of one
    direction are kept without any of the other.

    Args:
        records: the packets of the file.
        trace: the packets that are kept.
        frame: int64 (len(trace),). Which packets of the file they are.
        unread: see `unread_frames`.
    """
    if not len(unread["frame"]):
        return {}
    link = records.link[unread["frame"]]
    wired = link == _ETHERNET_LINK
    concerned = np.isin(link, records.link[frame[_one_way(trace)]]) & ~wired
    kept = frame[records.link[frame] == _ETHERNET_LINK]
    pairs = np.unique(_address_pairs(records, kept))
    concerned[wired] = np.isin(_address_pairs(records, unread["frame"][wired]), pairs)
    sentences = {}
    for kind, count in zip(*np.unique(unread["kind"][concerned], return_counts=True), strict=True):
        what = _SPECIAL.get(int(kind), f"behind a header of EtherType 0x{kind:04x}")
        sentence = f"{WARNING}{{}} [packet|packets] {what} cannot be read: biflows between their hosts lack packets"
        sentences[sentence] = int(count)
    return sentences


def _address_pairs(records: Records, frame: Offsets) -> npt.NDArray[Any]:
    """The two Ethernet addresses of each frame, the lower one first, as one value."""
    ends: Bytes = gather(records.data, records.start[frame], 12).reshape(-1, 2, 6)
    number = np.zeros((len(frame), 2), np.uint64)
    for column in range(6):
        number = number << np.uint64(8) | ends[:, :, column]
    return np.sort(number, axis=1).view("u8,u8").reshape(-1)


def _one_way(trace: PacketTrace) -> npt.NDArray[np.bool_]:
    """TCP packets of which none goes the other way between the same ports."""
    ways = [
        np.concatenate([*one.T, *other.T, one_port, other_port]).reshape(6, -1).T
        for one, other, one_port, other_port in (
            (trace.source, trace.destination, trace.source_port, trace.destination_port),
            (trace.destination, trace.source, trace.destination_port, trace.source_port),
        )
    ]
    _, number = np.unique(np.concatenate(ways), axis=0, return_inverse=True)
    there, back = number.reshape(2, -1)
    tcp: npt.NDArray[np.bool_] = trace.protocol == TCP
    return tcp & ~np.isin(there, back[tcp])
