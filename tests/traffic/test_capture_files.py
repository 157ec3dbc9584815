"""Capture files: formats, byte orders, clocks, compression, damage."""

from __future__ import annotations

import gzip
import random
import struct

import pytest
from made_packets import (
    TCP,
    UDP,
    block,
    enhanced,
    ethernet,
    interface,
    ipv4,
    obsolete,
    pcap,
    section,
    simple,
    tcp,
    udp,
)
from made_reading import BOTH_ORDERS, payloads, read

from ntgbench.errors import CaptureError
from ntgbench.traffic.capture import read_capture
from ntgbench.traffic.segmentation import flow_table, segment
from ntgbench.words import pluralised

PACKET = ethernet(ipv4(tcp(5), TCP))
PACKETS = [ethernet(ipv4(tcp(n), TCP)) for n in range(5)]


@BOTH_ORDERS
@pytest.mark.parametrize(("nanoseconds", "unit"), [(False, 1000), (True, 1)])
def test_pcap(tmp_path, order: str, nanoseconds: bool, unit: int):
    times = [(0, 0), (1, 5), (2**32 - 1, 999_999), (3, 7), (2, 8)]
    capture = read(tmp_path, pcap(PACKETS, order=order, nanoseconds=nanoseconds, times=times))
    assert payloads(capture) == [0, 1, 4, 3, 2]
    assert capture.trace.time_ns.tolist() == [seconds * 10**9 + fraction * unit for seconds, fraction in sorted(times)]
    assert (capture.packets, capture.frame.tolist()) == (5, [0, 1, 4, 3, 2])
    assert capture.notes() == ("sorted 1 capture whose packets were not in the order of their times",)


@BOTH_ORDERS
def test_pcapng_blocks(tmp_path, order: str):
    file = section(order) + interface(1, order)
    file += block(5, bytes(20), order)  # interface statistics
    file += enhanced(PACKETS[1], 2_000_003, order) + block(0x0BAD, b"custom", order) + simple(PACKETS[2], order)
    file += obsolete(PACKETS[3], 5 << 32, order) + block(4, bytes(8), order)
    capture = read(tmp_path, file)
    assert payloads(capture) == [1, 2, 3]
    # The second has no time: it is taken to be that of the packet before.
    assert capture.trace.time_ns.tolist() == [2_000_003_000, 2_000_003_000, (5 << 32) * 1000]
    assert capture.notes() == ()


@BOTH_ORDERS
@pytest.mark.parametrize(
    ("resolution", "ticks", "nanoseconds"),
    [
        (None, 1_500_000, 1_500_000_000),
        (0, 7, 7_000_000_000),
        (3, 1_500, 1_500_000_000),
        (9, 123, 123),
        (12, 5_999, 5),
        (127, 2**63, 0),
        (128, 7, 7_000_000_000),
        (128 + 1, 3, 1_500_000_000),
        (128 + 20, 3 << 19, 1_500_000_000),
        (128 + 30, (7 << 30) + (1 << 29), 7_500_000_000),
        (128 + 40, (2**24 - 1) << 39, (2**24 - 1) * 500_000_000),
        (128 + 63, 3 << 62, 1_500_000_000),
        (128 + 64, 1 << 63, 500_000_000),
        (255, 2**64 - 1, 0),
    ],
)
def test_pcapng_clocks(tmp_path, order: str, resolution: int | None, ticks: int, nanoseconds: int):
    file = section(order) + interface(1, order, resolution=resolution) + enhanced(PACKET, ticks, order)
    assert read(tmp_path, file).trace.time_ns.tolist() == [nanoseconds]


def test_pcapng_time_offset(tmp_path):
    file = section() + interface(resolution=9, offset=-3) + enhanced(PACKET, 5 * 10**9)
    file += interface(offset=10) + enhanced(PACKET, 1, number=1)
    assert read(tmp_path, file).trace.time_ns.tolist() == [2 * 10**9, 10 * 10**9 + 1000]


def test_pcapng_sections_and_interfaces(tmp_path):
    raw = ipv4(udp(9), UDP)
    file = section("<") + interface(1) + interface(101) + enhanced(PACKET) + enhanced(raw, number=1)
    file += section(">") + interface(101, ">", resolution=0) + enhanced(raw, 4, ">")
    file += section("<") + section("<") + interface(276) + enhanced(b"\x08\0" + bytes(18) + ipv4(tcp(3), TCP))
    capture = read(tmp_path, file)
    assert payloads(capture) == [5, 9, 9, 3]
    assert capture.trace.time_ns.tolist() == [0, 0, 4 * 10**9, 4 * 10**9]
    assert capture.notes() == ()


def test_pcapng_simple_packets_end_at_the_snap_length_or_the_block(tmp_path):
    long = ethernet(ipv4(udp(500), UDP))
    file = section() + interface(snap=60) + simple(long[:60], wire=len(long)) + simple(long[:44], wire=len(long))
    assert payloads(read(tmp_path, file)) == [500, 500]


@pytest.mark.parametrize(
    "file",
    [pcap([]), pcap([], order=">", nanoseconds=True), section(), section(">") + interface(1, ">")],
    ids=["pcap", "big-endian", "pcapng", "pcapng with an interface"],
)
def test_a_capture_without_packets_is_an_empty_trace(tmp_path, file: bytes):
    capture = read(tmp_path, file)
    assert (len(capture.trace), capture.packets, capture.notes()) == (0, 0, ("1 capture has no packet",))
    segmentation = segment(capture.trace)
    assert len(segmentation) == 0
    assert len(flow_table(capture.trace, segmentation, "app")[0]) == 0


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("file", [pcap(PACKETS), section() + interface() + enhanced(PACKET)], ids=["pcap", "pcapng"])
def test_gzip(tmp_path, file: bytes, members: int):
    step = len(file) // members + 1
    packed = b"".join(gzip.compress(file[i : i + step]) for i in range(0, len(file), step))
    assert payloads(read(tmp_path, packed)) == payloads(read(tmp_path, file))


def test_damaged_gzip_is_read_as_far_as_it_goes(tmp_path):
    noise = random.Random(0).randbytes(3_000_000)
    file = pcap([ethernet(ipv4(udp(1000), UDP)[:-1000] + noise[i : i + 1000]) for i in range(0, len(noise), 1000)])
    packed = gzip.compress(file)
    capture = read(tmp_path, packed[: len(packed) // 2])
    assert 0 < capture.packets < 3000
    assert "damaged gzip data" in capture.warnings[0]
    assert f"after {pluralised(capture.packets, 'packet')}" in capture.warnings[1]


def test_a_gzip_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.pcap.gz"
    file = pcap([bytes(200_000)] * 40)
    path.write_bytes(gzip.compress(file))
    with pytest.raises(CaptureError, match=r"bomb.pcap.gz: expands to more than the size limit of 3,000,000 bytes; .*"):
        read_capture(path, size_limit=3_000_000)
    with pytest.raises(CaptureError, match="--size-limit"):
        read_capture(path, size_limit=len(file) - 1)
    assert read_capture(path, size_limit=len(file)).packets == 40


NO_CAPTURE = [
    ("empty", b"", "is empty"),
    ("two bytes", b"\xd4\xc3", "not a capture"),
    (
        "text",
        b"frame.number,frame.len\n1,60\n",
        "not a capture file: neither pcap nor pcapng begins with the bytes 66 72",
    ),
    ("header cut", pcap([])[:23], r"ends within its pcap header \(23 of 24 bytes\)"),
    ("version 1", pcap([])[:4] + b"\x01" + pcap([])[5:], "version 1 is not supported"),
    ("section cut", section()[:27], "section header is damaged"),
    ("section without byte order", section()[:8] + bytes(20), "section header is damaged"),
    ("section of no length", section()[:4] + bytes(4) + section()[8:], "section header is damaged"),
    ("gzip of nothing", gzip.compress(b""), "is empty"),
    ("gzip cut at once", gzip.compress(pcap(PACKETS))[:10], "damaged gzip data"),
    ("gzip in name only", b"\x1f\x8b" + bytes(30), "damaged gzip data"),
]


@pytest.mark.parametrize(("file", "reason"), [row[1:] for row in NO_CAPTURE], ids=[row[0] for row in NO_CAPTURE])
def test_what_is_no_capture_is_an_error_with_the_path(tmp_path, file: bytes, reason: str):
    with pytest.raises(CaptureError, match=reason) as error:
        read(tmp_path, file)
    assert str(tmp_path / "made.cap") in str(error.value)


def test_a_path_that_cannot_be_read_is_an_error(tmp_path):
    for path in (tmp_path / "absent.pcap", tmp_path):
        with pytest.raises(CaptureError, match="cannot be read"):
            read_capture(path)


def test_a_cut_pcap_says_where_it_stopped(tmp_path):
    file = pcap(PACKETS)
    bounds = [24]
    for packet in PACKETS:
        bounds.append(bounds[-1] + 16 + len(packet))
    for size in range(24, len(file)):
        capture = read(tmp_path, file[:size])
        whole = sum(bound <= size for bound in bounds) - 1
        assert payloads(capture) == list(range(whole))
        at = f"cut or damaged at byte {bounds[whole]:,} of {size:,}: stopped there after {pluralised(whole, 'packet')}"
        assert capture.warnings == (() if size in bounds else (at,))


def test_a_cut_pcapng_says_where_it_stopped(tmp_path):
    blocks = [section(), interface(), *map(enhanced, PACKETS)]
    file = b"".join(blocks)
    for size in range(28, len(file)):
        capture = read(tmp_path, file[:size])
        ends = [sum(map(len, blocks[: n + 1])) for n in range(len(blocks))]
        whole = sum(end <= size for end in ends)
        assert payloads(capture) == list(range(max(whole - 2, 0)))
        assert bool(capture.warnings) == (size not in ends)
        if capture.warnings:
            assert f"at byte {ends[whole - 1]:,} of {size:,}" in capture.warnings[0]


def absurd(length: int) -> bytes:
    return struct.pack("<IIII", 0, 0, length, length)


DAMAGE = [
    ("record longer than the file", pcap(PACKETS[:2]) + absurd(10_000) + bytes(50), 2),
    ("record of 4 GiB", pcap(PACKETS[:2]) + absurd(2**32 - 1) + bytes(50), 2),
    ("record longer than any", pcap(PACKETS[:2]) + absurd(300_000) + bytes(300_000) + absurd(0), 2),
    (
        "block length no multiple of 4",
        section() + interface() + enhanced(PACKET) + b"\x06\0\0\0\x0e\0\0\0" + bytes(99),
        1,
    ),
    ("block length 0", section() + interface() + enhanced(PACKET) + b"\x06\0\0\0\0\0\0\0" + bytes(99), 1),
    (
        "block length beyond the file",
        section() + interface() + enhanced(PACKET) + b"\x06\0\0\0\xff\0\0\0" + bytes(99),
        1,
    ),
    (
        "block lengths that differ",
        section() + interface() + enhanced(PACKET) + enhanced(PACKET)[:-4] + b"\x08\0\0\0",
        1,
    ),
    (
        "packet longer than its block",
        section() + interface() + enhanced(PACKET) + block(6, bytes(12) + b"\x09" + bytes(15)),
        1,
    ),
    ("packet block too short", section() + interface() + enhanced(PACKET) + block(6, bytes(8)) + enhanced(PACKET), 1),
    ("unknown interface", section() + interface() + enhanced(PACKET) + enhanced(PACKET, number=1), 1),
    ("no interface", section() + enhanced(PACKET), 0),
    ("interface too short", section() + interface() + enhanced(PACKET) + block(1, bytes(4)) + enhanced(PACKET), 1),
    ("second section without byte order", section() + interface() + enhanced(PACKET) + section()[:8] + bytes(20), 1),
    (
        "second section of no length",
        section() + interface() + enhanced(PACKET) + section()[:4] + bytes(4) + section()[8:],
        1,
    ),
]


@pytest.mark.parametrize(("file", "whole"), [row[1:] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_damage_ends_the_reading_and_is_a_warning(tmp_path, file: bytes, whole: int):
    capture = read(tmp_path, file)
    assert capture.packets == len(capture.trace) == whole
    assert len(capture.warnings) == 1
    assert f"stopped there after {pluralised(whole, 'packet')}" in capture.warnings[0]
