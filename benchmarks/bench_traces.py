"""Packet traces in: a million packets from CSV, Parquet and a capture, beside plain pandas.

pandas only parses the columns; ours also checks them, and makes addresses, times and flags of them. extra_info holds
packets a second, and of the tables how many times as long as ours pandas takes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks.in_turn import in_turn
from ntgbench.datasets.traces import read_trace
from ntgbench.traffic.export import write_pcap
from ntgbench.traffic.trace import TCP, UDP, PacketTrace
from ntgbench.traffic.trace_files import write_trace_file

PACKETS = 1_000_000


@pytest.fixture(scope="module")
def trace() -> PacketTrace:
    """A million packets of about 20,000 hosts."""
    rng = np.random.default_rng(0)
    hosts = rng.integers(0, 2**32, 20_000)
    protocol = rng.choice([TCP, UDP], PACKETS)
    return PacketTrace.of(
        time_ns=np.sort(rng.integers(0, 10**9, PACKETS)) * 1000 + 1_500_000_000 * 10**9,
        source=rng.choice(hosts, PACKETS),
        destination=rng.choice(hosts, PACKETS),
        source_port=rng.integers(0, 2**16, PACKETS),
        destination_port=rng.choice([53, 80, 443], PACKETS),
        protocol=protocol,
        ip_length=rng.integers(40, 1501, PACKETS),
        ttl=rng.integers(1, 256, PACKETS),
        ip_id=rng.integers(0, 2**16, PACKETS),
        ip_flags=rng.choice([0, 2], PACKETS),
    )


def write_csv(trace: PacketTrace, path: Path, dotted: bool) -> None:
    """Write CascadeNet's columns."""
    import pyarrow.csv

    columns: dict[str, Any] = {
        "srcip": trace.source[:, 1] & 0xFFFF_FFFF,
        "dstip": trace.destination[:, 1] & 0xFFFF_FFFF,
        "srcport": trace.source_port,
        "dstport": trace.destination_port,
        "proto": trace.protocol,
        "time": trace.time_ns // 1000,
        "pkt_len": trace.ip_length,
        "version": np.full(len(trace), 4),
        "ihl": np.full(len(trace), 5),
        "tos": trace.tos,
        "id": trace.ip_id,
        "flag": np.where(trace.ip_flags == 2, "DF", ""),
        "off": trace.fragment_offset,
        "ttl": trace.ttl,
    }
    if dotted:
        for name in ("srcip", "dstip"):
            octets = columns[name].astype(">u4").view(np.uint8).reshape(-1, 4).astype(str)
            columns[name] = ["{}.{}.{}.{}".format(*row) for row in octets]
    pyarrow.csv.write_csv(pa.table(columns), path)


@pytest.mark.parametrize("form", ["csv", "dotted", "parquet"])
def bench_table(benchmark, tmp_path, trace, form: str):
    benchmark.group = "tables of a million packets"
    path = tmp_path / ("made.parquet" if form == "parquet" else "made.csv")
    if form == "parquet":
        write_trace_file(trace, path)
    else:
        write_csv(trace, path, form == "dotted")
    assert read_trace(path)[0].digest() == trace.digest()
    in_turn(
        benchmark,
        lambda: read_trace(path),
        lambda: pd.read_parquet(path) if form == "parquet" else pd.read_csv(path),
        rounds=2,
    )
    benchmark.extra_info["packets_per_second"] = round(1000 * PACKETS / benchmark.extra_info["ours_ms"])


def bench_capture(benchmark, tmp_path, trace):
    benchmark.group = "a capture of a million packets"
    path = tmp_path / "made.pcap"
    write_pcap(trace, path, payload=False)
    found = benchmark.pedantic(lambda: read_trace(path)[0], rounds=3, warmup_rounds=1)
    assert found.digest() == trace.digest()
    benchmark.extra_info["packets_per_second"] = round(PACKETS / benchmark.stats.stats.min)


def bench_write(benchmark, tmp_path, trace):
    benchmark.group = "a million packets to Parquet"
    benchmark.pedantic(write_trace_file, (trace, tmp_path / "made.parquet"), rounds=3, warmup_rounds=1)


def bench_flows(benchmark, trace):
    """5-tuples, beside pandas' groupby in the order of first appearance."""
    columns = {
        "srcip": trace.source[:, 1],
        "dstip": trace.destination[:, 1],
        "srcport": trace.source_port,
        "dstport": trace.destination_port,
        "proto": trace.protocol,
    }
    table = pd.DataFrame(columns)
    all_rows = np.arange(len(trace))
    in_turn(
        benchmark,
        lambda: len(trace.select(all_rows).flows),
        lambda: table.groupby(list(columns), sort=False).ngroup(),
        rounds=2,
    )
