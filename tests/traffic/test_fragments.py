"""Fragments: the first stands for the datagram, and headers may be split over several."""

from __future__ import annotations

import pytest
from made_captures import fragments_4, fragments_6
from made_packets import TCP, UDP, ipv4, pcap, tcp, udp
from made_reading import payloads, read


@pytest.mark.parametrize("cut", [fragments_4, fragments_6])
@pytest.mark.parametrize(("body", "protocol"), [(tcp(3000), TCP), (udp(3000), UDP)], ids=["tcp", "udp"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_the_first_fragment_stands_for_the_datagram(tmp_path, cut, body: bytes, protocol: int, order):
    packets = cut(body, protocol, [1000, 1000])
    capture = read(tmp_path, pcap([packets[i] for i in order], 101))
    assert payloads(capture) == [3000]
    assert capture.frame.tolist() == [order.index(0)]
    headers = (20 if cut is fragments_4 else 48) + len(body) - 3000
    assert capture.trace.ip_length.tolist() == [headers + 3000]
    assert capture.left_out == {"later fragment of a datagram": 2}


def test_without_the_last_fragment_udp_states_its_length_and_tcp_does_not(tmp_path):
    packets = fragments_4(udp(3000), UDP, [1000, 1000])[:2] + fragments_4(tcp(3000), TCP, [1000, 1000])[:2]
    assert payloads(read(tmp_path, pcap(packets, 101))) == [3000, 980]


def test_datagrams_are_told_apart(tmp_path):
    one, other = (fragments_4(tcp(n), TCP, [80], identification=n) for n in (100, 200))
    mixed = [one[0], other[0], other[1], one[1]]
    assert payloads(read(tmp_path, pcap(mixed, 101))) == [100, 200]


def test_a_udp_datagram_is_no_longer_than_it_states(tmp_path):
    assert payloads(read(tmp_path, pcap(fragments_6(udp(100) + bytes(4), UDP, [40]), 101))) == [100]


def test_fragments_of_other_protocols_are_other_protocols(tmp_path):
    assert read(tmp_path, pcap(fragments_4(bytes(100), 1, [40]), 101)).left_out == {"IP, but neither TCP nor UDP": 2}


HEADER = tcp(72, options=12, numbers=(77, 88))


@pytest.mark.parametrize("cut", [fragments_4, fragments_6])
@pytest.mark.parametrize("sizes", [[8], [16], [8, 8], [16, 8], [8, 8, 8, 8], [24], [32]])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_header_split_over_fragments_is_put_together(tmp_path, cut, sizes: list[int], backwards: bool):
    packets = cut(HEADER, TCP, sizes)
    capture = read(tmp_path, pcap(packets[::-1] if backwards else packets, 101))
    assert payloads(capture) == [72]
    trace = capture.trace
    assert (trace.source_port.tolist(), trace.tcp_flags.tolist()) == ([1000], [0x18])
    assert (trace.tcp_sequence.tolist(), trace.tcp_acknowledgement.tolist()) == ([77], [88])
    assert trace.ip_length.tolist() == [len(HEADER) + (20 if cut is fragments_4 else 48)]
    # The first fragment stands for the datagram, wherever it is in the file.
    assert capture.frame.tolist() == [len(packets) - 1 if backwards else 0]
    assert capture.left_out == {"later fragment of a datagram": len(packets) - 1}


@pytest.mark.parametrize("missing", [1, 2])
def test_a_split_header_needs_all_fragments(tmp_path, missing: int):
    packets = fragments_4(HEADER, TCP, [8, 40])
    del packets[missing]
    split = "headers split over fragments that were not all captured"
    assert read(tmp_path, pcap(packets, 101)).left_out == {split: 1, "later fragment of a datagram": 1}


def test_split_headers_stand_in_the_order_of_their_first_fragments(tmp_path):
    datagrams = [fragments_4(tcp(n), TCP, [8], identification=n) for n in (10, 30)]
    whole = ipv4(tcp(20), TCP)
    packets = [datagrams[0][0], whole, datagrams[1][0], datagrams[1][1], whole, datagrams[0][1]]
    capture = read(tmp_path, pcap(packets, 101))
    assert (payloads(capture), capture.frame.tolist()) == ([10, 20, 30, 20], [0, 1, 2, 4])


def test_extension_headers_may_be_split_too(tmp_path):
    body = bytes([TCP, 1]) + bytes(14) + HEADER
    assert payloads(read(tmp_path, pcap(fragments_6(body, 60, [8, 16]), 101))) == [72]


def test_a_tunnel_that_is_split_is_entered(tmp_path):
    packets = fragments_4(bytes(2) + b"\x08\0" + ipv4(tcp(50), TCP), 47, [8, 16])
    assert payloads(read(tmp_path, pcap(packets, 101), inner=True)) == [50]


def test_a_split_header_that_the_snap_length_cut_is_left_out(tmp_path):
    packets = fragments_4(tcp(72, options=20), TCP, [8])
    capture = read(tmp_path, pcap(packets, 101, snap=24))
    assert capture.left_out == {"headers cut by the snap length": 1, "later fragment of a datagram": 1}
    assert payloads(read(tmp_path, pcap(packets, 101, snap=28))) == [72]


def test_an_identification_is_used_again(tmp_path):
    one, other = (fragments_4(tcp(n), TCP, [80]) for n in (100, 200))
    times = [(0, 1), (1, 0), (300, 0), (301, 0)]
    assert payloads(read(tmp_path, pcap([*one, *other], 101, times=times))) == [100, 200]
