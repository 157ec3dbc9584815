"""Files of some kilobytes that expand to gigabytes are refused before they do, with the way out."""

import gzip
import json
import resource
import subprocess
import sys
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ntgbench import limits
from ntgbench.cli import cli
from ntgbench.datasets.reading import Reading, read_flows
from ntgbench.errors import DatasetError, TrafficError
from ntgbench.limits import SIZE_LIMIT, Allowance, memory_limit, size_limit
from ntgbench.traffic.biflows import Biflows


def repeated(value, count):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([value]))


def lists_of(values, size):
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(values) + 1, size, dtype=np.int32)), values)


def flows_that_repeat(path, packets=4_000_000):
    ones = pa.array(np.ones(packets, np.int32))
    lengths = lists_of(ones, 1000)
    pq.write_table(pa.table({"app": ["a"] * len(lengths), "pkts_len": lengths, "pkts_dir": lengths}), path)
    return path


@pytest.mark.parametrize("kind", ["numbers", "text", "delta", "label", "words", "csv", "json"])
def test_a_bomb_is_refused_with_its_size_the_limit_and_the_option(tmp_path, kind):
    path = tmp_path / {"csv": "bomb.csv.gz", "json": "bomb.tar.gz"}.get(kind, "bomb.parquet")
    rows, text = 2000, "1 " * 50_000
    one = pa.array([[1]] * rows)
    if kind == "numbers":
        flows_that_repeat(path)
    elif kind == "delta":
        columns = {"app": ["a"] * rows, "pkts_len": pa.array([text] * rows), "pkts_dir": one}
        delta = {"pkts_len": "DELTA_BYTE_ARRAY"}
        pq.write_table(pa.table(columns), path, use_dictionary=False, column_encoding=delta)
    elif kind == "text":
        pq.write_table(pa.table({"app": ["a"] * rows, "pkts_len": repeated(text, rows), "pkts_dir": one}), path)
    elif kind == "label":
        pq.write_table(pa.table({"app": repeated(text, rows), "pkts_len": one, "pkts_dir": one}), path)
    elif kind == "words":
        words = lists_of(repeated(text, rows), 1)
        pq.write_table(pa.table({"app": ["a"] * rows, "pkts_len": one, "pkts_dir": words}), path)
    elif kind == "csv":
        path.write_bytes(gzip.compress(b"app,pkts_len,pkts_dir\n" + f"a,{text},{text}\n".encode() * 40))
    else:
        content = b"[" + b"[]," * 2_000_000 + b"0]"
        with tarfile.open(path, "w:gz") as archive:
            (tmp_path / "1_a_x.json").write_bytes(content)
            archive.add(tmp_path / "1_a_x.json", "1_a_x.json")
    assert path.stat().st_size < 300_000
    with pytest.raises(DatasetError) as caught:
        read_flows(path, Reading(size_limit=2**26))
    said = str(caught.value)
    assert path.name in said
    assert "over the limit of 0.0625 GiB" in said
    assert f"{path.stat().st_size / 1e6:,.3f} MB" in said
    assert "`ntgbench datasets import --size-limit GIB` or NTGBENCH_SIZE_LIMIT=GIB" in said


def test_what_is_below_the_limit_is_read(tmp_path):
    path = flows_that_repeat(tmp_path / "t.parquet", 100_000)
    assert len(read_flows(path, Reading(size_limit=2**26))[0]) == 100


def test_many_documents_count_together(tmp_path):
    packets = {name: [value] * 10_000 for name, value in (("packet_dir", 0), ("L4_payload_bytes", 5), ("iat", 0))}
    document = json.dumps({"1": {"flow_metadata": {"BF_label": "a"}, "packet_data": packets}})
    for number in range(10):
        (tmp_path / f"{number}_a_x.json").write_text(document)
    assert len(read_flows(tmp_path, Reading(size_limit=2**23, min_class=1))[0]) == 10
    for number in range(10, 20):
        (tmp_path / f"{number}_a_x.json").write_text(document)
    with pytest.raises(DatasetError, match="over the limit of"):
        read_flows(tmp_path, Reading(size_limit=2**23, min_class=1))


def test_files_of_biflows_have_the_limit_too(tmp_path, monkeypatch):
    path = tmp_path / "b.parquet"
    Biflows(np.ones((1000, 100), np.int16), np.zeros(1000, np.int32), ("a",)).to_parquet(path)
    assert len(Biflows.from_parquet(path)) == 1000
    monkeypatch.setenv(limits.VARIABLE, "0.001")
    with pytest.raises(TrafficError, match=r"b\.parquet .*over the limit of 0\.001 GiB"):
        Biflows.from_parquet(path)


@pytest.mark.parametrize("packets", [0, -1, 2**60, "10", None, 1.5])
def test_a_number_of_packets_that_no_memory_holds(tmp_path, packets):
    path = tmp_path / "b.parquet"
    Biflows(np.ones((1, 1), np.int16), np.zeros(1, np.int32), ("a",)).to_parquet(path)
    table = pq.read_table(path)
    head = {**json.loads(table.schema.metadata[b"ntgbench"]), "packets": packets}
    pq.write_table(table.replace_schema_metadata({"ntgbench": json.dumps(head)}), path)
    with pytest.raises(TrafficError, match="packets"):
        Biflows.from_parquet(path)


def test_the_limit_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv(limits.VARIABLE, raising=False)
    assert size_limit() == SIZE_LIMIT == Allowance(tmp_path).limit
    monkeypatch.setenv(limits.VARIABLE, "0.5")
    assert size_limit() == 2**29
    for wrong in ("", "0", "-1", "nan", "inf", "8G"):
        monkeypatch.setenv(limits.VARIABLE, wrong)
        with pytest.raises(DatasetError, match="must be a number of GiB above 0"):
            size_limit()


@pytest.mark.parametrize("command", ["info t.parquet", "run -d t.parquet -s copy"])
def test_commands_without_the_option_obey_the_environment(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(limits.VARIABLE, "0.00001")
    flows_that_repeat(tmp_path / "t.parquet", 100_000)
    with pytest.raises(DatasetError, match=r"\bt\.parquet: (no track reads this. As biflows: )?its .* over the limit"):
        cli.main(command.split(), standalone_mode=False)


def test_the_option_of_the_import(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flows_that_repeat(tmp_path / "t.parquet", 100_000)
    command = ["datasets", "import", "t.parquet", "--out", "o.parquet", "--size-limit"]
    with pytest.raises(DatasetError, match="over the limit"):
        cli.main([*command, "0.001"], standalone_mode=False)
    cli.main([*command, "0.1"], standalone_mode=False)
    assert (tmp_path / "o.parquet").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit address space")
def test_memory_beyond_the_limit_is_an_error_and_the_limit_is_lifted() -> None:
    program = (
        "from ntgbench.limits import memory_limit\n"
        "try:\n"
        "    with memory_limit(2**28):\n"
        "        bytes(2**30)\n"
        "except MemoryError:\n"
        "    print(len(bytes(2**30)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{2**30}\n"


def test_a_limit_that_is_there_already_is_put_back() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with memory_limit(2**40):
        pass
    assert resource.getrlimit(resource.RLIMIT_AS) == before
