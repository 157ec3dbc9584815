"""`ntgbench datasets` as people call it."""

import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ntgbench.cli.datasets import datasets
from ntgbench.datasets.loading import load_dataset
from ntgbench.datasets.reading import read_flows
from ntgbench.errors import DatasetError
from ntgbench.traffic.segmentation import ACTIVE_TIMEOUT, IDLE_TIMEOUT
from ntgbench.words import pluralised


def call(*arguments):
    return CliRunner().invoke(datasets, [str(argument) for argument in arguments])


def source(path, packets=40):
    lengths = [list(range(1000, 1000 + packets * 50, 50))] * 3
    rows = {"service": ["b", "a", "b"], "pkts_len": lengths, "pkts_dir": [[1] * (packets - 1) + [-1]] * 3}
    pq.write_table(pa.table(rows), path)
    return path


def test_import_keeps_lengths_and_says_what_it_did(tmp_path):
    out = tmp_path / "deep" / "mine.parquet"
    result = call("import", source(tmp_path / "s.parquet"), "--out", out, "--column", "label=service")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"3 flows of 2 classes in {out}\n"
    flows, _ = read_flows(out)
    assert flows.offsets.tolist() == [0, 30, 60, 90]
    assert flows.signed_pl.max() == 1000 + 29 * 50
    assert load_dataset(out, packets=3, pl_max=1010).traffic.signed_pl[0].tolist() == [1000, 1010, 1010]
    assert [path.name for path in out.parent.iterdir()] == ["mine.parquet"]


def test_import_of_as_many_packets_as_asked(tmp_path):
    out = tmp_path / "mine.parquet"
    call("import", source(tmp_path / "s.parquet"), "--out", out, "--column", "label=service", "--packets", 2)
    assert read_flows(out)[0].offsets.tolist() == [0, 2, 4, 6]


def test_notes_go_to_standard_error(tmp_path):
    out = tmp_path / "mine.parquet"
    result = call("import", source(tmp_path / "s.parquet"), "--out", out, "--column", "label=service", "--min-class", 2)
    assert result.stderr == "note: dropped 1 class with fewer than 2 flows (1 flow)\n"
    assert result.stdout.startswith("2 flows of 1 class in")


def test_a_failed_import_leaves_what_was_there(tmp_path):
    out = tmp_path / "mine.parquet"
    out.write_text("old")
    result = call("import", source(tmp_path / "s.parquet"), "--out", out, "--force")
    assert isinstance(result.exception, DatasetError)
    assert "no column holds the label" in str(result.exception)
    assert out.read_text() == "old"


def test_a_file_is_overwritten_by_force_only(tmp_path):
    out = tmp_path / "mine.parquet"
    out.write_text("old")
    arguments = ("import", source(tmp_path / "s.parquet"), "--out", out, "--column", "label=service")
    assert "mine.parquet is there already; give --force to overwrite it" in str(call(*arguments).exception)
    assert out.read_text() == "old"
    assert call(*arguments, "--force").exit_code == 0
    assert len(read_flows(out)[0]) == 3


def test_only_parquet_is_written(tmp_path):
    result = call("import", source(tmp_path / "s.parquet"), "--out", tmp_path / "mine.csv")
    assert "must end in .parquet" in str(result.exception)


def test_a_column_is_given_as_what_and_name(tmp_path):
    result = call("import", tmp_path, "--out", tmp_path / "x.parquet", "--column", "label")
    assert result.exit_code == 2
    assert "'label' must look like label=service" in result.output


def test_captures_are_segmented_as_asked(tmp_path):
    udp = struct.pack("!HHHH", 1000, 53, 8 + 5, 0) + bytes(5)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x01\2\3\4") + udp
    tunnel = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(ip), 1, 0, 64, 4, 0, b"\x0a\0\0\2", b"\x01\2\3\4") + ip
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    records = [struct.pack("<IIII", 60 * i, 0, len(p), len(p)) + p for i, p in enumerate((ip, ip, ip, tunnel))]
    source, out = tmp_path / "a.pcap", tmp_path / "a.parquet"
    source.write_bytes(head + b"".join(records))
    for arguments, flows in (
        ((), 1),
        (("--idle-timeout", 50), 3),
        (("--active-timeout", 70), 2),
        (("--inner", "--idle-timeout", 50), 4),
    ):
        result = call("import", source, "--out", out, "--force", *arguments)
        assert result.stdout == f"{pluralised(flows, 'flow')} of 1 class in {out}\n", result.output
    assert call("import", source, "--out", out, "--idle-timeout", 0).exit_code == 2


def test_help_tells_the_usual_timeouts():
    text = " ".join(call("import", "--help").output.split())
    assert f"[default: {IDLE_TIMEOUT:g}]" in text
    assert f"[default: {ACTIVE_TIMEOUT:g}]" in text


def test_an_empty_source_is_not_the_current_folder(tmp_path):
    assert "is empty" in str(call("import", "", "--out", tmp_path / "x.parquet").exception)


@pytest.mark.parametrize("command", [("info", ""), ("run", "-d", "")])
def test_an_empty_dataset_is_not_the_current_folder(ntgbench, command):
    result = ntgbench(*command)
    assert result.returncode == 1
    assert "the name of the dataset is empty" in result.stderr


def test_fetch_of_an_unknown_name():
    assert "did you mean mirage-2019" in str(call("fetch", "mirage").exception)


def test_listing_and_help_load_nothing_heavy(ntgbench):
    result = ntgbench("datasets", "--help", PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0
    loaded = {line.split("|")[-1].strip() for line in result.stderr.splitlines()}
    assert not loaded & {"pyarrow", "sklearn", "scipy", "tqdm", "numpy"}


def test_the_command_line_prints_errors_without_a_traceback(ntgbench, tmp_path):
    result = ntgbench("datasets", "import", tmp_path / "nowhere", "--out", tmp_path / "x.parquet")
    assert result.returncode == 1
    assert result.stderr == f"error: there is no file or folder {tmp_path / 'nowhere'}\n"
