"""Time and memory of `ntgbench measure` on two large traces: `python -m benchmarks.trace_scale PACKETS [SUITE ...]`.

The traces are made up: flows with heavy-tailed sizes, about ten packets each, log-normal gaps, lengths with two modes.
They are written as CSV files of the reference's form, so that reading them counts too. Without a suite, all are
measured. Prints wall-clock seconds and the largest resident memory of each command.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ntgbench.traffic.trace import ACK, TCP, UDP, PacketTrace

EPOCH_NS = 1_521_118_773 * 10**9
SECONDS = 60


def large_trace(packets: int, seed: int) -> PacketTrace:
    """A trace of exactly so many packets in a minute; traces of other seeds have the same distributions."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(1 + rng.pareto(1.1, packets // 3), packets / 50).astype(np.int64)
    sizes = sizes[: np.searchsorted(np.cumsum(sizes), packets) + 1]
    flow = np.repeat(np.arange(len(sizes)), sizes)[:packets]
    begins = np.flatnonzero(np.diff(flow, prepend=-1))
    after = np.cumsum(rng.lognormal(16, 2.5, packets))
    after -= np.repeat(after[begins], np.diff(np.append(begins, packets)))
    start = np.sort(rng.random(len(sizes))) * SECONDS * 1e9
    # Whole microseconds, as in the reference's files.
    time_us = ((start[flow] + after) % (SECONDS * 1e9) / 1e3).astype(np.int64)
    hosts = np.minimum(rng.zipf(1.3, (2, len(sizes))), 2**20) + 0x0A00_0000
    service = rng.choice([53, 80, 123, 443, 8080], len(sizes), p=[0.2, 0.15, 0.05, 0.55, 0.05])
    udp = (service == 53) | (service == 123)
    long = rng.random(packets) < 0.4
    length = np.where(long, 1500, rng.integers(40, 300, packets))
    return PacketTrace.of(
        time_ns=EPOCH_NS + time_us * 1000,
        source=hosts[0][flow],
        destination=hosts[1][flow],
        source_port=rng.integers(1024, 65536, len(sizes))[flow],
        destination_port=service[flow],
        protocol=np.where(udp, UDP, TCP)[flow],
        ip_length=length,
        ttl=rng.integers(30, 65, len(sizes))[flow],
        tcp_flags=np.where(udp[flow], 0, ACK),
    ).sorted_by_time()


def write_csv(trace: PacketTrace, path: Path) -> None:
    """The columns of the reference's files, addresses as integers."""
    import pyarrow as pa
    import pyarrow.csv

    zeros = np.zeros(len(trace), np.int64)
    columns = {
        "srcip": trace.source[:, 1].astype(np.uint32),
        "dstip": trace.destination[:, 1].astype(np.uint32),
        "srcport": trace.source_port,
        "dstport": trace.destination_port,
        "proto": trace.protocol,
        "time": trace.time_ns // 1000,
        "pkt_len": trace.ip_length,
        "version": zeros + 4,
        "ihl": zeros + 5,
        "tos": trace.tos,
        "id": trace.ip_id,
        "flag": pa.array([""]).take(pa.array(zeros)),
        "off": trace.fragment_offset,
        "ttl": trace.ttl,
    }
    pa.csv.write_csv(pa.table(columns), path)


def main() -> None:
    """Measure, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packets", type=int)
    parser.add_argument("suites", nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name) / "real.csv", Path(name) / "synthetic.csv"]
        for seed, path in enumerate(files, 1):
            write_csv(large_trace(given.packets, seed), path)
        command = [sys.executable, "-m", "ntgbench", "measure", *map(str, files), "--track", "headers", "--json"]
        for suite in given.suites or [""]:
            begin = time.perf_counter()
            chosen = ["--suite", suite] if suite else []
            process = subprocess.Popen([*command, *chosen], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begin
            print(
                f"{given.packets:,} packets a side, {suite or 'all suites'}: {seconds:.1f} s, "
                f"{usage.ru_maxrss / 2**20:.2f} GiB, exit status {os.waitstatus_to_exitcode(status)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
