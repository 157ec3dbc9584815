"""Captures built byte by byte: connections, fragments, and files of every format."""

from __future__ import annotations

import gzip
import struct

from made_links import LINKS, PACKET
from made_packets import (
    TCP,
    UDP,
    block,
    enhanced,
    ethernet,
    interface,
    ipv4,
    ipv6,
    obsolete,
    pcap,
    section,
    simple,
    tcp,
    udp,
)


def connection(client: int, server: int, ports: tuple[int, int] = (40000, 443), *, late: bool = False) -> list[bytes]:
    """Raw IP packets of a TCP connection with these initial sequence numbers, 100 bytes up, 200 down, 300 up.

    With `late`, the SYN comes after the packets that answer it.
    """

    def sent(up: bool, flags: int, sequence: int, acknowledgement: int, payload: int = 0) -> bytes:
        ends = ("10.0.0.1", "10.0.0.2") if up else ("10.0.0.2", "10.0.0.1")
        numbers = sequence % 2**32, acknowledgement % 2**32
        segment = tcp(payload, flags, ports if up else ports[::-1], numbers=numbers)
        return ipv4(segment, TCP, source=ends[0], destination=ends[1])

    packets = [
        sent(True, 0x02, client, 0),
        sent(False, 0x12, server, client + 1),
        sent(True, 0x10, client + 1, server + 1),
        sent(True, 0x18, client + 1, server + 1, 100),
        sent(False, 0x18, server + 1, client + 101, 200),
        sent(True, 0x18, client + 101, server + 201, 300),
    ]
    return [*packets[1:3], packets[0], *packets[3:]] if late else packets


def fragments_4(body: bytes, protocol: int, sizes: list[int], **options: int) -> list[bytes]:
    """`body` cut into IPv4 fragments of these sizes, the last one taking the rest."""
    packets, at = [], 0
    for size in [*sizes, len(body)]:
        more = 0x2000 if at + size < len(body) else 0
        packets.append(ipv4(body[at : at + size], protocol, fragment=more | at // 8, **options))
        at += size
    return packets


def fragments_6(body: bytes, protocol: int, sizes: list[int], identification: int = 7) -> list[bytes]:
    """`body` cut into IPv6 fragments of these sizes, the last one taking the rest."""
    packets, at = [], 0
    for size in [*sizes, len(body)]:
        field = at | (at + size < len(body))
        header = struct.pack(">BBHI", protocol, 0, field, identification)
        packets.append(ipv6(header + body[at : at + size], 44))
        at += size
    return packets


def modified(packets: list[bytes], order: str = "<", more: int = 8, magic: int = 0xA1B2CD34) -> bytes:
    """pcap file whose record headers have `more` bytes after the usual ones."""
    file = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for number, packet in enumerate(packets):
        file += struct.pack(f"{order}IIII", 100 + number, 0, len(packet), len(packet)) + b"\x07" * more + packet
    return file


def ixia(packets: list[bytes], order: str = "<", magic: int = 0x1C0001AC) -> bytes:
    """lcap file of IXIA: nanoseconds, and the size of all records after the file header."""
    records = pcap(packets, order=order)[24:]
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    return head + struct.pack(f"{order}I", len(records)) + records


def files() -> list[bytes]:
    """Small captures that between them reach every reader of formats and headers."""
    tunnel = ipv4(b"\xb0\0\x65\x58" + bytes(12) + ethernet(PACKET), 47)
    extended = ipv6(bytes([44, 0]) + bytes(6) + bytes([UDP, 0, 0, 1, 0, 0, 0, 7]) + udp(30), 0)
    raw = [
        *connection(1000, 90_000),
        *connection(700_000, 5_555, late=True),
        *fragments_4(tcp(100, options=8), TCP, [8, 8, 16]),
        *fragments_6(bytes([TCP, 0]) + bytes(6) + tcp(100), 60, [8, 16]),
        ipv4(tunnel, 4),
        extended,
    ]
    frames = [ethernet(packet, 0x86DD if packet[0] >> 4 == 6 else 0x0800) for packet in raw]
    frames.append(ethernet(bytes.fromhex("aaaa030000000800") + tunnel, 80))
    links = sorted({link & 0xFFFF for _, link, _, _ in LINKS})
    mixed = section(">") + b"".join(interface(link, ">", resolution=128 + 40) for link in links)
    for number, link in enumerate(links):
        mixed += b"".join(
            enhanced(header + packet, 2**60, ">", number=number)
            for _, of, header, packet in LINKS
            if of & 0xFFFF == link
        )
    plain = section() + interface(resolution=9, offset=5) + b"".join(map(enhanced, frames)) + block(5, bytes(20))
    plain += simple(frames[0]) + obsolete(frames[1]) + section(">") + interface(101, ">") + enhanced(raw[0], order=">")
    return [
        pcap(frames),
        pcap(frames, order=">", nanoseconds=True, snap=60),
        pcap(raw, 101),
        modified(frames),
        modified(frames, ">", 12),
        ixia(frames),
        plain,
        mixed,
        gzip.compress(pcap(frames)),
    ]


def link_files() -> list[bytes]:
    """A small pcap file for each header that is followed."""
    return [pcap([header + packet, header + packet, header + PACKET], link) for _, link, header, packet in LINKS]
