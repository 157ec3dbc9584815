"""From a capture to biflows, beside dpkt and NFStream on the same file, and from biflows to a capture.

The file is made here: 30,000 biflows, every second one over UDP, about 300,000 packets, all interleaved. Each row finds
the same biflows and packets. extra_info holds packets a second and how many times as long as ours a row takes, both by
the fastest round; they are printed with -s. NFStream is given its fastest sensible setting: one meter process, no
dissection, no statistics, the flows merely iterated over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.in_turn import in_turn
from benchmarks.traffic import made_up_biflows
from ntgbench.traffic.capture import read_capture
from ntgbench.traffic.export import biflows_to_trace, write_pcap
from ntgbench.traffic.segmentation import ACTIVE_TIMEOUT, IDLE_TIMEOUT, segment
from ntgbench.traffic.trace import ACK, SYN, UDP, PacketTrace

BIFLOWS = 30_000

Packet = tuple[float, int, Any, Any, int, int, int]
"""Time, protocol, source, destination, flags and sequence number of TCP, bytes of payload."""

fastest: dict[str, float] = {}


def half_udp(trace: PacketTrace) -> PacketTrace:
    """The trace with every second biflow over UDP, and so without handshake and close."""
    udp = np.minimum(trace.source[:, 1], trace.destination[:, 1]) % 2 == 1
    columns = {field.name: getattr(trace, field.name).copy() for field in fields(trace)}
    columns["protocol"][udp] = UDP
    for name in ("tcp_flags", "tcp_sequence", "tcp_acknowledgement"):
        columns[name][udp] = 0
    columns["ip_length"][udp] = columns["payload_length"][udp] + 28
    return PacketTrace(**columns).select(~udp | (trace.payload_length > 0))


@pytest.fixture(scope="module")
def trace() -> PacketTrace:
    return half_udp(biflows_to_trace(made_up_biflows(BIFLOWS, 20, 0)))


@pytest.fixture(scope="module")
def capture(tmp_path_factory, trace) -> Path:
    path = tmp_path_factory.mktemp("capture") / "half-udp.pcap"
    write_pcap(trace, path)
    return path


def report(benchmark: Any, name: str, packets: int) -> None:
    """Store, and print, packets a second and the ratio to ours."""
    fastest[name] = benchmark.stats.stats.min
    benchmark.extra_info["packets"] = packets
    benchmark.extra_info["packets_per_second"] = round(packets / fastest[name])
    times_ours = benchmark.extra_info["times_ours"] = round(fastest[name] / fastest["ntgbench"], 2)
    print(f"\n{name}: {packets:,} packets, {packets / fastest[name]:,.0f} packets/s, {times_ours} x ours")


def bench_ntgbench(benchmark, capture, trace):
    benchmark.group = "capture to biflows"

    def read() -> int:
        return len(segment(read_capture(capture).trace))

    assert benchmark.pedantic(read, rounds=10, warmup_rounds=1) == BIFLOWS
    report(benchmark, "ntgbench", len(trace))


def from_dpkt(path: Path) -> Iterator[Packet]:
    """The packets of a capture."""
    import dpkt

    with path.open("rb") as file:
        for time, frame in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(frame).data
            if not isinstance(ip, dpkt.ip.IP | dpkt.ip6.IP6):
                continue
            segment = ip.data
            if not isinstance(segment, dpkt.tcp.TCP | dpkt.udp.UDP):
                continue
            source, destination = (ip.src, segment.sport), (ip.dst, segment.dport)
            flags, number = (segment.flags, segment.seq) if isinstance(segment, dpkt.tcp.TCP) else (0, 0)
            yield time, ip.p, source, destination, flags, number, len(segment.data)


def plain_segment(packets: Iterable[Packet]) -> list[list[Any]]:
    """Biflows as `segment` defines them, where all packets are in order.

    Each is [first time, last time, number of its SYN, client, signed payload lengths].
    """
    biflows: list[list[Any]] = []
    current: dict[tuple[Any, ...], list[Any]] = {}
    for time, protocol, source, destination, flags, number, length in packets:
        key = (protocol, min(source, destination), max(source, destination))
        biflow = current.get(key)
        if (
            biflow is None
            or time - biflow[1] > IDLE_TIMEOUT
            or time - biflow[0] > ACTIVE_TIMEOUT
            or (flags & (SYN | ACK) == SYN and number != biflow[2])
        ):
            client = destination if flags & (SYN | ACK) == SYN | ACK else source
            biflow = current[key] = [time, time, number, client, []]
            biflows.append(biflow)
        biflow[1] = time
        biflow[4].append(length if source == biflow[3] else -length)
    return biflows


def bench_dpkt(benchmark, capture, trace):
    benchmark.group = "capture to biflows"
    biflows = benchmark.pedantic(lambda: plain_segment(from_dpkt(capture)), rounds=2)
    assert same(biflows, trace)
    report(benchmark, "dpkt", len(trace))


def same(biflows: list[list[Any]], trace: PacketTrace) -> bool:
    """Whether these are the biflows that `segment` finds."""
    ours = segment(trace)
    signed = np.where(ours.upstream, 1, -1) * trace.payload_length
    return np.array_equal(np.concatenate([biflow[4] for biflow in biflows]), signed[ours.order])


def bench_segment(benchmark, trace):
    """A trace in memory, against plain Python on the same packets."""
    sides = [
        [(*address, port) for address, port in zip(addresses.tolist(), ports.tolist(), strict=True)]
        for addresses, ports in ((trace.source, trace.source_port), (trace.destination, trace.destination_port))
    ]
    columns = (trace.time_ns / 1e9, trace.protocol), (trace.tcp_flags, trace.tcp_sequence, trace.payload_length)
    before, after = ([column.tolist() for column in some] for some in columns)
    packets = list(zip(*before, *sides, *after, strict=True))
    assert same(plain_segment(packets), trace)
    in_turn(benchmark, lambda: segment(trace), lambda: plain_segment(packets), rounds=3)


def bench_nfstream(benchmark, capture, trace):
    nfstream = pytest.importorskip("nfstream", reason="NFStream is not installed")
    benchmark.group = "capture to biflows"

    def iterate() -> tuple[int, int]:
        stream = nfstream.NFStreamer(
            source=str(capture),
            n_meters=1,
            n_dissections=0,
            statistical_analysis=False,
            idle_timeout=int(IDLE_TIMEOUT),
            active_timeout=int(ACTIVE_TIMEOUT),
        )
        packets = [flow.bidirectional_packets for flow in stream]
        return len(packets), sum(packets)

    assert benchmark.pedantic(iterate, rounds=5, warmup_rounds=1) == (BIFLOWS, len(trace))
    report(benchmark, "NFStream", len(trace))


def bench_write(benchmark, tmp_path):
    benchmark.group = "biflows to capture"
    biflows = made_up_biflows(BIFLOWS, 20, 0)
    benchmark.pedantic(write_pcap, (biflows, tmp_path / "all-tcp.pcap"), rounds=3, warmup_rounds=1)
    benchmark.extra_info["packets"] = int(biflows.lengths().sum() + 6 * BIFLOWS)
