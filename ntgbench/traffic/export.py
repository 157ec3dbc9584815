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
from ntgbench.traffic.frames import ETHERNET, RECORD, header_lengths, headers
from ntgbench.traffic.records import LONGEST_RECORD
from ntgbench.traffic.sidecar import write_sidecar
from ntgbench.traffic.trace import TCP, PacketTrace

if TYPE_CHECKING:
    import os

_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2_3C4D, 2, 4, 0, 0, LONGEST_RECORD, 1)
_CHUNK_BYTES = 1 << 24


def write_pcap(traffic: Biflows | PacketTrace, path: str | os.PathLike[str]) -> None:
    """Write an Ethernet pcap file with nanoseconds, as a whole or not at all.

    Biflows become TCP connections, see `biflows_to_trace`; their classes go into a CSV file beside the capture, see
    `ntgbench.traffic.sidecar`. `capture_flows` gives both back in the same order, but splits biflows that exceed its
    idle or active timeout, as in any capture.

    A trace keeps all its columns. Headers longer than usual are filled up with options without effect.

    Raises:
        TrafficError: naming the first packet that cannot be written as it is, or the first biflow.
    """
    trace = biflows_to_trace(traffic) if isinstance(traffic, Biflows) else traffic
    seconds = trace.time_ns // 1_000_000_000
    refuse((seconds < 0) | (seconds >= 1 << 32), "a pcap file holds times from 1970 to 2106 only")
    refuse(trace.ip_length > LONGEST_RECORD - 14, f"a pcap file holds packets of at most {LONGEST_RECORD} bytes")
    ip_header, transport_header = header_lengths(trace)
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
                header = headers(trace.select(rows), int(ip_header[first]), int(transport_header[first]))
                windows = np.lib.stride_tricks.sliding_window_view(chunk, header.shape[1], writeable=True)
                windows[at] = header
            file.write(chunk.data)
