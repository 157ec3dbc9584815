"""Captures out: biflows and packet traces as pcap files that any tool reads, with payload bytes of zero."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.errors import refuse
from ntgbench.files import replacing
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.frames import ETHERNET, RECORD, header_lengths, headers, unwritable
from ntgbench.traffic.records import LONGEST_RECORD
from ntgbench.traffic.sidecar import write_sidecar
from ntgbench.traffic.trace import ACK, DO_NOT_FRAGMENT, FIN, PSH, SYN, TCP, PacketTrace, ipv4_address

if TYPE_CHECKING:
    import os

_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2_3C4D, 2, 4, 0, 0, LONGEST_RECORD, 1)
_CHUNK_BYTES = 1 << 24
_IAT_NS = 1_000_000
_EPOCH_NS = 1_600_000_000 * 1_000_000_000
_LONGEST_BIFLOW = 1e9
# RFC 2544 sets 198.18.0.0/15 aside for benchmarks, RFC 5737 203.0.113.0/24 for documentation.
_CLIENTS, _CLIENT_COUNT = 0xC612_0001, 131_070
_SERVER = 0xCB00_7101
_SEQUENCE_START = 1
_DYNAMIC_PORTS, _PORT_COUNT = 49_152, 16_384


def write_pcap(traffic: Biflows | PacketTrace, path: str | os.PathLike[str], *, payload: bool = True) -> None:
    """Write an Ethernet pcap file with nanoseconds, as a whole or not at all.

    Biflows become TCP connections, see `biflows_to_trace`; their classes go into a CSV file beside the capture, see
    `ntgbench.traffic.sidecar`. `capture_flows` gives both back in the same order, but splits biflows that exceed its
    idle or active timeout, as in any capture.

    A trace keeps all its columns: `read_capture` gives it back, in the order of time. Headers longer than usual are
    filled up with options without effect.

    Args:
        traffic: what is written.
        path: the file.
        payload: with payload bytes of zero. Without, the file is like a capture that a snap length has cut behind the
            headers of each packet: smaller, and nothing takes zeros for a message of the protocol that a port means.

    Raises:
        TrafficError: naming the first packet that cannot be written as it is, see `frames.unwritable`, or the first
            biflow.
    """
    trace = biflows_to_trace(traffic) if isinstance(traffic, Biflows) else traffic
    for broken, rule in unwritable(trace):
        refuse(broken, rule)
    ip_header, transport_header = header_lengths(trace)
    # Packets whose headers have the same layout are written together.
    layout = ip_header << 8 | transport_header << 2 | trace.is_ipv4() << 1 | (trace.protocol == TCP)
    size = RECORD + ETHERNET + (trace.ip_length.astype(np.int64) if payload else ip_header + transport_header)
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
                header = headers(trace.select(rows), int(ip_header[first]), int(transport_header[first]), payload)
                windows = np.lib.stride_tricks.sliding_window_view(chunk, header.shape[1], writeable=True)
                windows[at] = header
            file.write(chunk.data)


def biflows_to_trace(biflows: Biflows) -> PacketTrace:
    """Biflows as the packets of TCP connections: handshake, one packet with payload for each entry, and close.

    Connections begin a millisecond apart, in the order of the biflows. The packets of each are `iat` apart, where a
    negative one counts as 0, or a millisecond without it. Each has its own client address and port out of
    198.18.0.0/15; the server's port tells the class. Packets are sorted by time.

    Raises:
        TrafficError: naming the first biflow that lasts for more than 1e9 seconds.
    """
    count, packets = biflows.signed_pl.shape
    signed_pl = np.zeros((count, packets + 6), np.int32)
    signed_pl[:, 3:-3] = biflows.signed_pl
    present = signed_pl != 0
    present[:, :3] = present[:, -3:] = True
    upstream = signed_pl > 0
    upstream[:, [0, 2, -3, -1]] = True
    flags = np.full(signed_pl.shape, ACK | PSH, np.uint8)
    flags[:, [0, 1, 2]] = (SYN, SYN | ACK, ACK)
    flags[:, [-3, -2, -1]] = (FIN | ACK, FIN | ACK, ACK)
    iat_ns = np.where(present, _IAT_NS, 0)
    if biflows.iat is not None:
        seconds = np.maximum(biflows.iat[:, 1:].astype(np.float64), 0.0) * present[:, 4:-3]
        refuse(seconds.sum(axis=1) > _LONGEST_BIFLOW, f"the iat of a biflow adds up to at most {_LONGEST_BIFLOW:g} s")
        iat_ns[:, 4:-3] = np.rint(seconds * 1e9)
    iat_ns[:, 0] = _EPOCH_NS + _IAT_NS * np.arange(count)
    time_ns = np.cumsum(iat_ns, axis=1)[present]
    biflow = np.repeat(np.arange(count), present.sum(axis=1))
    order = np.argsort(time_ns, kind="stable")
    packets_of = (upstream, np.abs(signed_pl), flags, *_numbers(signed_pl, upstream, flags))
    upstream, payload, flags, sequence, acknowledgement = (column[present][order] for column in packets_of)
    biflow = biflow[order]
    client = ipv4_address((_CLIENTS + biflow % _CLIENT_COUNT).astype(np.uint32))
    server = ipv4_address(np.full(len(biflow), _SERVER, np.uint32))
    client_port = (_DYNAMIC_PORTS + biflow // _CLIENT_COUNT % _PORT_COUNT).astype(np.uint16)
    server_port = (_DYNAMIC_PORTS + biflows.label[biflow] % _PORT_COUNT).astype(np.uint16)
    return PacketTrace.of(
        time_ns=time_ns[order],
        source=np.where(upstream[:, None], client, server),
        destination=np.where(upstream[:, None], server, client),
        source_port=np.where(upstream, client_port, server_port),
        destination_port=np.where(upstream, server_port, client_port),
        protocol=np.full(len(biflow), TCP, np.uint8),
        # SYN and SYN-ACK have room for the window scale, without which long payloads would overrun the window.
        ip_length=(40 + 8 * (flags & SYN != 0) + payload).astype(np.int32),
        payload_length=payload,
        ttl=np.full(len(biflow), 64, np.uint8),
        ip_flags=np.full(len(biflow), DO_NOT_FRAGMENT, np.uint8),
        tcp_flags=flags,
        tcp_sequence=sequence,
        tcp_acknowledgement=acknowledgement,
    )


def _numbers(
    signed_pl: npt.NDArray[np.int32], upstream: npt.NDArray[np.bool_], flags: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Sequence and acknowledgement number of each packet, one connection a row: none was lost or out of order."""
    # SYN and FIN take a number each, as a byte does (RFC 9293, 3.4).
    used = np.abs(signed_pl.astype(np.int64)) + (flags & SYN != 0) + (flags & FIN != 0)
    sent, received = (_SEQUENCE_START + np.cumsum(used * way, axis=1) - used * way for way in (upstream, ~upstream))
    sequence = np.where(upstream, sent, received).astype(np.uint32)
    acknowledgement = np.where(flags & ACK != 0, np.where(upstream, received, sent), 0).astype(np.uint32)
    return sequence, acknowledgement
