"""Packet traces from tables of several captures, folders of captures, the command line, real traffic."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from click.testing import CliRunner
from made_packets import TCP, UDP, ipv4, pcap, tcp, udp
from made_trace_tables import HAND_REAL, cascadenet_csv, checksum, table_of
from real_traffic import REAL_TRAFFIC, needs_real_traffic

from ntgbench.cli.datasets import datasets
from ntgbench.datasets.loading import load_dataset
from ntgbench.datasets.traces import ENDINGS, read_trace
from ntgbench.errors import DatasetError, NtgbenchError
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.export import write_pcap
from ntgbench.traffic.trace_files import write_trace_file


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


def test_a_trace_that_is_too_short_to_split_says_what_was_left_out(tmp_path):
    (tmp_path / "made.csv").write_text(table_of(proto="6,1,17"))
    with pytest.raises(DatasetError, match=r"2 usable packets found.*; left out 1 packet: neither TCP nor UDP"):
        load_dataset(tmp_path / "made.csv", track="headers")


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
