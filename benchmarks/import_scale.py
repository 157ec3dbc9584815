"""Time and memory of `ntgbench datasets import` on large captures: `python -m benchmarks.import_scale PACKETS`.

Captures are made on the spot: TCP connections of ten packets, a thousand at a time, 10,000 packets a second, with their
headers only, 70 bytes a record. Measured are a capture and a collection of equal captures, of a sixteenth, a quarter
and all of PACKETS, and two jobs against one on eight equal captures, in turn. Printed are packets, CPU seconds, packets
a CPU second, and the largest resident memory of any process (ru_maxrss, which is VmHWM: it counts no page of a file
that was only read). The folder for all that is below $TMPDIR, and takes 72 bytes a packet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

PACKETS_OF_FLOW, AT_A_TIME, PACKETS_A_SECOND = 10, 1000, 10_000
SYN, SYN_ACK, DATA = 0x02, 0x12, 0x18
_BLOCK = 1 << 18

RECORD = np.dtype(
    [
        *((name, "<u4") for name in ("seconds", "microseconds", "captured", "wire")),
        *(("addresses", "u1", 12), ("kind", ">u2"), ("version", "u1"), ("tos", "u1"), ("total", ">u2")),
        *(("id", ">u2"), ("fragment", ">u2"), ("ttl", "u1"), ("protocol", "u1"), ("checksum", ">u2")),
        *(("source", ">u4"), ("destination", ">u4"), ("from", ">u2"), ("to", ">u2"), ("sequence", ">u4")),
        *(("acknowledgement", ">u4"), ("offset", "u1"), ("flags", "u1"), ("window", ">u2"), ("rest", "u1", 4)),
    ]
)
"""A record of a pcap file: Ethernet, IPv4 and TCP headers."""


def write_capture(path: Path, packets: int) -> None:
    """A pcap file of so many packets."""
    head = np.array([0xA1B2C3D4, 2 | 4 << 16, 0, 0, 65535, 1], "<u4")
    with path.open("wb") as file:
        file.write(head.tobytes())
        for begin in range(0, packets, _BLOCK):
            file.write(records(np.arange(begin, min(begin + _BLOCK, packets))).tobytes())


def records(number: np.ndarray) -> np.ndarray:
    """The records of packets by their number in the capture."""
    round_, place = np.divmod(number, PACKETS_OF_FLOW * AT_A_TIME)
    step, slot = np.divmod(place, AT_A_TIME)
    flow = round_ * AT_A_TIME + slot
    up = step % 2 == 0
    client, server = 0x0A00_0000 + flow % 2**24, 0xC0A8_0000 + flow % 1000
    client_port = 1024 + flow // 2**24
    payload = np.where(step < 2, 0, 40 + (flow * 31 + step * 97) % 1400)
    # What both sides have sent is taken as 1500 bytes a packet, which is close enough for the sequence numbers.
    sent = np.where(step > 0, 1 + 1500 * (step // 2), 0)
    begins = flow * 0x9E37 % 2**32, flow * 0x79B9 % 2**32
    rows = np.zeros(len(number), RECORD)
    rows["seconds"] = 1_600_000_000 + number // PACKETS_A_SECOND
    rows["microseconds"] = number % PACKETS_A_SECOND * (1_000_000 // PACKETS_A_SECOND)
    rows["captured"], rows["wire"] = RECORD.itemsize - 16, RECORD.itemsize - 16 + payload
    rows["kind"], rows["version"], rows["ttl"], rows["protocol"] = 0x0800, 0x45, 64, 6
    rows["total"] = 40 + payload
    rows["source"], rows["destination"] = np.where(up, client, server), np.where(up, server, client)
    rows["from"], rows["to"] = np.where(up, client_port, 443), np.where(up, 443, client_port)
    rows["sequence"] = (np.where(up, *begins) + np.where(step == 1, 0, sent)) % 2**32
    rows["acknowledgement"] = np.where(step == 0, 0, (np.where(up, *begins[::-1]) + np.maximum(sent, 1)) % 2**32)
    rows["offset"], rows["flags"] = 0x50, np.choose(np.minimum(step, 2), [SYN, SYN_ACK, DATA])
    return rows


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_seconds: float
    mebibytes: float


def imported(source: Path, jobs: int) -> Cost:
    """Import a capture or a folder, in a process of its own."""
    out = source.with_name("imported.parquet")
    command = [sys.executable, "-m", "ntgbench", "datasets", "import", str(source), "--out", str(out), "--force"]
    begin = time.perf_counter()
    process = subprocess.Popen([*command, "-j", str(jobs)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    return Cost(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**10)


def collection(capture: Path, folder: Path, count: int) -> Path:
    """A folder of captures of two classes, which are all the same file."""
    for number in range(count):
        place = folder / f"class-{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.pcap").hardlink_to(capture)
    return folder


def report(what: str, packets: int, cost: Cost) -> None:
    """Print a line."""
    rate = packets / cost.cpu_seconds
    print(
        f"{what}: {packets:,} packets, {cost.cpu_seconds:.1f} CPU s, {rate:,.0f} packets a CPU s, "
        f"{cost.mebibytes:,.0f} MiB",
        flush=True,
    )


def main() -> None:
    """Measure, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packets", type=int)
    parser.add_argument("--only", choices=["capture", "collection", "jobs"], help="measure only this")
    parser.add_argument("--rounds", type=int, default=3, help="of one job against two")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.only in (None, "capture"):
            for part in (16, 4, 1):
                write_capture(folder / "one.pcap", given.packets // part)
                report("a capture", given.packets // part, imported(folder / "one.pcap", 1))
        if given.only in (None, "collection"):
            write_capture(folder / "one.pcap", given.packets // 64)
            for count in (4, 16, 64):
                source = collection(folder / "one.pcap", folder / f"of-{count}", count)
                report(f"{count} captures", given.packets // 64 * count, imported(source, 1))
        if given.only in (None, "jobs"):
            write_capture(folder / "one.pcap", given.packets // 64)
            source = collection(folder / "one.pcap", folder / "eight", 8)
            costs = [[imported(source, jobs) for jobs in (1, 2)] for _ in range(given.rounds)]
            one, two = (min(cost.seconds for cost in column) for column in zip(*costs, strict=True))
            what = f"8 captures of {given.packets // 64:,} packets"
            print(f"{what}: {one:.1f} s with one job, {two:.1f} s with two: {one / two:.2f}x", flush=True)


if __name__ == "__main__":
    main()
