"""Captures out: biflows and packet traces as pcap files that any tool reads, with payload bytes of zero."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import refuse
from ntgbench.files import replacing
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.connections import biflows_to_trace
from ntgbench.traffic.frames import ETHERNET, RECORD, Numbers, header_lengths, headers
from ntgbench.traffic.records import LONGEST_RECORD
from ntgbench.traffic.segmentation import segment
from ntgbench.traffic.sidecar import write_sidecar
from ntgbench.traffic.trace import ACK, FIN, SYN, TCP, PacketTrace

if TYPE_CHECKING:
    import os

_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2_3C4D, 2, 4, 0, 0, LONGEST_RECORD, 1)
_CHUNK_BYTES = 1 << 24
_SEQUENCE_START = 1


def write_pcap(traffic: Biflows | PacketTrace, path: str | os.PathLike[str]) -> None:
    """Write an Ethernet pcap file with nanoseconds, as a whole or not at all.

    Biflows become TCP connections, see `biflows_to_trace`; their classes go into a CSV file beside the capture, see
    `ntgbench.traffic.sidecar`. `capture_flows` gives both back in the same order. It may take longer timeouts: a gap
    above the idle timeout, or a biflow above the active one, is split there as in any capture.

    A trace keeps its times, addresses, ports, lengths, hop limits and flags; sequence and acknowledgement numbers
    follow from its payload lengths. Bytes that its headers are longer than usual become options without effect.

    Raises:
        TrafficError: naming the first packet that cannot be written as it is, or the first biflow.
    """
    trace = biflows_to_trace(traffic) if isinstance(traffic, Biflows) else traffic
    seconds = trace.time_ns // 1_000_000_000
    refuse((seconds < 0) | (seconds >= 1 << 32), "a pcap file holds times from 1970 to 2106 only")
    refuse(trace.ip_length > LONGEST_RECORD - 14, f"a pcap file holds packets of at most {LONGEST_RECORD} bytes")
    ip_header, transport_header = header_lengths(trace)
    sequence, acknowledgement = _sequence_numbers(trace)
    # Packets whose headers have the same layout are written together.
    layout = ip_header << 8 | transport_header << 2 | trace.is_ipv4() << 1 | (trace.protocol == TCP)
    size = RECORD + ETHERNET + trace.ip_length.astype(np.int64)
    end = np.cumsum(size)
    cuts = (np.flatnonzero(np.diff(end // _CHUNK_BYTES)) + 1).tolist()
    if isinstance(traffic, Biflows):
        write_sidecar(path, (traffic.classes[label] for label in traffic.label))
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        file.write(_FILE_HEADER)
        for begin, stop in zip([0, *cuts], [*cuts, len(trace)], strict=True):
            offset = end[begin:stop] - size[begin:stop]
            offset -= offset[:1]
            chunk = np.zeros(int(size[begin:stop].sum()), np.uint8)
            for this in np.unique(layout[begin:stop]):
                rows = np.flatnonzero(layout[begin:stop] == this)
                at, first = offset[rows], rows[0] + begin
                rows += begin
                header = headers(
                    trace.select(rows),
                    int(ip_header[first]),
                    int(transport_header[first]),
                    sequence[rows],
                    acknowledgement[rows],
                )
                windows = np.lib.stride_tricks.sliding_window_view(chunk, header.shape[1], writeable=True)
                windows[at] = header
            file.write(chunk.data)


def _sequence_numbers(trace: PacketTrace) -> tuple[Numbers, Numbers]:
    """TCP sequence and acknowledgement number of each packet, as if none was lost, repeated or out of order."""
    segmentation = segment(trace, np.inf, np.inf)
    order = segmentation.order
    upstream = segmentation.upstream[order]
    flags = trace.tcp_flags[order]
    used = trace.payload_length[order].astype(np.int64) + (flags & SYN != 0) + (flags & FIN != 0)
    sent = []
    for sender in (upstream, ~upstream):
        before = np.cumsum(used * sender) - used * sender
        sent.append(before - np.repeat(before[segmentation.offsets[:-1]], np.diff(segmentation.offsets)))
    numbers = np.empty((2, len(trace)), np.int64)
    numbers[0, order] = _SEQUENCE_START + np.where(upstream, sent[0], sent[1])
    numbers[1, order] = np.where(flags & ACK != 0, _SEQUENCE_START + np.where(upstream, sent[1], sent[0]), 0)
    return numbers[0], numbers[1]
