"""Real captures, which are no part of the repository: all are read, and some agree with tshark packet by packet."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest
from real_traffic import PCAPS, needs_real_traffic

from ntgbench.errors import CaptureError
from ntgbench.traffic.capture import read_capture
from ntgbench.traffic.capture_flows import capture_flows
from ntgbench.traffic.segmentation import segment

CAPTURES = sorted(PCAPS.iterdir()) if PCAPS.is_dir() else []

pytestmark = needs_real_traffic


@pytest.mark.parametrize("inner", [False, True])
def test_every_capture_is_read_and_accounted_for(inner: bool):
    tcp_udp = 0
    for path in CAPTURES:
        capture = read_capture(path, inner=inner)
        assert len(capture.trace) + sum(capture.left_out.values()) == capture.packets, path.name
        assert segment(capture.trace).flow.shape == (len(capture.trace),)
        tcp_udp += len(capture.trace)
    assert tcp_udp > 0.9 * 42_958


def test_every_capture_gives_flows():
    flows = sum(len(capture_flows(path, path.stem)[0]) for path in CAPTURES)
    assert flows > 3_500


def test_a_damaged_real_capture_is_an_error_or_a_capture(tmp_path):
    dice = random.Random(1)
    damaged = tmp_path / "damaged"
    for path in dice.sample(CAPTURES, 150):
        data = bytearray(path.read_bytes()[: dice.randrange(24, 20_000)])
        for _ in range(10):
            data[dice.randrange(len(data))] = dice.randrange(256)
        damaged.write_bytes(data)
        try:
            capture = read_capture(damaged, inner=True)
        except CaptureError:
            continue
        assert len(capture.trace) + sum(capture.left_out.values()) == capture.packets


TYPICAL = [
    "ndpi__android.pcap",
    "ndpi__anydesk.pcapng",
    "ndpi__KakaoTalk_chat.pcap",
    "pcapplusplus__sll2.pcap",
    "zeek__radiotap.pcap",
    "zeek__nflog-http.pcap",
    "zeek__testing_btest_Traces_ftp_ipv6.pcap",
    "zeek__pppoe.pcap",
]


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
@pytest.mark.parametrize("name", TYPICAL)
def test_payload_lengths_agree_with_tshark(name: str):
    path = PCAPS / name
    if not path.exists():
        pytest.skip(f"not among the captures: {name}")
    fields = ["-e", "frame.number", "-e", "tcp.len", "-e", "udp.length"]
    command = ["tshark", "-n", "-r", str(path), "-Y", "(tcp or udp) and not icmp and not icmpv6", "-T", "fields"]
    lines = subprocess.run([*command, "-E", "occurrence=f", *fields], capture_output=True, text=True, check=True).stdout
    theirs = {}
    for line in lines.splitlines():
        frame, tcp, udp = line.split("\t")
        theirs[int(frame) - 1] = int(tcp) if tcp else int(udp) - 8
    capture = read_capture(path)
    assert dict(zip(capture.frame.tolist(), capture.trace.payload_length.tolist(), strict=True)) == theirs
