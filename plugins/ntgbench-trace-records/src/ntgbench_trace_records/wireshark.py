"""Whether tshark accepts the packets of a trace that is written as a capture."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ntgbench.errors import TrafficError

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

MOST = 50_000
"""Packets that tshark reads: the first of the trace."""

SECONDS = 120
"""Time that tshark has for them; it needs about 4."""

ERROR = 0x80_0000
"""The severity of Wireshark's expert information from which a packet is refused."""


def tshark(real: PacketTrace, synthetic: PacketTrace, seed: int) -> dict[str, float | str]:  # noqa: ARG001
    """`tshark_packets`: share of the first `MOST` synthetic packets in which tshark finds no error.

    A packet is refused when tshark calls it malformed or has expert information of the severity "error" about it. The
    payload is zeros, so nothing above TCP and UDP is read. Checksums are right: the export writes them.
    """
    program = shutil.which("tshark")
    if program is None:
        return {"tshark_packets": "tshark is not installed"}
    from ntgbench.traffic.export import write_pcap

    some = synthetic.select(np.arange(min(len(synthetic), MOST)))
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "trace.pcap"
        try:
            write_pcap(some, capture)
            accepted = _accepted(program, capture)
        except TrafficError as error:
            return {"tshark_packets": f"the trace cannot be written as a capture: {error}"}
        except subprocess.TimeoutExpired:
            return {"tshark_packets": f"tshark took more than {SECONDS} seconds"}
    if len(accepted) != len(some):
        return {"tshark_packets": f"tshark read {len(accepted):,} of {len(some):,} packets"}
    return {"tshark_packets": float(np.mean(accepted))}


def _accepted(program: str, capture: Path) -> list[bool]:
    """Whether tshark finds no error, for each packet that it read.

    Raises subprocess.TimeoutExpired when it takes too long.
    """
    command = [program, "-n", "-r", str(capture), "-T", "fields", "-E", "occurrence=a", "-E", "separator=/t"]
    for field in ("frame.number", "_ws.malformed", "_ws.expert.severity"):
        command += ["-e", field]
    # Ports name no protocol whose messages the zeros could be taken for, and each packet stands alone.
    command += ["-d", "tcp.port==0-65535,data", "-d", "udp.port==0-65535,data"]
    for preference in ("ip.defragment", "ipv6.defragment", "tcp.desegment_tcp_streams", "tcp.analyze_sequence_numbers"):
        command += ["-o", f"{preference}:FALSE"]
    # The user's own settings of Wireshark do not count.
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(capture.parent)}
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False, env=environment
    )
    accepted = []
    for line in done.stdout.splitlines():
        number, malformed, severities = (*line.split("\t"), "", "")[:3]
        if number.isdigit():
            worst = max((int(one) for one in severities.split(",") if one.isdigit()), default=0)
            accepted.append(not malformed and worst < ERROR)
    return accepted
