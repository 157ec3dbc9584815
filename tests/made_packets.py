"""Packets and capture files built byte by byte, for tests that say which bytes mean what."""

from __future__ import annotations

import struct

TCP, UDP = 6, 17


def tcp(
    payload: int = 0,
    flags: int = 0x18,
    ports: tuple[int, int] = (1000, 2000),
    options: int = 0,
    *,
    numbers: tuple[int, int] = (0, 0),
) -> bytes:
    """TCP header with `options` bytes of options, and zeros as payload; `numbers`: sequence and acknowledgement."""
    header = struct.pack(">HHIIBBHHH", *ports, *numbers, (20 + options) // 4 << 4, flags, 1024, 0, 0)
    return header + bytes(options + payload)


def udp(payload: int = 0, ports: tuple[int, int] = (1000, 2000), length: int | None = None) -> bytes:
    return struct.pack(">HHHH", *ports, 8 + payload if length is None else length, 0) + bytes(payload)


def ipv4(
    body: bytes,
    protocol: int,
    *,
    source: str = "10.0.0.1",
    destination: str = "10.0.0.2",
    options: int = 0,
    total: int | None = None,
    fragment: int = 0,
    identification: int = 7,
    ttl: int = 64,
) -> bytes:
    """IPv4 packet; `fragment` is the field with flags and offset."""
    total = 20 + options + len(body) if total is None else total
    addresses = bytes(map(int, f"{source}.{destination}".split(".")))
    head = struct.pack(">BBHHHBBH", 0x40 | (20 + options) // 4, 0, total, identification, fragment, ttl, protocol, 0)
    return head + addresses + bytes(options) + body


def ipv6(
    body: bytes, next_header: int, *, length: int | None = None, hops: int = 64, hosts: tuple[int, int] = (1, 2)
) -> bytes:
    """IPv6 packet between two hosts of 2001:db8::/32."""
    prefix = bytes.fromhex("20010db8") + bytes(11)
    source, destination = (prefix + bytes([host]) for host in hosts)
    return (
        struct.pack(">IHBB", 6 << 28, len(body) if length is None else length, next_header, hops)
        + source
        + destination
        + body
    )


def ethernet(body: bytes, kind: int = 0x0800) -> bytes:
    return bytes(12) + struct.pack(">H", kind) + body


def pcap(
    packets: list[bytes],
    link: int = 1,
    *,
    order: str = "<",
    nanoseconds: bool = False,
    times: list[tuple[int, int]] | None = None,
    wires: list[int] | None = None,
    snap: int = 262144,
) -> bytes:
    """pcap file; packets are cut to `snap` bytes, `wires` are their lengths on the wire."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    file = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for i, packet in enumerate(packets):
        seconds, fraction = times[i] if times else (100 + i, 0)
        captured = packet[:snap]
        wire = wires[i] if wires else len(packet)
        file.append(struct.pack(f"{order}IIII", seconds, fraction, len(captured), wire) + captured)
    return b"".join(file)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(
    link: int = 1, order: str = "<", *, snap: int = 0, resolution: int | None = None, offset: int | None = None
) -> bytes:
    """Interface description block with if_tsresol and if_tsoffset."""
    body = struct.pack(f"{order}HHI", link, 0, snap)
    if resolution is not None:
        body += struct.pack(f"{order}HHB3x", 9, 1, resolution)
    if offset is not None:
        body += struct.pack(f"{order}HHq", 14, 8, offset)
    return block(1, body + bytes(4), order)


def enhanced(packet: bytes, ticks: int = 0, order: str = "<", *, number: int = 0, wire: int | None = None) -> bytes:
    """Enhanced packet block of interface `number`."""
    wire = len(packet) if wire is None else wire
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), wire)
    return block(6, head + packet, order)


def simple(packet: bytes, order: str = "<", *, wire: int | None = None) -> bytes:
    return block(3, struct.pack(f"{order}I", len(packet) if wire is None else wire) + packet, order)


def obsolete(packet: bytes, ticks: int = 0, order: str = "<", *, number: int = 0) -> bytes:
    head = struct.pack(f"{order}HHIIII", number, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet))
    return block(2, head + packet, order)
