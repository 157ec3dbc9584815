"""Packets that cannot be read although others between the same hosts can."""

from __future__ import annotations

import struct

import pytest
from made_links import PACKET, wifi
from made_packets import TCP, ipv4, pcap, tcp
from made_reading import read


def frame(body: bytes, kind: int, way: int) -> bytes:
    """Ethernet frame between two hosts, one way (0) or the other (1)."""
    ends = [b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"]
    return ends[way] + ends[1 - way] + struct.pack(">H", kind) + body


def there_and_back(kind: int, body: bytes) -> list[bytes]:
    """A connection of which one way can be read and the other stands behind a header of `kind`."""
    return [frame(ipv4(tcp(5), TCP), 0x0800, 0), *[frame(body, kind, 1)] * 3]


def test_packets_that_cannot_be_read_beside_others_that_can_are_a_warning(tmp_path):
    capture = read(tmp_path, pcap(there_and_back(0x8999, PACKET)))
    behind, left_out = capture.notes()
    assert behind.startswith("warning: 3 packets behind a header of EtherType 0x8999 cannot be read: biflows between")
    assert left_out == "left out 3 packets: not IP"
    encrypted = read(tmp_path, pcap(there_and_back(0x88E5, b"\x0c\0\0\0\0\x01" + bytes(60))))
    assert encrypted.notes()[0].startswith("warning: 3 packets with encrypted or compressed content cannot be read")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (0x0040, b"\xaa\xaa\x03\0\0\x99\x12\x34" + bytes(56)),
        (0x8847, b"\0\0\x11\x40" + bytes(60)),
        (0x894F, b"\x0f\xc6\x01\x07" + bytes(60)),
    ],
    ids=["SNAP of an unknown organisation", "MPLS without IP", "NSH of an unknown protocol"],
)
def test_known_headers_that_hide_what_follows_are_a_warning(tmp_path, kind: int, body: bytes):
    hidden = "warning: 3 packets behind an MPLS, NSH or SNAP header of an unknown form cannot be read"
    assert read(tmp_path, pcap(there_and_back(kind, body))).notes()[0].startswith(hidden)


@pytest.mark.parametrize("kind", [0x0806, 0x88CC, 0x888E, 0x8863, 0x88F7, 0x0026])
def test_frames_that_never_hold_packets_are_no_warning(tmp_path, kind: int):
    assert read(tmp_path, pcap(there_and_back(kind, bytes(60)))).notes() == ("left out 3 packets: not IP",)


def test_packets_between_other_hosts_are_no_warning(tmp_path):
    strangers = bytes(5) + b"\x01" + bytes(5) + b"\x03" + b"\x89\x99" + PACKET
    capture = read(tmp_path, pcap([frame(PACKET, 0x0800, 0), strangers]))
    assert capture.notes() == ("left out 1 packet: not IP",)


def test_encrypted_radio_is_a_warning_where_one_way_of_tcp_is_kept(tmp_path):
    encrypted = wifi("0841", PACKET)
    answer = ipv4(tcp(5, ports=(2000, 1000)), TCP, source="10.0.0.2", destination="10.0.0.1")
    one_way = read(tmp_path, pcap([wifi("0801", PACKET), encrypted], 105))
    assert one_way.notes()[0].startswith("warning: 1 packet with encrypted")
    both_ways = read(tmp_path, pcap([wifi("0801", PACKET), wifi("0801", answer), encrypted], 105))
    assert both_ways.notes() == ("left out 1 packet: not IP",)
