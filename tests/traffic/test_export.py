"""Captures out: what is written is read back, and tshark finds nothing wrong with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from made_packets import TCP, UDP, ipv4, ipv6, pcap, tcp, udp
from real_traffic import REAL_TRAFFIC, needs_real_traffic

from ntgbench.errors import CaptureError, TrafficError
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic import export
from ntgbench.traffic.biflows import Biflows
from ntgbench.traffic.capture import read_capture
from ntgbench.traffic.capture_flows import capture_flows
from ntgbench.traffic.export import biflows_to_trace, write_pcap
from ntgbench.traffic.segmentation import segment
from ntgbench.traffic.sidecar import read_sidecar, sidecar_path, write_sidecar

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.traffic.trace import PacketTrace

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


def made_biflows(count: int, packets: int = 10, pl_max: int = 1460, classes: int = 3, timed: bool = False) -> Biflows:
    dice = np.random.default_rng(count)
    signed_pl = dice.integers(1, pl_max + 1, (count, packets)) * dice.choice([-1, 1], (count, packets))
    signed_pl[np.arange(packets) >= dice.integers(1, packets + 1, count)[:, None]] = 0
    iat = dice.exponential(0.1, signed_pl.shape).astype(np.float32) * (signed_pl != 0)
    iat[:, 0] = 0
    label = dice.integers(0, classes, count).astype(np.int32)
    names = tuple(f"app, {i}" for i in range(classes))
    return Biflows(signed_pl.astype(np.int16), label, names, iat=iat if timed else None, pl_max=pl_max)


@st.composite
def biflows(draw: st.DrawFn) -> Biflows:
    """Any biflows, also with hours between packets and with negative times."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 8)))
    pl_max = draw(st.sampled_from([1, 1460, 32_767]))
    lengths = draw(arrays.arrays(np.int16, shape, elements=st.integers(1, pl_max)))
    signs = draw(arrays.arrays(np.int16, shape, elements=st.sampled_from([-1, 1])))
    ends = draw(arrays.arrays(np.int64, shape[0], elements=st.integers(1, shape[1])))
    present = np.arange(shape[1]) < ends[:, None]
    seconds = draw(arrays.arrays(np.float32, shape, elements=st.floats(-1, 10_000, width=32)))
    label = draw(arrays.arrays(np.int32, shape[0], elements=st.integers(0, 2)))
    classes = ("web", "größe", 'a,"b"')
    iat = np.where(present & (np.arange(shape[1]) > 0), seconds, 0).astype(np.float32) if draw(st.booleans()) else None
    return Biflows(np.where(present, lengths * signs, 0).astype(np.int16), label, classes, iat=iat, pl_max=pl_max)


@given(biflows())
@settings(max_examples=60)
def test_biflows_come_back(tmp_path_factory, made: Biflows):
    path = tmp_path_factory.mktemp("made") / "made.pcap"
    write_pcap(made, path)
    flows, changes, warnings = capture_flows(path, idle_timeout=np.inf, active_timeout=np.inf)
    back, _ = flows.to_biflows(made.packets, made.pl_max)
    assert np.array_equal(back.signed_pl, made.signed_pl)
    assert [back.classes[i] for i in back.label] == [made.classes[i] for i in made.label]
    assert changes == {"left out {} [packet|packets] without payload": 6 * len(made)}
    assert warnings == ()
    if made.iat is not None:
        assert np.allclose(back.iat, np.maximum(made.iat, 0), rtol=1e-6, atol=1e-9)


def test_biflows_come_back_with_the_usual_timeouts(tmp_path):
    for timed in (False, True):
        made = made_biflows(3_000, timed=timed)
        write_pcap(made, tmp_path / "made.pcap")
        back, _ = capture_flows(tmp_path / "made.pcap")[0].to_biflows(10, 1460)
        assert np.array_equal(back.signed_pl, made.signed_pl)
        assert [back.classes[i] for i in back.label] == [made.classes[i] for i in made.label]


def test_no_biflows_make_a_capture_without_packets(tmp_path):
    write_pcap(made_biflows(1).select([]), tmp_path / "none.pcap")
    capture = read_capture(tmp_path / "none.pcap")
    assert (capture.packets, capture.notes()) == (0, ("1 capture has no packet",))
    assert len(capture_flows(tmp_path / "none.pcap")[0]) == 0


def test_a_biflow_is_a_connection():
    signed_pl = np.array([[100, -200, 0], [-5, 0, 0]], np.int16)
    iat = np.array([[0, 0.5, 0], [0, 0, 0]], np.float32)
    trace = biflows_to_trace(Biflows(signed_pl, np.array([1, 0], np.int32), ("a", "b"), iat=iat))
    found = segment(trace)
    first = found.flow == 0
    assert trace.tcp_flags[first].tolist() == [0x02, 0x12, 0x10, 0x18, 0x18, 0x11, 0x11, 0x10]
    assert trace.payload_length[first].tolist() == [0, 0, 0, 100, 200, 0, 0, 0]
    assert found.upstream[first].tolist() == [True, False, True, True, False, True, False, True]
    assert np.diff(trace.time_ns[first]).tolist() == [1e6, 1e6, 1e6, 5e8, 1e6, 1e6, 1e6]
    assert found.upstream[~first].tolist() == [True, False, True, False, True, False, True]
    assert (np.diff(trace.time_ns) >= 0).all()
    assert trace.destination_port[found.order[found.offsets[:-1]]].tolist() == [49_153, 49_152]


def test_every_biflow_has_its_own_five_tuple():
    count = 131_070 * 2 + 5
    made = Biflows(np.ones((count, 1), np.int16), np.zeros(count, np.int32), ("a",))
    assert len(segment(biflows_to_trace(made))) == count


def test_a_biflow_of_decades_is_refused():
    iat = np.zeros((2, 3), np.float32)
    iat[1, 1] = 2e9
    made = Biflows(np.ones((2, 3), np.int16), np.zeros(2, np.int32), ("a",), iat=iat)
    with pytest.raises(TrafficError, match="row 1: the iat of a biflow adds up to at most"):
        biflows_to_trace(made)


def trace_of(tmp_path: Path) -> PacketTrace:
    """Packets with every length of header that can be written."""
    packets = [ipv4(tcp(n, options=n % 11 * 4), TCP, ttl=n) for n in range(1, 40)]
    packets += [ipv4(tcp(n, options=40), TCP, options=n % 11 * 4) for n in range(40)]
    packets += [ipv4(udp(n) + bytes(n % 3), UDP, destination=f"10.0.0.{n}") for n in range(40)]
    packets += [ipv6(tcp(n, options=n % 11 * 4), TCP, hops=n) for n in range(1, 40)]
    packets += [ipv6(bytes([TCP, n]) + bytes(8 * n + 6) + tcp(n, options=n % 11 * 4), 60) for n in range(40)]
    packets += [ipv6(udp(n), UDP, hosts=(n, 3)) for n in range(40)]
    packets += [ipv4(udp(65_507), UDP), ipv4(tcp(65_495), TCP), ipv6(udp(65_527), UDP)]
    packets += [ipv4(tcp(100_000), TCP, total=0), ipv4(udp(100_000, length=0), UDP, total=0)]
    packets += [ipv6(tcp(100_000), TCP, length=0), ipv6(udp(100_000, length=0), UDP, length=0)]
    path = tmp_path / "source.pcap"
    times = [(i * 7_777_777, i * 999_999) for i in range(len(packets))]
    path.write_bytes(pcap(packets, 101, nanoseconds=True, times=times))
    capture = read_capture(path)
    assert len(capture.trace) == len(packets)
    return capture.trace


def same(one: PacketTrace, other: PacketTrace) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))


@pytest.mark.parametrize("chunk_bytes", [1, 2_000, 1 << 24])
def test_a_trace_comes_back_as_it_was(tmp_path, monkeypatch, chunk_bytes: int):
    trace = trace_of(tmp_path)
    monkeypatch.setattr(export, "_CHUNK_BYTES", chunk_bytes)
    write_pcap(trace, tmp_path / "copy.pcap")
    capture = read_capture(tmp_path / "copy.pcap")
    assert capture.notes() == ()
    assert same(capture.trace, trace)
    assert not sidecar_path(tmp_path / "copy.pcap").exists()
    full = (tmp_path / "copy.pcap").stat().st_size
    write_pcap(trace, tmp_path / "short.pcap", payload=False)
    assert same(read_capture(tmp_path / "short.pcap").trace, trace)
    assert (tmp_path / "short.pcap").stat().st_size <= full - trace.payload_length.sum()


@needs_real_traffic
@pytest.mark.parametrize(
    "name", ["ndpi__android.pcap", "ndpi__anydesk.pcapng", "zeek__options.pcap", "ndpi__ah.pcapng"]
)
def test_a_real_trace_comes_back_as_it_was(tmp_path, name: str):
    trace = read_capture(REAL_TRAFFIC / "pcaps" / name).trace
    write_pcap(trace, tmp_path / "copy.pcap")
    assert same(read_capture(tmp_path / "copy.pcap").trace, trace)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("time_ns", -1, "times from 1970 to 2106 only"),
        ("time_ns", 2**32 * 10**9, "times from 1970 to 2106 only"),
        ("ip_length", 39, "no IP, TCP or UDP header"),
        ("ip_length", 42, "no IP, TCP or UDP header"),
        ("ip_length", 20 + 40 + 60 + 4, "no IP, TCP or UDP header"),
        ("ip_length", 300_000, "packets of at most 262144 bytes"),
        ("ip_flags", 1, "a packet is a whole datagram"),
        ("fragment_offset", 185, "a packet is a whole datagram"),
        ("destination", (1, 2), "both addresses of a packet are of one IP version"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, column: str, value: int, rule: str):
    trace = biflows_to_trace(made_biflows(3))
    changed = getattr(trace, column).copy()
    changed[2] = value
    with pytest.raises(TrafficError, match=f"row 2: .*{rule}"):
        write_pcap(replace(trace, **{column: changed}), tmp_path / "refused.pcap")
    assert not (tmp_path / "refused.pcap").exists()


@pytest.mark.parametrize("column", ["ip_id", "ip_flags"])
def test_ipv6_has_no_field_for_it(tmp_path, column: str):
    trace = example_trace()
    changed = np.where(trace.is_ipv4(), getattr(trace, column), 2).astype(getattr(trace, column).dtype)
    with pytest.raises(TrafficError, match="ip_id and ip_flags are 0 for IPv6"):
        write_pcap(replace(trace, **{column: changed}), tmp_path / "refused.pcap")


def tshark(path: Path, *arguments: str) -> str:
    """Output of tshark, every checksum verified."""
    checks = [word for name in ("ip", "tcp", "udp") for word in ("-o", f"{name}.check_checksum:TRUE")]
    command = ["tshark", "-n", "-r", str(path), *checks, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# Severities from 0x600000, Warning, on; checksum status 0 is Bad.
WRONG = (
    "_ws.malformed or _ws.expert.severity >= 0x600000 or "
    "ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0"
)


@needs_tshark
@pytest.mark.parametrize(("timed", "packets", "pl_max"), [(False, 10, 1460), (True, 40, 32_767)])
def test_tshark_finds_nothing_wrong(tmp_path, timed: bool, packets: int, pl_max: int):
    path = tmp_path / "made.pcap"
    made = made_biflows(40, packets, pl_max, timed=timed)
    write_pcap(made, path)
    assert tshark(path, "-Y", WRONG) == ""
    checked = tshark(
        path, "-Y", "ip.checksum.status == 1 and tcp.checksum.status == 1", "-T", "fields", "-e", "tcp.len"
    )
    lengths = np.array(checked.split(), int)
    assert len(lengths) == made.lengths().sum() + 6 * len(made)
    assert lengths.sum() == np.abs(made.signed_pl.astype(int)).sum()
    assert len(set(tshark(path, "-T", "fields", "-e", "tcp.stream").split())) == len(made)
    # 31: SYN, SYN-ACK, ACK, data and FIN were all seen before the last ACK.
    assert len(tshark(path, "-Y", "tcp.completeness == 31 and tcp.flags.fin == 0").splitlines()) == len(made)


@needs_tshark
def test_tshark_verifies_the_checksums_of_any_trace(tmp_path):
    trace = trace_of(tmp_path)
    small = trace.select((trace.ip_length < 60_000) & (trace.payload_length > 0))
    path = tmp_path / "copy.pcap"
    write_pcap(small, path)
    bad = "ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0"
    assert tshark(path, "-Y", bad) == ""
    good = "tcp.checksum.status == 1 or udp.checksum.status == 1"
    assert len(tshark(path, "-Y", good).splitlines()) == len(small)


@needs_tshark
def test_tshark_reads_what_a_trace_holds(tmp_path):
    made = example_trace(flows=200)
    trace = replace(
        made,
        tos=np.where(made.source_port == 53, 0xB8, 2).astype(np.uint8),
        ip_flags=np.where(made.is_ipv4(), 4 * (made.ttl == 57) + 2, 0).astype(np.uint8),
    )
    path = tmp_path / "copy.pcap"
    write_pcap(trace, path, payload=False)
    wrong = "_ws.malformed or ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0"
    assert tshark(path, "-Y", wrong) == ""
    fields = ("ip.dsfield", "ip.id", "ip.flags.df", "ip.flags.rb", "ip.frag_offset", "ip.len", "ip.ttl")
    found = tshark(path, "-Y", "ip", "-T", "fields", *(word for name in fields for word in ("-e", name)))
    words = found.replace("True", "1").replace("False", "0").split()
    ipv4 = trace.select(trace.is_ipv4())
    flags = (ipv4.ip_flags >> 1 & 1, ipv4.ip_flags >> 2)
    columns = (ipv4.tos, ipv4.ip_id, *flags, ipv4.fragment_offset, ipv4.ip_length, ipv4.ttl)
    assert [int(word, 0) for word in words] == np.stack(columns, axis=1).ravel().tolist()
    classes = tshark(path, "-Y", "ipv6", "-T", "fields", "-e", "ipv6.tclass").split()
    assert [int(word, 0) for word in classes] == trace.tos[~trace.is_ipv4()].tolist()


def test_sidecar_keeps_any_name(tmp_path):
    names = ["web", "a,b", 'the "app"', "größe", ""]
    write_sidecar(tmp_path / "x.pcap", names)
    assert sidecar_path(tmp_path / "x.pcap") == tmp_path / "x.pcap.csv"
    assert read_sidecar(tmp_path / "x.pcap") == names


def test_a_capture_without_classes_needs_one(tmp_path):
    write_pcap(biflows_to_trace(made_biflows(2)), tmp_path / "made.pcap")
    assert capture_flows(tmp_path / "made.pcap", "app")[0].classes == ("app",)
    with pytest.raises(CaptureError, match=r"cannot read .*made.pcap.csv: No such file"):
        capture_flows(tmp_path / "made.pcap")


@pytest.mark.parametrize(
    "text", ["", "flow\n0\n", "flow,app\nx,web\n", "flow,app\n1,web\n", "flow,app\n0,a\n0,b\n", "flow,app\n0\n1,a\n"]
)
def test_a_damaged_sidecar_is_an_error(tmp_path, text: str):
    write_pcap(made_biflows(2), tmp_path / "made.pcap")
    sidecar_path(tmp_path / "made.pcap").write_text(text)
    with pytest.raises((CaptureError, TrafficError), match=r"must have columns flow and app|0 classes for 2 biflows"):
        capture_flows(tmp_path / "made.pcap")


def test_a_sidecar_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(sidecar_path(tmp_path / "made.pcap"))
    with pytest.raises(CaptureError, match="not a regular file"):
        read_sidecar(tmp_path / "made.pcap")


def test_a_sidecar_of_another_capture_is_refused(tmp_path):
    write_pcap(made_biflows(2), tmp_path / "made.pcap")
    write_sidecar(tmp_path / "made.pcap", ["a", "b", "c"])
    with pytest.raises(TrafficError, match="3 classes for 2 biflows"):
        capture_flows(tmp_path / "made.pcap")
