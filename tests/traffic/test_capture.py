"""Captures, built byte by byte: links, IP, transport, fragments and tunnels."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from made_captures import fragments_4
from made_links import LINKS, PACKET, PACKET_6, nflog, wifi
from made_packets import TCP, UDP, ethernet, ipv4, ipv6, pcap, tcp, udp
from made_reading import payloads, read


@pytest.mark.parametrize(("link", "header", "packet"), [row[1:] for row in LINKS], ids=[row[0] for row in LINKS])
def test_finds_ip_behind_every_link_header(tmp_path, link: int, header: bytes, packet: bytes):
    capture = read(tmp_path, pcap([header + packet], link))
    assert payloads(capture) == [5 if packet is PACKET else 9]
    assert capture.notes() == ()
    # Cut anywhere in its headers, the packet is left out, and no byte of the next packet is taken for its own.
    frame = header + packet
    needed = len(header) + (20 + 14 if packet is PACKET else 40 + 6)
    capture = read(tmp_path, pcap([frame[:n] for n in range(len(frame))], link, wires=[len(frame)] * len(frame)))
    assert capture.frame.tolist() == list(range(needed, len(frame)))
    assert sum(capture.left_out.values()) == needed


NOT_IP = [
    ("ARP", 1, ethernet(bytes(28), 0x0806)),
    ("PPPoE discovery", 1, bytes(12) + b"\x88\x64\x11\x09\0\x01\0\x40\0\x21" + PACKET),
    ("spanning tree", 1, ethernet(b"\x42\x42\x03" + bytes(40), 38)),
    ("MPLS pseudowire", 1, ethernet(b"\0\0\x11\x40" + bytes(40), 0x8847)),
    ("PPP link control", 9, b"\xc0\x21" + bytes(20)),
    ("address family of AppleTalk", 0, b"\x10\0\0\0" + PACKET),
    ("encrypted 802.11", 105, wifi("0841", PACKET)),
    ("802.11 without data", 105, wifi("4801", PACKET)),
    ("802.11 beacon", 105, wifi("8000", PACKET)),
    ("NFLOG of ARP", 239, nflog(3, PACKET)),
    ("NFLOG field without length", 239, b"\x02\0\0\0" + bytes(80)),
    ("netlink", 113, b"\0\0\x03\x38" + bytes(10) + b"\x08\0" + PACKET),
    ("version 5", 101, b"\x50" + PACKET[1:]),
    ("300 VLAN tags", 1, bytes(12) + b"\x81\0\0\x05" * 300 + b"\x08\0" + PACKET),
]


@pytest.mark.parametrize(("link", "frame"), [row[1:] for row in NOT_IP], ids=[row[0] for row in NOT_IP])
def test_counts_what_is_not_ip(tmp_path, link: int, frame: bytes):
    assert read(tmp_path, pcap([frame], link)).left_out == {"not IP": 1}


def test_counts_unsupported_links_by_number(tmp_path):
    capture = read(tmp_path, pcap([PACKET] * 3, 147))
    assert capture.notes() == ("left out 3 packets: unsupported link type 147",)


def test_columns_of_ipv4_and_ipv6(tmp_path):
    first = ethernet(ipv4(tcp(7, 0x12, (443, 50000), options=12), TCP, options=8, ttl=3))
    second = ethernet(ipv6(udp(11, (53, 54)), UDP, hops=9), 0x86DD)
    trace = read(tmp_path, pcap([first, second], times=[(1, 2), (3, 999_999)])).trace
    assert trace.time_ns.tolist() == [1_000_002_000, 3_999_999_000]
    assert trace.source.tolist() == [[0, 0xFFFF_0A00_0001], [0x20010DB8_00000000, 1]]
    assert trace.destination.tolist() == [[0, 0xFFFF_0A00_0002], [0x20010DB8_00000000, 2]]
    assert (trace.source_port.tolist(), trace.destination_port.tolist()) == ([443, 53], [50000, 54])
    assert (trace.protocol.tolist(), trace.tcp_flags.tolist(), trace.ttl.tolist()) == ([6, 17], [0x12, 0], [3, 9])
    assert (trace.ip_length.tolist(), trace.payload_length.tolist()) == ([28 + 32 + 7, 40 + 8 + 11], [7, 11])


def test_frame_tells_the_place_in_the_file(tmp_path):
    arp = ethernet(bytes(28), 0x0806)
    capture = read(tmp_path, pcap([arp, ethernet(PACKET), arp, ethernet(PACKET)]))
    assert (capture.frame.tolist(), capture.packets, capture.left_out) == ([1, 3], 4, {"not IP": 2})


def test_lengths_come_from_the_headers(tmp_path):
    packets = [
        ethernet(ipv4(tcp(5), TCP) + bytes(9)),  # padded by Ethernet
        ethernet(ipv4(udp(5) + bytes(3), UDP)),  # padded within IP
        ethernet(ipv4(tcp(5), TCP, total=0)),  # segmentation left to the network card
        ethernet(ipv6(tcp(5), TCP, length=0), 0x86DD),
        ethernet(ipv4(udp(5, length=0), UDP)),
        ethernet(ipv4(udp(5, length=100), UDP)),  # more than there is room for
        ethernet(ipv4(tcp(5), TCP, total=1500)),  # captured in part, by a tool that forgot the length on the wire
    ]
    assert payloads(read(tmp_path, pcap(packets))) == [5, 5, 5, 5, 5, 5, 1460]


@pytest.mark.parametrize(("stated", "payload"), [(42, 2), (0, 11), (1000, 11)])
def test_the_length_of_pppoe_bounds_packets_that_state_none(tmp_path, stated: int, payload: int):
    """40 bytes of headers, 2 of payload and the PPP protocol; then 9 bytes of padding."""
    stated += 2 if stated == 42 else 0
    frame = ethernet(struct.pack(">HHHH", 0x1100, 1, stated, 0x21) + ipv4(tcp(2), TCP, total=0) + bytes(9), 0x8864)
    assert payloads(read(tmp_path, pcap([frame]))) == [payload]


def test_a_snap_length_changes_nothing(tmp_path):
    packets = [ethernet(ipv4(tcp(n, options=n % 3 * 4), TCP)) for n in range(50)]
    packets += [ethernet(ipv6(udp(n), UDP), 0x86DD) for n in range(50)]
    packets += [ethernet(ipv4(tcp(n), TCP, total=0)) for n in range(50)]
    full, cut = (read(tmp_path, pcap(packets, snap=snap)) for snap in (65535, 68))
    assert payloads(full) == payloads(cut) == [*range(50)] * 3


MALFORMED = [
    ("IPv4 header of 16 bytes", b"\x44" + PACKET[1:]),
    ("total length below the header", ipv4(tcp(5), TCP, total=19)),
    ("no room for TCP", ipv4(tcp(5), TCP, total=39)),
    ("TCP header of 16 bytes", ipv4(tcp(5)[:12] + b"\x40" + tcp(5)[13:], TCP)),
    ("TCP header beyond the packet", ipv4(tcp(5)[:12] + b"\xf0" + tcp(5)[13:], TCP)),
    ("no room for UDP", ipv4(udp(5), UDP, total=27)),
    ("UDP length of 7", ipv4(udp(5, length=7), UDP)),
    ("frame ends within IP", PACKET[:12]),
    ("frame ends within TCP", PACKET[:30]),
]


@pytest.mark.parametrize("packet", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_counts_malformed_headers(tmp_path, packet: bytes):
    capture = read(tmp_path, pcap([packet, PACKET], 228))
    assert (payloads(capture), capture.left_out) == ([5], {"malformed headers": 1})


def test_tells_cut_headers_from_malformed_ones(tmp_path):
    assert read(tmp_path, pcap([PACKET], 228, snap=30)).left_out == {"headers cut by the snap length": 1}


def test_counts_other_protocols(tmp_path):
    packets = [ipv4(bytes(8), 1), ipv4(bytes(20), 132), ipv6(bytes(20), 58), ipv6(b"", 59), ipv6(bytes(30), 50)]
    assert read(tmp_path, pcap(packets, 101)).left_out == {"IP, but neither TCP nor UDP": 5}


def test_follows_extension_headers(tmp_path):
    body = udp(9)
    for header, first in [
        (bytes([UDP, 0]) + bytes(6), 0),
        (bytes([UDP, 2]) + bytes(22), 43),
        (bytes([60, 0]) + bytes(6) + bytes([UDP, 0]) + bytes(6), 0),
        (bytes([UDP, 0]) + bytes(6), 44),  # a fragment that is the whole
        (bytes([UDP, 4]) + bytes(22), 51),
        (bytes([UDP, 0]) + bytes(6), 135),
    ]:
        assert payloads(read(tmp_path, pcap([ipv6(header + body, first)], 101))) == [9]
    assert payloads(read(tmp_path, pcap([ipv4(bytes([TCP, 4]) + bytes(22) + tcp(3), 51)], 101))) == [3]


def test_endless_extension_headers_end(tmp_path):
    capture = read(tmp_path, pcap([ipv6(bytes(8 * 1000), 0)], 101))
    assert capture.left_out == {"malformed headers": 1}


TUNNELS = [
    ("4in4", ipv4(PACKET, 4), 5),
    ("6in4", ipv4(PACKET_6, 41), 9),
    ("4in6", ipv6(PACKET, 4), 5),
    ("6in6", ipv6(PACKET_6, 41), 9),
    ("GRE", ipv4(b"\0\0\x08\0" + PACKET, 47), 5),
    ("GRE, IPv6", ipv4(b"\0\0\x86\xdd" + PACKET_6, 47), 9),
    ("GRE with checksum, key and sequence", ipv4(b"\xb0\0\x08\0" + bytes(12) + PACKET, 47), 5),
    ("PPTP", ipv4(b"\x30\x81\x88\x0b" + bytes(12) + b"\xff\x03\0\x21" + PACKET, 47), 5),
    ("Ethernet in GRE", ipv4(b"\0\0\x65\x58" + ethernet(PACKET), 47), 5),
    ("ERSPAN", ipv4(b"\0\0\x88\xbe" + ethernet(PACKET), 47), 5),
    ("ERSPAN II", ipv4(b"\x10\0\x88\xbe" + bytes(12) + ethernet(PACKET), 47), 5),
    ("ERSPAN III", ipv4(b"\x10\0\x22\xeb" + bytes(16) + ethernet(PACKET), 47), 5),
    ("GRE in 4in4", ipv4(ipv4(b"\0\0\x08\0" + PACKET, 47), 4), 5),
]


@pytest.mark.parametrize(("packet", "payload"), [row[1:] for row in TUNNELS], ids=[row[0] for row in TUNNELS])
def test_tunnels_are_left_out_or_entered(tmp_path, packet: bytes, payload: int):
    file = pcap([packet, PACKET], 101)
    outer = read(tmp_path, file)
    assert payloads(outer) == [5]
    assert outer.left_out == {"tunnel (the option inner reads the packets inside)": 1}
    inner = read(tmp_path, file, inner=True)
    assert (payloads(inner), inner.notes()) == ([payload, 5], ())
    needed = len(packet) - payload - (6 if payload == 5 else 2)
    cut = pcap([packet[:n] for n in range(len(packet))], 101, wires=[len(packet)] * len(packet))
    assert read(tmp_path, cut, inner=True).frame.tolist() == list(range(needed, len(packet)))


def test_endless_tunnels_end(tmp_path):
    packet = PACKET
    for _ in range(300):
        packet = ipv4(packet, 4)
    assert read(tmp_path, pcap([packet], 101), inner=True).left_out == {"malformed headers": 1}


def test_many_packets_are_read_as_few_are(tmp_path):
    """Packets are decoded in chunks: fragments find each other across them."""
    first, last = fragments_4(tcp(500), TCP, [80])
    capture = read(tmp_path, pcap([first] + [PACKET] * 40_000 + [last], 101))
    assert payloads(capture)[0] == 500
    assert np.array_equal(capture.frame, np.arange(40_001))
    assert capture.left_out == {"later fragment of a datagram": 1}


PSEUDOWIRES = [
    ("with a control word", bytes(4) + bytes(12) + b"\x08\0"),
    ("with a control word and a VLAN", bytes(4) + bytes(12) + b"\x81\0\0\x05\x08\0"),
    ("plain", b"\x02" + bytes(11) + b"\x08\0"),
]


@pytest.mark.parametrize("header", [row[1] for row in PSEUDOWIRES], ids=[row[0] for row in PSEUDOWIRES])
def test_follows_ethernet_over_mpls(tmp_path, header: bytes):
    assert payloads(read(tmp_path, pcap([ethernet(b"\0\0\x11\x40" + header + PACKET, 0x8847)]))) == [5]


def test_follows_metadata_and_services_inside_gre(tmp_path):
    packets = [
        ipv4(b"\0\0\x89\x09\x08\0\x01\x01\0\x01\0\x05" + PACKET, 47),
        ipv4(b"\0\0\x89\x4f\x0f\xc2\x02\x01" + bytes(4) + PACKET, 47),
    ]
    assert payloads(read(tmp_path, pcap(packets, 101), inner=True)) == [5, 5]


HIDDEN = [
    ("MACsec, encrypted", 1, bytes(12) + b"\x88\xe5\x0c\0\0\0\0\x01"),
    ("MACsec, changed", 1, bytes(12) + b"\x88\xe5\x04\0\0\0\0\x01"),
    ("NSH without length", 1, bytes(12) + b"\x89\x4f\x0f\xc0\x02\x01"),
    ("NSH of another protocol", 1, bytes(12) + b"\x89\x4f\x0f\xc2\x02\x07" + bytes(4)),
    ("PPP, compressed headers", 9, b"\0\x2d"),
    ("multilink PPP, part of a packet", 9, b"\0\x3d\x80\0\0\x01\0\x21"),
    ("PKTAP of no packet", 258, struct.pack("<III", 108, 0, 1) + bytes(96)),
    ("Juniper ATM, maintenance", 137, b"MGC\x01\x80\0\0\0"),
    ("token ring without data", 6, b"\x10\0" + bytes(12)),
]


@pytest.mark.parametrize(("link", "header"), [row[1:] for row in HIDDEN], ids=[row[0] for row in HIDDEN])
def test_what_stands_behind_headers_that_hide_it_is_not_ip(tmp_path, link: int, header: bytes):
    assert read(tmp_path, pcap([header + PACKET], link)).left_out == {"not IP": 1}


def test_a_user_link_type_is_no_pktap_unless_it_looks_like_it(tmp_path):
    assert read(tmp_path, pcap([PACKET + bytes(100)], 149)).left_out == {"unsupported link type 149": 1}
