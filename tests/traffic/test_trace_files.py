"""Our Parquet files of packet traces."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from made_traces import traces

from ntgbench.errors import TrafficError
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.flow_files import METADATA_KEY
from ntgbench.traffic.trace import PacketTrace
from ntgbench.traffic.trace_files import is_trace_file, read_trace_file, write_trace_file


@given(traces(ordered=False))
@settings(max_examples=20)
def test_a_trace_comes_back_as_it_was(tmp_path_factory, made: PacketTrace):
    path = tmp_path_factory.mktemp("made") / "made.parquet"
    write_trace_file(made, path)
    assert is_trace_file(path)
    assert read_trace_file(path).digest() == made.digest()
    write_trace_file(made.select([]), path)
    assert read_trace_file(path).digest() == made.select([]).digest()


def test_addresses_are_text_that_others_read(tmp_path):
    address = np.array([[0, 0xFFFF_0A00_00FF], [0x2001_0DB8 << 32, 1], [0, 1]], np.uint64)
    write_trace_file(example_trace().select([0, 1, 2]), tmp_path / "a.parquet")
    write_trace_file(
        PacketTrace.of(
            time_ns=[0, 1, 2],
            source=address,
            destination=address[::-1],
            source_port=[1, 2, 3],
            destination_port=[1, 2, 3],
            protocol=[6, 6, 6],
            ip_length=[80, 80, 80],
            ttl=[1, 1, 1],
        ),
        tmp_path / "b.parquet",
    )
    table = pq.read_table(tmp_path / "b.parquet")
    assert table.column("srcip").to_pylist() == ["10.0.0.255", "2001:db8::1", "::1"]
    assert table.column("dstip").to_pylist() == ["::1", "2001:db8::1", "10.0.0.255"]


def damaged(path, change):
    """The file again, with other columns or metadata."""
    table = pq.read_table(path)
    pq.write_table(change(table), path)


def with_column(name, values):
    return lambda table: table.set_column(table.column_names.index(name), name, values)


def with_head(head):
    return lambda table: table.replace_schema_metadata({METADATA_KEY: json.dumps(head)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.replace_schema_metadata({}), "is not a packet trace of format 1"),
        (with_head([]), "is not a packet trace of format 1"),
        (with_head({"kind": "packet trace", "format": 99}), "is not a packet trace of format 1"),
        (lambda table: table.drop_columns(["ttl", "off"]), "has no column ttl, off"),
        (with_column("srcip", pa.array(["10.0.0.1", "10.0.0.256", "10.0.0.1"])), "cannot be read: .*10.0.0.256"),
        (with_column("srcip", pa.array(["10.0.0.1", None, "10.0.0.1"])), "cannot be read: an address is missing"),
        (with_column("srcip", pa.array([1, 2, 3])), "cannot be read"),
        (with_column("ttl", pa.array([1, 2, 3])), "ttl must be uint8"),
        (with_column("proto", pa.array([6, 1, 6], pa.uint8())), "row 1: protocol is 6"),
        (with_column("pkt_len", pa.array([0, 0, 0], pa.int32())), "row 0: payload_length is less than ip_length"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, message: str):
    path = tmp_path / "made.parquet"
    write_trace_file(example_trace().select([0, 1, 2]), path)
    damaged(path, change)
    with pytest.raises(TrafficError, match=message):
        read_trace_file(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_refused(tmp_path, content: bytes):
    path = tmp_path / "made.parquet"
    path.write_bytes(content)
    assert not is_trace_file(path)
    with pytest.raises(TrafficError, match="cannot be read"):
        read_trace_file(path)


def test_a_file_over_the_limit_is_refused(tmp_path):
    write_trace_file(example_trace(), tmp_path / "made.parquet")
    with pytest.raises(TrafficError, match="raise the limit"):
        read_trace_file(tmp_path / "made.parquet", limit=1000)
