"""A packet behind every header that is followed, built byte by byte."""

from __future__ import annotations

import struct

from made_packets import TCP, UDP, ipv4, ipv6, tcp, udp

PACKET = ipv4(tcp(5), TCP)
PACKET_6 = ipv6(udp(9), UDP)
LLC_SNAP = bytes.fromhex("aaaa03 000000")


def wifi(control: str, body: bytes) -> bytes:
    """802.11 frame: frame control in hex, further header bytes as zeros, an LLC header and `body`."""
    control_bytes = bytes.fromhex(control)
    more = 22 + (6 if control_bytes[1] & 3 == 3 else 0) + (2 if control_bytes[0] & 0x80 else 0)
    more += 4 if control_bytes[0] & 0x80 and control_bytes[1] & 0x80 else 0
    return control_bytes + bytes(more) + LLC_SNAP + b"\x08\x00" + body


def nflog(family: int, body: bytes) -> bytes:
    """NFLOG message: a field of odd length before the payload."""
    return (
        bytes([family, 0, 0, 0]) + struct.pack("<HH", 7, 10) + b"ab\0\0" + struct.pack("<HH", 4 + len(body), 9) + body
    )


def pktap(link: int, order: str = "<", length: int = 108) -> bytes:
    return struct.pack(f"{order}III", length, 1, link) + bytes(length - 12)


def erf(kind: int, extensions: int = 0) -> bytes:
    """Extensible record header, with extension headers."""
    more = [bytes([0x80 * (number + 1 < extensions)]) + bytes(7) for number in range(extensions)]
    return bytes(8) + bytes([kind | 0x80 * (extensions > 0)]) + bytes(7) + b"".join(more)


LINKS = [
    ("BSD loopback, little-endian", 0, b"\x02\0\0\0", PACKET),
    ("BSD loopback, big-endian", 0, b"\0\0\0\x02", PACKET),
    ("BSD loopback, IPv6 of FreeBSD", 0, b"\x1c\0\0\0", PACKET_6),
    ("BSD loopback with an EtherType", 0, b"\x0f\0\x08\0", PACKET),
    ("Ethernet", 1, bytes(12) + b"\x08\0", PACKET),
    ("Ethernet, IPv6", 1, bytes(12) + b"\x86\xdd", PACKET_6),
    ("802.3 with LLC and SNAP", 1, bytes(12) + b"\0\x40" + LLC_SNAP + b"\x08\0", PACKET),
    ("VLAN", 1, bytes(12) + b"\x81\0\0\x05\x08\0", PACKET),
    ("QinQ", 1, bytes(12) + b"\x88\xa8\0\x05\x81\0\0\x06\x86\xdd", PACKET_6),
    ("three old VLAN tags", 1, bytes(12) + b"\x91\0\0\x05\x91\0\0\x06\x81\0\0\x07\x08\0", PACKET),
    ("PPPoE", 1, bytes(12) + b"\x88\x64\x11\0\0\x01\0\x40\0\x21", PACKET),
    ("PPPoE, IPv6", 1, bytes(12) + b"\x88\x64\x11\0\0\x01\0\x40\0\x57", PACKET_6),
    ("MPLS", 1, bytes(12) + b"\x88\x47\0\0\x11\x40", PACKET),
    ("two MPLS labels", 1, bytes(12) + b"\x88\x47\0\0\x10\x40\0\0\x21\x40", PACKET_6),
    ("provider backbone bridge", 1, bytes(12) + b"\x88\xe7\0\0\0\x01" + bytes(12) + b"\x08\0", PACKET),
    ("SLIP", 8, bytes(16), PACKET),
    ("PPP", 9, b"\0\x21", PACKET),
    ("PPP with address and control", 9, b"\xff\x03\0\x57", PACKET_6),
    ("PPP with a short protocol", 9, b"\x21", PACKET),
    ("FDDI", 10, bytes(13) + LLC_SNAP + b"\x08\0", PACKET),
    ("raw IP of BSD", 12, b"", PACKET),
    ("PPP in HDLC framing", 50, b"\xff\x03\0\x21", PACKET),
    ("PPPoE as link", 51, b"\x11\0\0\x01\0\x40\0\x21", PACKET),
    ("raw IP", 101, b"", PACKET),
    ("raw IP, IPv6", 101, b"", PACKET_6),
    ("Cisco HDLC", 104, b"\x0f\0\x08\0", PACKET),
    ("802.11", 105, wifi("0801", b""), PACKET),
    ("802.11 with quality of service", 105, wifi("8802", b""), PACKET),
    ("802.11 with four addresses", 105, wifi("8803", b""), PACKET),
    ("802.11 with HT control", 105, wifi("8881", b""), PACKET),
    ("frame relay", 107, b"\x18\x41\x03\xcc", PACKET),
    ("frame relay, IPv6", 107, b"\x18\x41\x03\x8e", PACKET_6),
    ("OpenBSD loopback", 108, b"\0\0\0\x02", PACKET),
    ("Linux cooked", 113, bytes(14) + b"\x08\0", PACKET),
    ("Linux cooked with VLAN", 113, bytes(14) + b"\x81\0\0\x05\x08\0", PACKET),
    ("radiotap", 127, b"\0\0\x09\0" + bytes(5) + wifi("0801", b""), PACKET),
    ("ARCNET of Linux", 129, b"\0\0\0\0\xd4\0\0\0", PACKET),
    ("ARCNET of Linux, old", 129, b"\0\0\0\0\xf0", PACKET),
    ("per-packet information", 192, b"\0\0\x08\0\x01\0\0\0" + bytes(12) + b"\x08\0", PACKET),
    ("raw IPv4", 228, b"", PACKET),
    ("raw IPv6", 229, b"", PACKET_6),
    ("NFLOG", 239, nflog(2, b""), PACKET),
    ("NFLOG, IPv6", 239, nflog(10, b""), PACKET_6),
    ("Linux cooked 2", 276, b"\x08\0" + bytes(18), PACKET),
    ("Ethernet with a frame check sequence", 0x5400_0001, bytes(12) + b"\x08\0", PACKET),
    ("Cisco MetaData", 1, bytes(12) + b"\x89\x09\x01\x01\0\x01\0\x05\x08\0", PACKET),
    ("Cisco MetaData after a VLAN", 1, bytes(12) + b"\x81\0\0\x05\x89\x09\x01\x01\0\x01\0\x05\x86\xdd", PACKET_6),
    ("VN-Tag", 1, bytes(12) + b"\x89\x26\x80\0\0\x01\x08\0", PACKET),
    ("VN-Tag before a VLAN", 1, bytes(12) + b"\x89\x26\0\x01\0\0\x81\0\0\x05\x08\0", PACKET),
    ("E-tag", 1, bytes(12) + b"\x89\x3f\0\0\0\x01\0\0\x08\0", PACKET),
    ("TTag", 1, bytes(12) + b"\x89\x88" + bytes(6) + b"\x08\0", PACKET),
    ("FabricPath", 1, bytes(12) + b"\x89\x03\x12\x34" + bytes(12) + b"\x08\0", PACKET),
    ("FabricPath with a VLAN", 1, bytes(12) + b"\x89\x03\x12\x34" + bytes(12) + b"\x81\0\0\x05\x86\xdd", PACKET_6),
    ("TRILL", 1, bytes(12) + b"\x22\xf3\0\x3f" + bytes(16) + b"\x08\0", PACKET),
    ("TRILL with options", 1, bytes(12) + b"\x22\xf3\0\x7f" + bytes(8 + 12) + b"\x08\0", PACKET),
    ("HSR", 1, bytes(12) + b"\x89\x2f\0\x34\0\x01\x08\0", PACKET),
    ("R-tag", 1, bytes(12) + b"\xf1\xc1\0\0\0\x01\x08\0", PACKET),
    ("NSH", 1, bytes(12) + b"\x89\x4f\x0f\xc6\x01\x01" + bytes(20), PACKET),
    ("NSH of two words, IPv6", 1, bytes(12) + b"\x89\x4f\x0f\xc2\x02\x02" + bytes(4), PACKET_6),
    ("NSH, Ethernet", 1, bytes(12) + b"\x89\x4f\x0f\xc6\x01\x03" + bytes(20 + 12) + b"\x08\0", PACKET),
    ("MACsec, authenticated", 1, bytes(12) + b"\x88\xe5\0\0\0\0\0\x01\x08\0", PACKET),
    ("MACsec with its channel", 1, bytes(12) + b"\x88\xe5\x20\0\0\0\0\x01" + bytes(8) + b"\x08\0", PACKET),
    ("time of Arista", 1, bytes(12) + b"\xd2\x8b\0\x01\0\x10" + bytes(8) + b"\x08\0", PACKET),
    ("time of Arista, 48 bits", 1, bytes(12) + b"\xd2\x8b\0\x01\x01\x20" + bytes(6) + b"\x08\0", PACKET),
    ("ISL", 1, b"\x01\0\x0c\0\0" + bytes(7) + b"\0\x60" + bytes(12) + bytes(12) + b"\x08\0", PACKET),
    ("802.3 with LLC and IPv4", 1, bytes(12) + b"\0\x40\x06\x06\x03", PACKET),
    ("802.3 with a protocol identifier", 1, bytes(12) + b"\0\x40\xfe\xfe\x03\x8e", PACKET_6),
    ("token ring", 6, b"\x10\x40" + bytes(12) + LLC_SNAP + b"\x08\0", PACKET),
    (
        "token ring with a route",
        6,
        b"\x10\x40" + bytes(6) + b"\x80" + bytes(5) + b"\x06" + bytes(5) + LLC_SNAP + b"\x08\0",
        PACKET,
    ),
    ("ARCNET of BSD", 7, b"\0\0\xd4\0\0\0", PACKET),
    ("PPP on Cisco HDLC", 50, b"\x0f\0\x08\0", PACKET),
    ("PPP on Cisco HDLC, broadcast", 9, b"\x8f\0\x86\xdd", PACKET_6),
    ("multilink PPP", 9, b"\xff\x03\0\x3d\xc0\0\0\x01\0\x21", PACKET),
    ("ATM with LLC", 100, LLC_SNAP + b"\x08\0", PACKET),
    ("ATM that bridges", 100, b"\xaa\xaa\x03\0\x80\xc2\0\x07\0\0" + b"\x02" + bytes(11) + b"\x08\0", PACKET),
    ("ATM of Linux", 106, LLC_SNAP + b"\x08\0", PACKET),
    ("frame relay with a pad and SNAP", 107, b"\x18\x41\x03\0\x80\0\0\0\x08\0", PACKET),
    ("frame relay of Cisco", 107, b"\x18\x41\x08\0", PACKET),
    ("OpenBSD, decrypted", 109, b"\0\0\0\x02" + bytes(8), PACKET),
    ("PF log", 117, bytes([61, 2]) + bytes(62), PACKET),
    ("PF log, IPv6", 117, bytes([61, 30]) + bytes(62), PACKET_6),
    ("Prism", 119, b"\x44\0\0\0\x90\0\0\0" + bytes(136) + wifi("0801", b""), PACKET),
    ("AVS", 163, b"\x80\x21\x10\x01\0\0\0\x40" + bytes(56) + wifi("0801", b""), PACKET),
    ("AVS as Prism", 119, b"\x80\x21\x10\x01\0\0\0\x40" + bytes(56) + wifi("0801", b""), PACKET),
    ("IP over Fibre Channel", 122, bytes(16) + LLC_SNAP + b"\x08\0", PACKET),
    ("ATM of Sun", 123, b"\x82\0\0\x64" + LLC_SNAP + b"\x08\0", PACKET),
    ("IP over IEEE 1394", 138, bytes(16) + b"\x08\0", PACKET),
    ("DOCSIS", 143, bytes(6) + bytes(12) + b"\x08\0", PACKET),
    ("DOCSIS, extended", 143, b"\x01\x03" + bytes(7) + bytes(12) + b"\x08\0", PACKET),
    ("PPP of pppd", 166, b"\x01\xff\x03\0\x21", PACKET),
    ("ERF", 197, erf(2) + bytes(2) + bytes(12) + b"\x08\0", PACKET),
    ("ERF with two extensions", 197, erf(2, 2) + bytes(2) + bytes(12) + b"\x08\0", PACKET),
    ("ERF of Cisco HDLC", 197, erf(1) + b"\x0f\0\x08\0", PACKET),
    ("ERF of ATM", 197, erf(4) + bytes(4) + LLC_SNAP + b"\x08\0", PACKET),
    ("ERF of IPv6", 197, erf(23), PACKET_6),
    ("PPP with a direction", 204, b"\x01\xff\x03\0\x21", PACKET),
    ("Cisco HDLC with a direction", 205, b"\x01\x0f\0\x08\0", PACKET),
    ("frame relay with a direction", 206, b"\x01\x18\x41\x03\xcc", PACKET),
    ("IPNET", 226, b"\x01\x02" + bytes(22), PACKET),
    ("IPNET, IPv6", 226, b"\x01\x1a" + bytes(22), PACKET_6),
    ("netANALYZER", 240, bytes(4) + bytes(12) + b"\x08\0", PACKET),
    ("IP over InfiniBand", 242, bytes(40) + b"\x08\0\0\0", PACKET),
    ("IP over InfiniBand, IPv6", 242, bytes(40) + b"\x86\xdd\0\0", PACKET_6),
    ("PKTAP", 258, pktap(1) + bytes(12) + b"\x08\0", PACKET),
    ("PKTAP, raw IP", 258, pktap(12), PACKET_6),
    ("PKTAP, big-endian", 258, pktap(1, ">") + bytes(12) + b"\x08\0", PACKET),
    ("PKTAP, longer, loopback", 258, pktap(0, length=156) + b"\x02\0\0\0", PACKET),
    ("PKTAP of old", 149, pktap(1) + bytes(12) + b"\x08\0", PACKET),
    ("switch tag", 281, bytes(12) + bytes(4) + b"\x08\0", PACKET),
    ("switch tag of eight bytes", 285, bytes(12) + bytes(8) + b"\x08\0", PACKET),
    *[
        (f"Juniper {name}", link, mgc + header, packet)
        for name, link, header, packet in [
            ("Ethernet", 178, bytes(12) + b"\x08\0", PACKET),
            ("PPP", 179, b"\xff\x03\0\x21", PACKET),
            ("frame relay", 180, b"\x18\x41\x03\xcc", PACKET),
            ("Cisco HDLC", 181, b"\x0f\0\x08\0", PACKET),
            ("PPPoE", 167, bytes(12) + b"\x88\x64\x11\0\0\x01\0\x40\0\x21", PACKET),
            ("PPPoE over ATM", 168, b"\x88\x64\x11\0\0\x01\0\x40\0\x21", PACKET),
            ("ATM1", 137, bytes(4) + LLC_SNAP + b"\x08\0", PACKET),
            ("ATM1, one protocol", 137, bytes(4), PACKET_6),
            ("ATM2", 135, bytes(8) + LLC_SNAP + b"\x08\0", PACKET),
            ("ATM2, PPP", 135, bytes(8) + b"\0\x21", PACKET),
            ("MLPPP", 130, bytes(2) + b"\0\x21", PACKET),
            ("MLPPP, child", 130, b"\xff\x03\0\x21", PACKET),
            ("MLPPP, adaptive services", 130, b"\x47" + bytes(7), PACKET),
            ("MLPPP, link services", 130, b"\x54" + bytes(3) + b"\0\x21", PACKET),
            ("MLFR", 131, bytes(2) + b"\x03\xcc", PACKET),
            ("MLFR, link services", 131, b"\x54" + bytes(3) + b"\x03\xcc", PACKET),
            ("voice", 183, bytes(18), PACKET),
            ("GGSN", 133, b"\0\0\x02\0\0\0\0\0", PACKET),
            ("GGSN of old", 133, b"\x02\0\0\0", PACKET),
            ("ES", 132, b"\0\x01\x40\x03" + bytes(12), PACKET),
            ("monitor", 164, bytes(8), PACKET),
            ("services", 136, bytes(16), PACKET),
        ]
        for mgc in (b"MGC\x01", b"MGC\x81\0\x05\x01\x01\x02\x03\0")
    ],
    ("Juniper Ethernet without magic", 178, b"\x02" + bytes(11) + b"\x08\0", PACKET),
    ("Juniper without a link header", 178, b"MGC\x03\x02\0\0\0", PACKET),
    ("Juniper services, sent", 136, b"MGC\0" + bytes(12), PACKET),
    (
        "Juniper ATM2, sent with a gap",
        135,
        b"MGC\0" + b"\0\0\0\x03" + bytes(4) + b"\x02" + bytes(11) + b"\x08\0",
        PACKET,
    ),
]
