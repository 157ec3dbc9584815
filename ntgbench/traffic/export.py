"""Captures out: biflows and packet traces as pcap files that any tool reads, with payload bytes of zero."""

from __future__ import annotations

import contextlib
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
from ntgbench.traffic.sidecar import writing_sidecar
from ntgbench.traffic.trace import ACK, DO_NOT_FRAGMENT, FIN, PSH, SYN, TCP, UDP, PacketTrace, ipv4_address
from ntgbench.traffic.transport import Transport

if TYPE_CHECKING:
    import os

_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2_3C4D, 2, 4, 0, 0, LONGEST_RECORD, 1)
_CHUNK_BYTES = 1 << 24
_IAT_NS = 1_000_000
EPOCH_NS = 1_600_000_000 * 1_000_000_000
"""When captures of biflows without times begin."""
_LONGEST_BIFLOW = 1e9
_CLIENTS, _CLIENT_COUNT = 0x0A00_0001, 250  # of 10.0.0.0/8; more where there are more biflows than these have ports
_SERVERS, _SERVER_COUNT = 0xAC10_0001, 1_048_574  # of 172.16.0.0/12
_SEQUENCE_START = 1
_DYNAMIC_PORTS, _PORT_COUNT = 49_152, 16_384


def write_pcap(traffic: Biflows | PacketTrace, path: str | os.PathLike[str], *, payload: bool = True) -> None:
    """Write an Ethernet pcap file with nanoseconds, as a whole or not at all.

    Biflows become connections, see `biflows_to_trace`, in the order of their starts; their classes go into a CSV file
    beside the capture, see `ntgbench.traffic.sidecar`. `capture_flows` gives both back in this order, but splits
    biflows that exceed its idle or active timeout, as in any capture.

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
    if isinstance(traffic, Biflows) and traffic.transport is not None:
        traffic = traffic.select(np.argsort(traffic.transport.start_ns, kind="stable"))
    trace = biflows_to_trace(traffic) if isinstance(traffic, Biflows) else traffic
    for broken, rule in unwritable(trace):
        refuse(broken, rule)
    ip_header, transport_header = header_lengths(trace)
    # Packets whose headers have the same layout are written together.
    layout = ip_header << 8 | transport_header << 2 | trace.is_ipv4() << 1 | (trace.protocol == TCP)
    size = RECORD + ETHERNET + (trace.ip_length.astype(np.int64) if payload else ip_header + transport_header)
    end = np.cumsum(size)
    cuts = (np.flatnonzero(np.diff(end // _CHUNK_BYTES)) + 1).tolist()
    labels = [traffic.classes[label] for label in traffic.label] if isinstance(traffic, Biflows) else None
    with (
        contextlib.nullcontext() if labels is None else writing_sidecar(path, labels),
        replacing(Path(path)) as temporary,
        temporary.open("wb") as file,
    ):
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
    """Biflows as packets: of TCP with handshake, one packet with payload for each entry, and close; of UDP the latter.

    Biflows begin as `transport` says; without it they are TCP connections that begin a millisecond apart, and the
    server's port tells the class. The packets of each are `iat` apart, where a negative one counts as 0, or a
    millisecond without it, and so are those of handshake and close. A UDP biflow that begins downstream is preceded by
    an empty datagram of the client, by which readers tell the two apart. Addresses are private ones (RFC 1918): each
    class has a server, and no two biflows the same client and port. Packets are sorted by time.

    Raises:
        TrafficError: naming the first biflow that lasts for more than 1e9 seconds.
    """
    count, packets = biflows.signed_pl.shape
    transport = biflows.transport or _usual(biflows)
    is_udp = transport.protocol == UDP
    signed_pl = np.zeros((count, packets + 6), np.int32)
    signed_pl[:, 3:-3] = biflows.signed_pl
    present = signed_pl != 0
    present[:, [0, 1, 2, -3, -2, -1]] = ~is_udp[:, None]
    present[:, 2] |= is_udp & (biflows.signed_pl[:, 0] < 0)
    upstream = signed_pl > 0
    upstream[:, [0, 2, -3, -1]] = True
    flags = np.full(signed_pl.shape, ACK | PSH, np.uint8)
    flags[:, [0, 1, 2]] = (SYN, SYN | ACK, ACK)
    flags[:, [-3, -2, -1]] = (FIN | ACK, FIN | ACK, ACK)
    flags[is_udp] = 0
    iat_ns = np.where(present, _IAT_NS, 0)
    if biflows.iat is not None:
        seconds = np.maximum(biflows.iat[:, 1:].astype(np.float64), 0.0) * present[:, 4:-3]
        refuse(seconds.sum(axis=1) > _LONGEST_BIFLOW, f"the iat of a biflow adds up to at most {_LONGEST_BIFLOW:g} s")
        iat_ns[:, 4:-3] = np.rint(seconds * 1e9)
    iat_ns[np.arange(count), present.argmax(axis=1)] = 0
    iat_ns[:, 0] = transport.start_ns
    time_ns = np.cumsum(iat_ns, axis=1)[present]
    biflow = np.repeat(np.arange(count), present.sum(axis=1))
    order = np.argsort(time_ns, kind="stable")
    numbers = (np.where(is_udp[:, None], np.uint32(0), one) for one in _numbers(signed_pl, upstream, flags))
    packets_of = (upstream, np.abs(signed_pl), flags, *numbers)
    upstream, payload, flags, sequence, acknowledgement = (column[present][order] for column in packets_of)
    biflow = biflow[order]
    clients = max(_CLIENT_COUNT, -(-count // _PORT_COUNT))
    client = ipv4_address((_CLIENTS + biflow % clients).astype(np.uint32))
    server = ipv4_address((_SERVERS + biflows.label[biflow].astype(np.int64) % _SERVER_COUNT).astype(np.uint32))
    client_port = (_DYNAMIC_PORTS + biflow // clients % _PORT_COUNT).astype(np.uint16)
    server_port, protocol = transport.server_port[biflow], transport.protocol[biflow]
    # SYN and SYN-ACK have room for the window scale, without which long payloads would overrun the window.
    header = np.where(protocol == UDP, 28, 40 + 8 * (flags & SYN != 0))
    return PacketTrace.of(
        time_ns=time_ns[order],
        source=np.where(upstream[:, None], client, server),
        destination=np.where(upstream[:, None], server, client),
        source_port=np.where(upstream, client_port, server_port),
        destination_port=np.where(upstream, server_port, client_port),
        protocol=protocol,
        ip_length=(header + payload).astype(np.int32),
        payload_length=payload,
        ttl=np.full(len(biflow), 64, np.uint8),
        ip_flags=np.full(len(biflow), DO_NOT_FRAGMENT, np.uint8),
        tcp_flags=flags,
        tcp_sequence=sequence,
        tcp_acknowledgement=acknowledgement,
    )


def _usual(biflows: Biflows) -> Transport:
    """TCP to a port for each class, a millisecond after the biflow before."""
    count = len(biflows)
    port = (_DYNAMIC_PORTS + biflows.label % _PORT_COUNT).astype(np.uint16)
    return Transport(np.full(count, TCP, np.uint8), port, EPOCH_NS + _IAT_NS * np.arange(count))


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
