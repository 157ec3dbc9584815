"""Import of captures in child processes: the same data set whatever the jobs, and nothing left of a failure."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time

import psutil
import pytest
from made_packets import UDP, ethernet, ipv4, pcap, udp

from ntgbench.datasets.importing import import_captures
from ntgbench.datasets.reading import Reading, find_files, read_flows
from ntgbench.errors import DatasetError
from ntgbench.running.engines.dask import DaskEngine
from ntgbench.running.engines.local import LocalEngine
from ntgbench.traffic.flows import FlowTable


def conversations(first, count):
    """A capture of biflows of three packets, the payloads of which say which they are."""
    packets = []
    for n in range(first, first + count):
        packets += [ethernet(ipv4(udp(1 + n % 1000 + i, (5000 + n, 53)), UDP)) for i in range(3)]
    return pcap(packets)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "captures"
    for number in range(6):
        path = root / f"app-{number % 3}" / f"{number}.pcap"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(conversations(100 * number, 40 + number))
    (root / "app-0/broken.pcap").write_bytes(b"no capture")
    return root


def imported(source, out, engine=None, reading=None, **options):
    reading = reading or Reading()
    _, files, notes = find_files(source, reading)
    return import_captures(source, files, out, reading, 30, engine or LocalEngine(1), notes, **options)


def digests(path):
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def columns(flows):
    names = [flows.classes[label] for label in flows.label]
    return flows.offsets.tolist(), flows.signed_pl.tolist(), names, flows.iat.tolist(), flows.session.tolist()


def test_a_small_result_is_the_file_that_reading_all_at_once_gives(folder, tmp_path):
    flows, notes = read_flows(folder)
    flows.first(30).to_parquet(tmp_path / "at-once.parquet")
    found = imported(folder, tmp_path / "out.parquet")
    assert (found.flows, found.classes, found.notes) == (len(flows), 3, notes)
    assert any("app-0/broken.pcap" in note for note in notes)
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "at-once.parquet").read_bytes()


def test_a_large_result_is_parts_that_together_are_the_same_flows(folder, tmp_path):
    imported(folder, tmp_path / "one.parquet")
    imported(folder, tmp_path / "parts.parquet", most_packets=300)
    parts = sorted((tmp_path / "parts.parquet").iterdir())
    assert [part.name for part in parts] == [f"part-{n:05}.parquet" for n in range(len(parts))]
    tables = [FlowTable.from_parquet(part)[0] for part in parts]
    assert len(tables) == 3
    assert all(len(table.signed_pl) <= 300 for table in tables)
    whole = FlowTable.from_parquet(tmp_path / "one.parquet")[0]
    together = [columns(table) for table in tables]
    for place, column in enumerate(columns(whole)):
        if place:
            assert [value for one in together for value in one[place]] == column


@pytest.mark.parametrize("smallest", [1, 84, 86])
def test_small_classes_are_dropped_from_all_parts(folder, tmp_path, smallest):
    reading = Reading(min_class=smallest)
    flows, notes = read_flows(folder, reading)
    found = imported(folder, tmp_path / "out.parquet", reading=reading, most_packets=200)
    tables = [FlowTable.from_parquet(part)[0] for part in sorted((tmp_path / "out.parquet").iterdir())]
    assert (found.flows, found.classes, found.notes) == (len(flows), len(flows.classes), notes)
    assert {name for table in tables for name in table.classes} == set(flows.classes)


def test_what_was_there_is_replaced_whatever_it_was(folder, tmp_path):
    out = tmp_path / "out.parquet"
    for most, is_folder in ((300, True), (300, True), (10**6, False), (10**6, False), (300, True)):
        imported(folder, out, most_packets=most)
        assert out.is_dir() == is_folder
    assert sorted(path.name for path in tmp_path.iterdir()) == ["captures", "out.parquet"]


def test_a_table_replaces_a_folder_of_parts(folder, tmp_path, ntgbench):
    imported(folder, tmp_path / "table.parquet")
    imported(folder, tmp_path / "out.parquet", most_packets=300)
    done = ntgbench("datasets", "import", tmp_path / "table.parquet", "--out", tmp_path / "out.parquet", "--force")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.parquet").is_file()


def test_a_folder_with_other_files_is_not_replaced(folder, tmp_path):
    out = tmp_path / "out.parquet"
    out.mkdir()
    (out / "mine").write_text("precious")
    with pytest.raises(DatasetError, match=r"a folder with more than parts in it, such as mine; it stays"):
        imported(folder, out)
    assert (out / "mine").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["captures", "out.parquet"]


def test_the_result_is_the_same_whatever_the_jobs(folder, tmp_path, ntgbench):
    for jobs in (1, 3):
        imported(folder, tmp_path / f"{jobs}.parquet", LocalEngine(jobs), most_packets=300)
    assert digests(tmp_path / "1.parquet") == digests(tmp_path / "3.parquet")
    result = ntgbench("datasets", "import", folder, "--out", tmp_path / "out.parquet", "-j", 2)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("255 flows of 3 classes in")
    assert "broken.pcap" in result.stderr


@pytest.mark.slow
def test_workers_of_dask_give_the_same_result(folder, tmp_path):
    pytest.importorskip("distributed", reason="dask is not installed")
    from made_dask import cluster

    imported(folder, tmp_path / "here.parquet", most_packets=300)
    with cluster(tmp_path / "dask", workers=1) as dask:
        imported(folder, tmp_path / "there.parquet", DaskEngine(dask.address, None), most_packets=300)
    assert digests(tmp_path / "there.parquet") == digests(tmp_path / "here.parquet")


END_AT_ONE = """
import os, pathlib, signal, sys
if "ntgbench.datasets.capture_work" in sys.orig_argv:
    if "app-1/4" in pathlib.Path(sys.orig_argv[-1], "request.json").read_text():
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_capture_that_ends_its_process_is_a_note_with_the_reason(folder, tmp_path, monkeypatch):
    # As the system does for want of memory.
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(END_AT_ONE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    found = imported(folder, tmp_path / "out.parquet", LocalEngine(2))
    assert found.flows == 255 - 44
    (note,) = [note for note in found.notes if "cannot be read" in note]
    assert "app-1/4.pcap (its process was killed, as the system does when memory runs out)" in note


def test_ctrl_c_leaves_no_process_and_no_file(folder, tmp_path):
    big = folder / "app-0/big.pcap"
    with big.open("wb") as file:
        packets = conversations(0, 20_000)
        file.write(packets)
        for _ in range(20):
            file.write(packets[24:])
    command = [sys.executable, "-m", "ntgbench", "datasets", "import", str(folder), "-j", "2"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out/x.parquet")],
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Whoever runs the tests in the background may have them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    children = []
    while not children and process.poll() is None:
        children = psutil.Process(process.pid).children()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert said.split() == [b"stopped"]
    assert not psutil.wait_procs(children, timeout=30)[1]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_is_one_error_and_leaves_nothing(folder, tmp_path):
    # A limit on the size of files fails as a full disk does: in the middle of writing.
    arguments = f"{sys.executable} -m ntgbench datasets import {folder} --out {tmp_path}/out/x.parquet -j 2"
    result = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; exec {arguments}"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr == f"error: cannot write {tmp_path}/out/x.parquet: File too large; nothing was written\n"
    assert list((tmp_path / "out").iterdir()) == []


def test_without_a_capture_that_can_be_read_nothing_is_written(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.pcap").write_bytes(b"no capture")
    with pytest.raises(DatasetError, match=r"no capture in .* can be read: a\.pcap"):
        imported(tmp_path / "in", tmp_path / "out/x.parquet")
    assert list((tmp_path / "out").iterdir()) == []
