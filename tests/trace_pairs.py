"""Pairs of a real and a synthetic trace whose distances under the reference code of CascadeNet are known.

`hand12` is made by hand; the others are perturbed captures, made anew from the folder of real traffic.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from real_traffic import REAL_TRAFFIC

from ntgbench.traffic.trace import PacketTrace

Trace = dict[str, Any]
"""Columns by name, times in us."""

BOOKS = "sean_kennedy/what_are_the_most_popular_books_this_week_5.pcap"

CHECKSUMS = {
    "hand12": (5470184, 5322636),
    "alexa_jitter": (3058606019, 3073526275),
    "iot_shuffle": (6043954861, 6011050607),
    "iot_fields": (4982667064, 4990639118),
    "iot_windows": (10089222941, 9061667490),
}


def trace_pair(name: str) -> tuple[PacketTrace, PacketTrace]:
    """The real and the synthetic trace; all but hand12 need real traffic."""
    real, synthetic = globals()[f"_{name}"]()
    assert (_checksum(real), _checksum(synthetic)) == CHECKSUMS[name]
    return _packets(real), _packets(synthetic)


def _packets(trace: Trace) -> PacketTrace:
    columns = {name: column for name, column in trace.items() if name != "time"}
    return PacketTrace.of(time_ns=trace["time"] * 1000, **columns)


def _checksum(trace: Trace) -> int:
    return int(np.sum((trace["time"] % 1000003) * (trace["ip_length"] + trace["source_port"]) % 1000003))


def _hand12() -> tuple[Trace, Trace]:
    """Twelve packets of four flows in 10 s, as (ms, flow, length, TTL)."""
    a, b, c, d = (
        (167772161, 167772162, 1000, 80, 6),
        (167772162, 167772161, 80, 1000, 6),
        (167772163, 167772164, 5353, 53, 17),
        (167772165, 167772166, 2000, 443, 6),
    )
    one = [(0, a, 100, 64), (10, b, 1500, 50), (20, a, 40, 64), (1000, c, 80, 128), (1500, c, 80, 128)]
    one += [(2000, a, 40, 64), (2010, b, 1500, 50), (2020, b, 1500, 50), (5000, d, 60, 33), (6000, a, 40, 64)]
    one += [(8000, b, 40, 50), (10000, a, 40, 64)]
    other = [(0, a, 100, 64), (10, b, 1400, 50), (30, a, 40, 64), (1000, c, 80, 128), (1600, d, 90, 33)]
    other += [(2000, a, 40, 64), (2010, b, 1500, 51), (2040, a, 1500, 64), (5500, d, 60, 33), (6000, a, 40, 64)]
    other += [(9000, b, 40, 50), (10000, b, 40, 50)]
    return _by_hand(one), _by_hand(other)


def _by_hand(rows: list[Any]) -> Trace:
    names = ("source", "destination", "source_port", "destination_port", "protocol")
    trace: Trace = dict(zip(names, np.array([row[1] for row in rows], np.int64).T, strict=True))
    times, _, lengths, ttl = zip(*rows, strict=True)
    return trace | {
        "time": np.array(times, np.int64) * 1000 + 1_500_000_000_000_000,
        "ip_length": np.array(lengths, np.int64),
        "ttl": np.array(ttl, np.int64),
    }


def _alexa_jitter() -> tuple[Trace, Trace]:
    """Normal noise of 50 ms on all times."""
    real = _capture("alexa_voice_ipv4", BOOKS)
    noise = np.random.default_rng(11).normal(0, 50_000, len(real["time"]))
    time = np.maximum(real["time"] + np.rint(noise).astype(np.int64), real["time"][0])
    return real, _in_time(real | {"time": time})


def _iot_shuffle() -> tuple[Trace, Trace]:
    """Gaps between packets shuffled."""
    real = _part(_stitched("D-LinkHomeHub|"), 0, 12_000)
    gaps = np.random.default_rng(12).permutation(np.diff(real["time"]))
    return real, real | {"time": np.concatenate([[0], np.cumsum(gaps)]) + real["time"][0]}


def _iot_fields() -> tuple[Trace, Trace]:
    """Lengths and TTL drawn anew, apart from each other."""
    real = _part(_stitched("D-LinkSwitch|"), 0, 10_000)
    rng, count = np.random.default_rng(13), len(real["time"])
    rows, others = rng.integers(0, count, count), rng.integers(0, count, count)
    length = real["ip_length"][rows]
    length = np.where((real["protocol"] == 6) & (length < 40), 40, length)
    return real, real | {"ip_length": length, "ttl": real["ttl"][others]}


def _iot_windows() -> tuple[Trace, Trace]:
    """Two windows of the same device."""
    trace = _stitched("HueSwitch|")
    return _part(trace, 0, 20_000), _part(trace, 20_000, 38_000)


@cache
def _table(name: str) -> Trace:
    """TCP and UDP packets of all captures; `key` names device and capture."""
    from pyarrow import parquet

    table = parquet.read_table(REAL_TRAFFIC / "traces" / f"{name}.parquet")
    columns = {column: table[column].to_numpy() for column in table.column_names}
    key = columns["capture"].astype(str)
    if "device" in columns:
        key = np.array([f"{device}|{capture}" for device, capture in zip(columns["device"], key, strict=True)])
    trace: Trace = {
        "source": _addresses(columns["srcip"]),
        "destination": _addresses(columns["dstip"]),
        "source_port": columns["srcport"].astype(np.int64),
        "destination_port": columns["dstport"].astype(np.int64),
        "protocol": columns["proto"].astype(np.int64),
        "ip_length": columns["pkt_len"].astype(np.int64),
        "ttl": columns["ttl"].astype(np.int64),
        "time": np.rint(columns["timestamp"] * 1e6).astype(np.int64),
        "key": key,
    }
    return _select(trace, (trace["protocol"] == 6) | (trace["protocol"] == 17))


def _addresses(texts: Any) -> Any:
    distinct, number = np.unique(texts.astype(str), return_inverse=True)
    return np.array([int.from_bytes(bytes(map(int, text.split("."))), "big") for text in distinct])[number]


def _capture(name: str, key: str) -> Trace:
    table = _table(name)
    trace = _select(table, table["key"] == key)
    return _in_time({name: column for name, column in trace.items() if name != "key"})


def _stitched(prefix: str) -> Trace:
    """All captures of a device, one after the other, a second apart."""
    now, parts = 1_500_000_000_000_000, []
    for key in sorted({key for key in _table("iot_sentinel_ipv4")["key"].tolist() if key.startswith(prefix)}):
        part = _capture("iot_sentinel_ipv4", key)
        part["time"] = part["time"] - part["time"][0] + now
        now = part["time"][-1] + 1_000_000
        parts.append(part)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _part(trace: Trace, begin: int, end: int) -> Trace:
    return {name: column[begin:end] for name, column in trace.items()}


def _select(trace: Trace, rows: Any) -> Trace:
    return {name: column[rows] for name, column in trace.items()}


def _in_time(trace: Trace) -> Trace:
    return _select(trace, np.argsort(trace["time"], kind="stable"))
