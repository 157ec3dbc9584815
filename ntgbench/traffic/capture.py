"""Captures: pcap and pcapng files read into a PacketTrace, with an account of what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ntgbench.traffic.notes import filled
from ntgbench.traffic.packet_stream import PacketStream, changes
from ntgbench.traffic.trace import PacketTrace

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Capture:
    """What `read_capture` made of a file."""

    trace: PacketTrace  # the packets that are TCP or UDP over IP, in the order of their times
    frame: npt.NDArray[np.int64]  # int64 (len(trace),). Position of each of them among the packets of the file, from 0
    packets: int  # packets read from the file
    left_out: Mapping[str, int]  # how many packets are not in `trace`, by reason
    was_sorted: bool  # whether the packets of the file were in another order than their times
    # Packets that could not be read although others between the same hosts are kept, by a sentence with {} in it.
    unread: Mapping[str, int]
    warnings: tuple[str, ...]  # damage, and how far the file was read

    def notes(self) -> tuple[str, ...]:
        """The warnings, and a line for each reason why packets were left out, or were sorted."""
        return (*self.warnings, *filled(self.changes()))

    def changes(self) -> dict[str, int]:
        """What was left out or changed: how often, by the sentence that says so with {} for the number."""
        return changes(self.packets, self.unread, self.left_out, self.was_sorted)


def read_capture(path: str | os.PathLike[str], *, inner: bool = False, size_limit: int | None = None) -> Capture:
    """The TCP and UDP packets of a pcap or pcapng file, plain or gzip, sorted by time.

    Payload lengths come from the lengths in the headers, so a capture cut by a snap length gives the same answer as a
    full one. The payload of UDP is what its own length states, but no more than the IP packet has room for.

    The first fragment of a datagram stands for all of it; later ones are left out. Its payload is that of the whole
    datagram when the last fragment was captured too (up to the largest end over the fragments of the same source,
    destination, protocol and identification), otherwise what the UDP length states or, for TCP, what the first fragment
    itself carries. Headers that are split over fragments are put together when all fragments were captured. The flag
    for more fragments is 0, as the packet stands for the whole datagram.

    Packets of one time stay in the order of the file. A packet without a time takes that of the packet before it.

    Args:
        path: the file.
        inner: read the packets inside GRE, ERSPAN, IPv4-in-IP and IPv6-in-IP, which are left out otherwise. Tunnels
            over UDP are UDP biflows either way.
        size_limit: most bytes that a compressed file may expand to; None takes `ntgbench.limits.size_limit()`.

    Raises:
        CaptureError: the file cannot be read at all. Damage further on ends the reading there and is a warning.
    """
    stream = PacketStream(path, inner=inner, size_limit=size_limit)
    (columns,) = stream.columns(None)
    frame = columns.pop("frame")
    for column in columns.values():
        column.flags.writeable = False
    return Capture(
        PacketTrace(**columns),
        frame,
        stream.packets,
        stream.left_out(),
        stream.was_sorted,
        stream.missing(),
        stream.warnings,
    )
