"""Packet traces from tables, captures and folders: what is read, what is changed and said, what is refused."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from made_trace_tables import (
    HAND_REAL,
    HAND_SYNTHETIC,
    HEADER,
    US,
    cascadenet_csv,
    checksum,
    read_text,
    table_of,
    write_csv,
    written_table,
)
from made_traces import traces

from ntgbench.datasets.traces import read_trace
from ntgbench.errors import DatasetError
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.export import write_pcap

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace


def test_the_hand_made_pair_is_read_exactly(tmp_path):
    real, notes = read_text(tmp_path, cascadenet_csv(HAND_REAL))
    synthetic, more = read_text(tmp_path, cascadenet_csv(HAND_SYNTHETIC))
    assert (notes, more) == ((), ())
    assert (checksum(real), checksum(synthetic)) == (5470184, 5322636)
    assert (len(real), len(real.flows), real.span_ns) == (12, 4, 10 * 10**9)
    assert real.ip_length.tolist() == [length for _, _, length, _ in HAND_REAL]
    assert real.ttl.tolist() == [ttl for *_, ttl in HAND_REAL]
    assert real.time_ns.tolist() == [(US + 1000 * ms) * 1000 for ms, *_ in HAND_REAL]
    assert real.payload_length.tolist()[:4] == [60, 1460, 0, 52]


def test_order_of_columns_form_of_addresses_and_compression_do_not_matter(tmp_path):
    wanted, _ = read_text(tmp_path, cascadenet_csv(HAND_REAL))
    header, *rows = cascadenet_csv(HAND_REAL).splitlines()
    indexed = "\n".join([f",{header}", *(f"{i},{row}" for i, row in enumerate(rows))])
    turned = "\n".join(",".join(line.split(",")[::-1]) for line in [header, *rows])
    dotted = "\n".join([header, *rows]).replace("1677721", "10.0.0.").replace("10.0.0.6", "10.0.0.")
    floats = "\n".join([header, *(row.replace(",4,5,", ".0,4,5,").replace(",", ".0,", 4) for row in rows)])
    upper = "\n".join([header.upper().replace(",", " , "), *rows])
    for text in (indexed, turned, dotted, floats, upper, "\r\n".join([f"\ufeff{header}", *rows])):
        found, notes = read_text(tmp_path, text)
        assert (found.digest(), notes) == (wanted.digest(), ()), text[:300]
    (tmp_path / "made.csv.gz").write_bytes(gzip.compress(cascadenet_csv(HAND_REAL).encode()))
    assert read_trace(tmp_path / "made.csv.gz")[0].digest() == wanted.digest()


@given(traces())
@settings(max_examples=25)
def test_every_column_comes_back_from_tables_and_captures(tmp_path_factory, made: PacketTrace):
    folder = tmp_path_factory.mktemp("made")
    table = written_table(made, folder)
    pq.write_table(table, folder / "foreign.parquet")
    write_csv(table, folder / "made.csv")
    write_pcap(made, folder / "made.pcap", payload=False)
    for name in ("made.parquet", "foreign.parquet", "made.csv", "made.pcap"):
        assert read_trace(folder / name)[0].digest() == made.digest(), name


@pytest.mark.parametrize(
    ("flag", "numbers"),
    [
        ("DF,,MF", [2, 0, 1]),
        ("MF+DF,DF+evil, evil", [3, 6, 4]),
        ("0,2,7", [0, 2, 7]),
        ("2.0,,1.0", [2, 0, 1]),
        ("nan,DF,DF", [0, 2, 2]),
        (",,", [0, 0, 0]),
    ],
)
def test_flags_are_names_or_numbers(tmp_path, flag: str, numbers: list[int]):
    assert read_text(tmp_path, table_of(flag=flag))[0].ip_flags.tolist() == numbers


@pytest.mark.parametrize(
    ("columns", "after_ns"),
    [
        ({"time": f"{US},{US + 1},{US + 5}"}, [0, 1000, 5000]),
        ({"time": f"{US}.0,{US}.123,{US + 1}.25"}, [0, 123, 1250]),
        ({"time": f"{US}.0,{US}.1234567890123,{US + 1}"}, [0, 0, 1000]),
        ({"time": "0.0,0.000000001,2.5"}, [0, 1, 2_500_000_000]),
        ({"time": "0,1,2"}, [0, 1000, 2000]),
        ({"time": "1e0,1.5e0,2e0"}, [0, 500_000_000, 10**9]),
        ({"time": None, "timestamp": "1500000000.123456789,1500000000.123456790,1500000001"}, [0, 1, 876_543_211]),
        ({"time": None, "time_ns": "5,6,1005"}, [0, 1, 1000]),
    ],
)
def test_times_are_exact_in_every_unit(tmp_path, columns: dict, after_ns: list[int]):
    trace, notes = read_text(tmp_path, table_of(**columns))
    assert notes == ()
    tolerance = 130 if "1234567890123" in str(columns) else 0  # more digits than a number of 64 bits tells apart
    assert np.abs(trace.time_ns - trace.time_ns[0] - after_ns).max() <= tolerance


def test_protocols_are_numbers_or_names(tmp_path):
    trace, notes = read_text(tmp_path, table_of(proto="tcp,UDP,ICMP"))
    assert trace.protocol.tolist() == [6, 17]
    assert notes == ("left out 1 packet: neither TCP nor UDP",)
    with pytest.raises(DatasetError, match=r"column 'proto', row 1: 'http' is not a protocol such as tcp or udp"):
        read_text(tmp_path, table_of(proto="tcp,http,udp"))


def test_seconds_of_floats_are_whole_microseconds(tmp_path):
    table = pa.table({name: [1, 2] for name in ("srcip", "dstip", "srcport", "dstport", "ttl")})
    table = table.append_column("proto", [[6, 17]]).append_column("pkt_len", [[40, 41]])
    seconds = pa.array([1_460_733_001.654321, 1_460_733_000.123457])
    pq.write_table(table.append_column("timestamp", seconds), tmp_path / "seconds.parquet")
    trace, notes = read_trace(tmp_path / "seconds.parquet")
    assert trace.time_ns.tolist() == [1_460_733_000_123_457_000, 1_460_733_001_654_321_000]
    assert trace.ip_length.tolist() == [41, 40]
    assert notes == ("sorted packets that were not in the order of their times",)


@pytest.mark.parametrize(
    ("columns", "column", "values", "note"),
    [
        ({"pkt_len": "759.308,40.0,41"}, "ip_length", [759, 40, 41], "cut off the fraction of 1 value of pkt_len"),
        ({"pkt_len": "-3,0,70000"}, "ip_length", [1, 1, 65535], "clipped 3 values of pkt_len to 1..65535"),
        ({"ttl": "-0.5,256,64"}, "ttl", [0, 255, 64], "clipped 1 value of ttl to 0..255"),
        ({"srcport": "65536,-1,80"}, "source_port", [65535, 0, 80], "clipped 2 values of srcport to 0..65535"),
        ({"off": "0,9000,2.7"}, "fragment_offset", [0, 8191, 2], "clipped 1 value of off to 0..8191"),
        ({"flag": "0,9,2"}, "ip_flags", [0, 7, 2], "clipped 1 value of flag to 0..7"),
        ({"tos": ",256,nan"}, "tos", [0, 255, 0], "clipped 1 value of tos to 0..255"),
        ({"proto": "6,1,17"}, "protocol", [6, 17], "left out 1 packet: neither TCP nor UDP"),
        ({"proto": "6,,17.9"}, "protocol", [6, 17], "left out 1 packet: no proto"),
        ({"dstport": "80,,443"}, "destination_port", [80, 443], "left out 1 packet: no dstport"),
        ({"srcip": "1,nan,3"}, "source_port", [10, 12], "left out 1 packet: no srcip"),
        ({"srcip": "10.0.0.1,,::1"}, "source_port", [10, 12], "left out 1 packet: no srcip"),
        ({"pkt_len": "40,inf,41"}, "ip_length", [40, 41], "left out 1 packet: no pkt_len"),
        ({"time": f"{US},,{US}"}, "ttl", [64, 255], "left out 1 packet: no time between 1824 and 2116"),
        ({"time": f"{US},99999999999999999,1"}, "ttl", [255, 64], "left out 1 packet: no time between 1824 and 2116"),
        ({"pkt_len": "20,28,39"}, "payload_length", [0, 0, 0], "2 packets are too short for their headers"),
        ({"tcp_flags": "2,2,16"}, "tcp_flags", [2, 0, 16], "set tcp_flags of 1 UDP packet to 0"),
        ({"payload_len": "0,1,1500"}, "payload_length", [0, 1, 1499], "cut 1 payload to the length of the packet"),
        ({"srcip": f"-1,{2**32},5.5"}, "source_port", [10, 11, 12], "clipped 2 values of srcip to 0..4294967295"),
    ],
)
def test_what_is_changed_or_left_out_is_said(tmp_path, columns: dict, column: str, values: list[int], note: str):
    trace, notes = read_text(tmp_path, table_of(**columns))
    assert getattr(trace, column).tolist() == values
    assert note in notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty, it has 0 bytes"),
        (f"{HEADER}\n", "the table is empty: it has columns but no row"),
        (table_of(ttl=None, dstport=None), "there is no column dstport, ttl; the columns are srcip, dstip"),
        (table_of(time=None), "there is no column time"),
        (table_of().replace("ttl", "ttl,ttl", 1).replace("\n", ",1\n").replace(",1\n", "\n", 1), "2 columns called"),
        (table_of(pkt_len="40,41,x"), "column 'pkt_len', row 2: 'x' is not a number"),
        (table_of(srcip="1,2,three"), "column 'srcip', row 2: 'three' is not a number"),
        (table_of(srcip="10.0.0.1,10.0.0.256,10.0.0.300"), "column 'srcip', row 1: '10.0.0.256' is not an IP address"),
        (table_of(dstip="::1,10.0.0.1,12"), "column 'dstip', row 2: '12' is not an IP address"),
        (table_of(flag="DF,FD,x"), "column 'flag', row 1: 'FD' is not a set of flags such as DF or MF"),
        (table_of(time="1,2018-01-01,3"), "column 'time', row 1: '2018-01-01' is not a number"),
        (f"{HEADER}\n1,2,3\n", "is not a readable CSV table: .*Expected 14 columns, got 3"),
        (table_of(proto="1,2,50"), "holds no usable packet: left out 3 packets: neither TCP nor UDP"),
        (
            "srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type\n1,2,3,4,6,0,1,5,9,x\n",
            r"a flow \(column byt, pkt, td",
        ),
        ("app,pkts_len,pkts_dir\na,1,1\n", "a row of this table is a flow"),
        ("#separator \\x09\n#fields\tts\tuid\tid.orig_h\n", "is a log of Zeek"),
        ('{"ts":1.5,"uid":"C1","id.orig_h":"10.0.0.1"}\n', "is a log of Zeek"),
        ("\0\1\2", "is not a readable CSV table"),
    ],
)
def test_what_holds_no_packets_is_refused(tmp_path, text: str, message: str):
    with pytest.raises(DatasetError, match=message):
        read_text(tmp_path, text)


def test_a_log_of_zeek_is_refused_whatever_it_is_called(tmp_path):
    with pytest.raises(DatasetError, match="give the capture that Zeek has read"):
        read_text(tmp_path, "#separator \\x09\n", "conn.log")


def test_a_table_over_the_limit_is_refused(tmp_path):
    (tmp_path / "made.csv").write_text(table_of())
    with pytest.raises(DatasetError, match="raise the limit"):
        read_trace(tmp_path / "made.csv", size_limit=100)
    pq.write_table(written_table(example_trace(), tmp_path), tmp_path / "foreign.parquet")
    with pytest.raises(DatasetError, match="raise the limit"):
        read_trace(tmp_path / "foreign.parquet", size_limit=1000)
