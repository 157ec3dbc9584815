"""Tables with a row for each packet, as CascadeNet and others write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ntgbench.datasets.traces import read_trace
from ntgbench.traffic.trace_files import write_trace_file

if TYPE_CHECKING:
    from pathlib import Path

    from ntgbench.traffic.trace import PacketTrace

A = (167772161, 167772162, 1000, 80, 6)
B = (167772162, 167772161, 80, 1000, 6)
C = (167772163, 167772164, 5353, 53, 17)
D = (167772165, 167772166, 2000, 443, 6)

HAND_REAL = [
    *((0, A, 100, 64), (10, B, 1500, 50), (20, A, 40, 64), (1000, C, 80, 128), (1500, C, 80, 128), (2000, A, 40, 64)),
    *((2010, B, 1500, 50), (2020, B, 1500, 50), (5000, D, 60, 33), (6000, A, 40, 64), (8000, B, 40, 50)),
    (10000, A, 40, 64),
]
HAND_SYNTHETIC = [
    *((0, A, 100, 64), (10, B, 1400, 50), (30, A, 40, 64), (1000, C, 80, 128), (1600, D, 90, 33), (2000, A, 40, 64)),
    *((2010, B, 1500, 51), (2040, A, 1500, 64), (5500, D, 60, 33), (6000, A, 40, 64), (9000, B, 40, 50)),
    (10000, B, 40, 50),
]
"""The pair hand12 of the known values: ms, 5-tuple, length and TTL of each packet."""

US = 1_500_000_000_000_000
"""us since 1970 at which made traces begin."""

HEADER = "srcip,dstip,srcport,dstport,proto,time,pkt_len,version,ihl,tos,id,flag,off,ttl"
"""Columns of CascadeNet's CSV files."""


def cascadenet_csv(packets: list[tuple]) -> str:
    """Packets such as `HAND_REAL` as CascadeNet writes them."""
    rows = [
        f"{','.join(map(str, ends))},{US + 1000 * ms},{length},4,5,0,0,,0,{ttl}" for ms, ends, length, ttl in packets
    ]
    return "\n".join([HEADER, *rows, ""])


def written_table(trace: PacketTrace, folder: Path) -> pa.Table:
    """The columns of our Parquet file without what says that it is ours."""
    write_trace_file(trace, folder / "made.parquet")
    return pq.read_table(folder / "made.parquet").replace_schema_metadata({})


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a CSV file; text that is given as a dictionary is written out."""
    plain = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in table.columns]
    pyarrow.csv.write_csv(pa.table(dict(zip(table.column_names, plain, strict=True))), path)


def checksum(trace: PacketTrace) -> int:
    """As the program that makes the known-values pairs works it out."""
    assert (trace.time_ns % 1000 == 0).all()
    port = trace.source_port.astype(np.int64)
    return int(((trace.time_ns // 1000 % 1_000_003) * (trace.ip_length + port) % 1_000_003).sum())


def read_text(folder, text: str, name: str = "made.csv"):
    path = folder / name
    path.write_text(text)
    return read_trace(path)


def table_of(**columns: object) -> str:
    """A CSV file of three packets with some columns changed or, if None, left out; commas part the values."""
    usual: dict[str, object] = {
        "srcip": "1,2,3",
        "dstip": "4,5,6",
        "srcport": "10,11,12",
        "dstport": "80,53,443",
        "proto": "6,17,6",
        "time": f"{US},{US + 1},{US + 5}",
        "pkt_len": "40,28,1500",
        "ttl": "64,128,255",
    }
    held = {name: str(text).split(",") for name, text in {**usual, **columns}.items() if text is not None}
    rows = zip(*held.values(), strict=True)
    return "\n".join([",".join(held), *map(",".join, rows), ""])
