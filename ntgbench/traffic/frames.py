"""Frames: the headers of packets as the bytes of a pcap file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ntgbench.traffic.records import LONGEST_RECORD
from ntgbench.traffic.trace import MORE_FRAGMENTS, SYN, TCP, UDP, PacketTrace, is_ipv4

if TYPE_CHECKING:
    from ntgbench.traffic.records import Bytes

Numbers = npt.NDArray[np.int64]

RECORD, ETHERNET = 16, 14
_MAC_ADDRESSES = (2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1)
_DESTINATION_OPTIONS = 60
_NO_OPERATION = 1
# Maximum segment size 1460 and the largest window scale.
_SYN_OPTIONS = (2, 4, 0x05, 0xB4, _NO_OPERATION, 3, 3, 14)


def unwritable(trace: PacketTrace) -> list[tuple[npt.NDArray[np.bool_], str]]:
    """Rules of captures that a `PacketTrace` need not obey: which packets break each, bool (N,), and what it asks for.

    A packet that says it is a fragment would not be read back: the first fragment of a datagram stands for all of it.
    """
    ipv4 = trace.is_ipv4()
    seconds = trace.time_ns // 10**9
    fragment = (trace.ip_flags & MORE_FRAGMENTS != 0) | (trace.fragment_offset != 0)
    return [
        ((seconds < 0) | (seconds >= 1 << 32), "a pcap file holds times from 1970 to 2106 only"),
        (trace.ip_length > LONGEST_RECORD - ETHERNET, f"a pcap file holds packets of at most {LONGEST_RECORD} bytes"),
        (ipv4 != is_ipv4(trace.destination), "both addresses of a packet are of one IP version"),
        (~ipv4 & ((trace.ip_id != 0) | (trace.ip_flags != 0)), "ip_id and ip_flags are 0 for IPv6"),
        (fragment, "a packet is a whole datagram: its fragment_offset is 0, and no more fragments follow"),
        (~_layout(trace)[2], "no IP, TCP or UDP header has the length that ip_length and payload_length leave for it"),
    ]


def header_lengths(trace: PacketTrace) -> tuple[Numbers, Numbers]:
    """Bytes of the IP header, with its options, and of the TCP or UDP header of each packet that can be written."""
    ip_header, transport, _ = _layout(trace)
    return ip_header, transport


def _layout(trace: PacketTrace) -> tuple[Numbers, Numbers, npt.NDArray[np.bool_]]:
    fixed = np.where(trace.is_ipv4(), 20, 40)
    room = (trace.ip_length - trace.payload_length).astype(np.int64) - fixed
    tcp = trace.protocol == TCP
    # TCP headers take what there is, up to 60 bytes, and IP options the rest: in IPv6 these come in eights.
    transport = np.where(tcp, np.minimum(room, 60), 8)
    transport -= np.where(tcp & (fixed == 40), (room - transport) % 8, 0)
    options = np.where(tcp, room - transport, 0)
    fits = np.where(tcp, (transport >= 20) & (room % 4 == 0) & (options <= np.where(fixed == 20, 40, 2048)), room >= 8)
    return fixed + options, transport, fits


def headers(trace: PacketTrace, ip_header: int, transport_header: int, payload: bool) -> Bytes:
    """Record, Ethernet, IP and transport headers, uint8 (n, bytes), of packets with one layout.

    The record says that the payload, which is zero, was captured too, or that it was not.
    """
    transport_at = RECORD + ETHERNET + ip_header
    rows = np.zeros((len(trace), transport_at + transport_header), np.uint8)
    wire = trace.ip_length.astype(np.int64) + ETHERNET
    captured = wire if payload else np.full(len(trace), ETHERNET + ip_header + transport_header)
    for column, value in enumerate((trace.time_ns // 10**9, trace.time_ns % 10**9, captured, wire)):
        rows[:, 4 * column : 4 * column + 4] = value.astype("<u4").view(np.uint8).reshape(-1, 4)
    rows[:, RECORD : RECORD + 12] = _MAC_ADDRESSES
    ip = rows[:, RECORD + ETHERNET : transport_at]
    pseudo = (_ipv4 if trace.is_ipv4()[0] else _ipv6)(trace, ip)
    _put(rows, RECORD + 12, 0x0800 if trace.is_ipv4()[0] else 0x86DD)
    transport = rows[:, transport_at:]
    length = trace.payload_length.astype(np.int64) + transport_header
    _put(transport, 0, trace.source_port)
    _put(transport, 2, trace.destination_port)
    if trace.protocol[0] == UDP:
        _put(transport, 4, np.where(length > 0xFFFF, 0, length))
    else:
        _put(transport, 4, trace.tcp_sequence, 4)
        _put(transport, 8, trace.tcp_acknowledgement, 4)
        transport[:, 12] = transport_header // 4 << 4
        transport[:, 13] = trace.tcp_flags
        _put(transport, 14, 0xFFFF)
        transport[:, 20:] = _NO_OPERATION
        if transport_header >= 28:
            transport[trace.tcp_flags & SYN != 0, 20:28] = _SYN_OPTIONS
    # The payload is zero and so adds nothing to the sum.
    checksum = _checksum(pseudo + trace.protocol + (length >> 16) + (length & 0xFFFF) + _sum(transport))
    if trace.protocol[0] == UDP:
        checksum[checksum == 0] = 0xFFFF
    _put(transport, 6 if trace.protocol[0] == UDP else 16, checksum)
    return rows


def _ipv4(trace: PacketTrace, header: Bytes) -> Numbers:
    """Fill in IPv4 headers; returns the sum of their addresses, for the checksum of what follows."""
    header[:, 0] = 0x40 | header.shape[1] // 4
    _put(header, 2, np.where(trace.ip_length > 0xFFFF, 0, trace.ip_length))
    header[:, 1] = trace.tos
    _put(header, 4, trace.ip_id)
    _put(header, 6, trace.ip_flags.astype(np.int64) << 13 | trace.fragment_offset)
    header[:, 8] = trace.ttl
    header[:, 9] = trace.protocol
    _put(header, 12, trace.source[:, 1], 4)
    _put(header, 16, trace.destination[:, 1], 4)
    header[:, 20:] = _NO_OPERATION
    _put(header, 10, _checksum(_sum(header)))
    return _sum(header[:, 12:20])


def _ipv6(trace: PacketTrace, header: Bytes) -> Numbers:
    """Fill in IPv6 headers, as `_ipv4`; what they are longer than 40 bytes is padding in destination options."""
    header[:, 0] = 0x60 | trace.tos >> 4
    header[:, 1] = trace.tos << 4
    length = trace.ip_length.astype(np.int64) - 40
    _put(header, 4, np.where(length > 0xFFFF, 0, length))
    header[:, 6] = trace.protocol
    header[:, 7] = trace.ttl
    for column, halves in ((8, trace.source), (24, trace.destination)):
        _put(header, column, halves[:, 0], 8)
        _put(header, column + 8, halves[:, 1], 8)
    if options := header.shape[1] - 40:
        header[:, 6] = _DESTINATION_OPTIONS
        header[:, 40] = trace.protocol
        header[:, 41] = options // 8 - 1
        # Pad1 options are single zero bytes, which is what the rest already holds.
    return _sum(header[:, 8:40])


def _put(rows: Bytes, column: int, values: npt.ArrayLike, width: int = 2) -> None:
    """Write numbers in network byte order at `column`."""
    numbers = np.broadcast_to(np.asarray(values), (len(rows),)).astype(f">u{width}")
    rows[:, column : column + width] = numbers.view(np.uint8).reshape(-1, width)


def _sum(rows: Bytes) -> Numbers:
    """Sum of the 16-bit words of each row."""
    total: Numbers = np.ascontiguousarray(rows).view(">u2").sum(axis=1, dtype=np.int64)
    return total


def _checksum(total: Numbers) -> Numbers:
    """Internet checksum (RFC 1071) from a sum of 16-bit words below 2**31."""
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
