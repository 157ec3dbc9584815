"""Packet traces from tables, captures and folders: what is read, what is changed and said, what is refused."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from made_packets import TCP, UDP, ipv4, pcap, tcp, udp
from made_trace_tables import HAND_REAL, HAND_SYNTHETIC, HEADER, cascadenet_csv, write_csv, written_table
from made_traces import traces
from real_traffic import REAL_TRAFFIC, needs_real_traffic

from ntgbench.cli.datasets import datasets
from ntgbench.datasets.loading import load_dataset
from ntgbench.datasets.traces import ENDINGS, read_trace
from ntgbench.errors import DatasetError, NtgbenchError
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.export import write_pcap
from ntgbench.traffic.trace_files import write_trace_file

if TYPE_CHECKING:
    from ntgbench.traffic.trace import PacketTrace

US = 1_500_000_000_000_000


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
        ({"pkt_len": "20,28,39"}, "payload_length", [0, 0, 0], "kept 2 packets that are too short for their headers"),
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


def in_captures(folder, **columns: object):
    text = table_of(time=None, timestamp="1000.5,10.25,1001.75", capture="b,a,b", **columns)
    (folder / "captures.csv").write_text(text)
    return folder / "captures.csv"


def test_captures_of_a_table_are_laid_end_to_end(tmp_path):
    trace, notes = read_trace(in_captures(tmp_path))
    assert trace.ip_length.tolist() == [28, 40, 1500]
    assert (trace.time_ns - 1_500_000_000 * 10**9).tolist() == [0, 10**9, 2_250_000_000]
    assert notes == ("laid 2 captures end to end, a second apart, in the order of their names",)


def test_one_capture_of_a_table_keeps_its_times(tmp_path):
    trace, notes = read_trace(in_captures(tmp_path), capture="b")
    assert trace.time_ns.tolist() == [1_000_500_000_000, 1_001_750_000_000]
    assert notes == ()
    trace, _ = read_trace(in_captures(tmp_path, device="x,y,z"), capture="x|")
    assert trace.ip_length.tolist() == [40]
    with pytest.raises(DatasetError, match="no capture has a name that begins with 'c'; some are b, a"):
        read_trace(in_captures(tmp_path), capture="c")
    (tmp_path / "made.csv").write_text(table_of())
    with pytest.raises(DatasetError, match="no column capture"):
        read_trace(tmp_path / "made.csv", capture="c")


def test_captures_of_a_folder_are_merged_in_the_order_of_time(tmp_path):
    whole = example_trace()
    later = np.arange(len(whole)) % 2 == 1
    (tmp_path / "link" / "deep").mkdir(parents=True)
    write_pcap(whole.select(~later), tmp_path / "link" / "z.pcap")
    write_pcap(whole.select(later), tmp_path / "link" / "deep" / "a.pcap", payload=False)
    (tmp_path / "link" / "b.pcap").write_bytes(b"no capture")
    (tmp_path / "link" / "notes.txt").write_text("no capture")
    trace, notes = read_trace(tmp_path / "link")
    assert trace.time_ns.tolist() == whole.time_ns.tolist()
    assert sorted(trace.ip_length.tolist()) == sorted(whole.ip_length.tolist())
    assert notes[0].startswith("merged 2 captures in the order of time; the longest pause without a packet is ")
    assert notes[1].startswith("skipped 1 capture that cannot be read: b.pcap (")
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="has no capture"):
        read_trace(tmp_path / "none")


def test_the_header_of_a_first_fragment_stands_for_the_datagram(tmp_path):
    first = bytearray(ipv4(udp(1472, length=2000), UDP, fragment=0x6000, identification=9))
    first[1] = 0xB8
    last = ipv4(bytes(520), UDP, fragment=0x00B9, identification=9)
    path = tmp_path / "fragments.pcap"
    path.write_bytes(pcap([bytes(first), last, ipv4(tcp(5), TCP, fragment=0x4000, identification=65535)], 101))
    trace, _ = read_trace(path)
    assert trace.tos.tolist() == [0xB8, 0]
    assert trace.ip_id.tolist() == [9, 65535]
    assert trace.ip_flags.tolist() == [2, 2]
    assert trace.fragment_offset.tolist() == [0, 0]
    assert trace.ip_length.tolist() == [2020, 45]


def call(*arguments):
    return CliRunner().invoke(datasets, [str(argument) for argument in arguments])


def test_a_trace_is_imported_and_loaded(tmp_path):
    source, out = tmp_path / "made.csv", tmp_path / "deep" / "made.parquet"
    source.write_text(cascadenet_csv(HAND_REAL) + "1,2,,4,6,1600000000000000,40,4,5,0,0,,0,64\n")
    result = call("import", source, "--track", "headers", "--out", out)
    assert (result.exit_code, result.stdout) == (0, f"12 packets of 4 flows in {out}\n")
    assert result.stderr == "note: left out 1 packet: no srcport\n"
    loaded = load_dataset(out, track="headers")
    assert (loaded.name, loaded.notes) == ("made", ())
    assert loaded.traffic.digest() == load_dataset(source, track="headers").traffic.digest()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--track", "headers", "--packets", "3"], "--packets does not apply to --track headers"),
        (["--track", "headers", "--labels", "x"], "--labels does not apply to --track headers"),
        (["--capture", "x"], "--capture does not apply to --track biflows"),
    ],
)
def test_options_of_the_other_track_are_refused(tmp_path, options: list[str], message: str):
    result = call("import", tmp_path, "--out", tmp_path / "out.parquet", *options)
    assert result.exit_code == 2
    assert message in result.output


def test_every_ending_is_that_of_a_readable_file(tmp_path):
    for ending in ENDINGS:
        path = tmp_path / f"made{ending.upper()}"
        if ending == ".parquet":
            write_trace_file(example_trace(), path)
        elif ".csv" in ending:
            path.write_text(cascadenet_csv(HAND_REAL))
        else:
            write_pcap(example_trace(), path)
        if ending.endswith(".gz"):
            path.write_bytes(gzip.compress(path.read_bytes()))
        assert len(read_trace(path)[0]) > 0


@needs_real_traffic
@pytest.mark.parametrize(
    ("table", "capture", "begin", "end", "known"),
    [
        ("alexa_voice", "sean_kennedy/what_are_the_most_popular_books_this_week_5.pcap", 0, None, 3058606019),
        ("iot_sentinel", "D-LinkHomeHub|", 0, 12000, 6043954861),
        ("iot_sentinel", "D-LinkSwitch|", 0, 10000, 4982667064),
        ("iot_sentinel", "HueSwitch|", 0, 20000, 10089222941),
        ("iot_sentinel", "HueSwitch|", 20000, 38000, 9061667490),
    ],
)
def test_the_known_pairs_come_from_the_shared_traces(table: str, capture: str, begin: int, end: int, known: int):
    trace, _ = read_trace(REAL_TRAFFIC / "traces" / f"{table}_ipv4.parquet", capture=capture)
    assert checksum(trace.select(np.arange(len(trace))[begin:end])) == known


@needs_real_traffic
def test_real_captures_are_read_or_refused_and_written_back(tmp_path):
    read = 0
    for path in sorted((REAL_TRAFFIC / "pcaps").iterdir())[::8]:
        try:
            trace, _ = read_trace(path)
        except NtgbenchError:
            continue
        read += 1
        write_pcap(trace, tmp_path / "copy.pcap", payload=False)
        assert read_trace(tmp_path / "copy.pcap")[0].digest() == trace.digest(), path.name
    assert read > 60
