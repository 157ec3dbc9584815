"""Relatives of pcap, and the order of packets."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from made_captures import connection, ixia, modified
from made_packets import TCP, ethernet, ipv4, pcap, tcp
from made_reading import BOTH_ORDERS, payloads, read

from ntgbench.traffic.segmentation import flow_table, segment

PACKETS = [ethernet(ipv4(tcp(n), TCP)) for n in range(5)]


@BOTH_ORDERS
@pytest.mark.parametrize("more", [8, 12, 0], ids=["usual", "with processors", "usual header after all"])
def test_modified_pcap(tmp_path, order: str, more: int):
    capture = read(tmp_path, modified(PACKETS, order, more))
    assert payloads(capture) == [0, 1, 2, 3, 4]
    assert capture.trace.time_ns.tolist() == [(100 + number) * 10**9 for number in range(5)]
    assert capture.notes() == ()


@BOTH_ORDERS
def test_pcap_of_nokia(tmp_path, order: str):
    assert payloads(read(tmp_path, modified(PACKETS, order, 4, magic=0xA1B2C3D4))) == [0, 1, 2, 3, 4]


def test_a_cut_modified_pcap_says_where_it_stopped(tmp_path):
    capture = read(tmp_path, modified(PACKETS)[:-3])
    assert payloads(capture) == [0, 1, 2, 3]
    assert "stopped there after 4 packets" in capture.warnings[0]


@BOTH_ORDERS
@pytest.mark.parametrize("magic", [0x1C0001AC, 0x1C0001AB])
def test_lcap_of_ixia(tmp_path, order: str, magic: int):
    capture = read(tmp_path, ixia(PACKETS, order, magic))
    assert (payloads(capture), capture.notes()) == ([0, 1, 2, 3, 4], ())


@pytest.mark.parametrize(("major", "minor", "swapped"), [(2, 2, True), (2, 3, True), (2, 3, False), (543, 0, True)])
def test_lengths_of_old_versions_may_be_swapped(tmp_path, major: int, minor: int, swapped: bool):
    packets = [packet[:60] for packet in PACKETS]
    wires = [len(packet) for packet in PACKETS]
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, major, minor, 0, 0, 60, 1)
    for packet, wire in zip(packets, wires, strict=True):
        lengths = (wire, len(packet)) if swapped else (len(packet), wire)
        file += struct.pack("<IIII", 1, 0, *lengths) + packet
    capture = read(tmp_path, file)
    assert (payloads(capture), capture.notes()) == ([0, 1, 2, 3, 4], ())


def test_packets_are_sorted_by_time_and_stay_in_order_at_one_time(tmp_path):
    times = [(5, 0), (1, 0), (5, 0), (1, 0), (3, 0)]
    capture = read(tmp_path, pcap(PACKETS, times=times))
    assert capture.frame.tolist() == [1, 3, 4, 0, 2]
    assert capture.trace.time_ns.tolist() == [10**9, 10**9, 3 * 10**9, 5 * 10**9, 5 * 10**9]
    assert capture.was_sorted


def test_a_capture_of_two_days_in_the_wrong_order_keeps_its_biflows_apart(tmp_path):
    """Two captures laid end to end, the later one first: without sorting, the idle timeout saw no pause."""
    day = 86_400
    packets = [ethernet(packet) for packet in connection(1000, 90_000)[3:]]
    times = [(day + number, 0) for number in range(3)] + [(number, 0) for number in range(1, 4)]
    capture = read(tmp_path, pcap(packets + packets, times=times))
    flows, _ = flow_table(capture.trace, segment(capture.trace), "app")
    assert flows.signed_pl.tolist() == [100, -200, 300] * 2
    assert (np.diff(flows.offsets) == 3).all()
    assert (flows.iat >= 0).all()
