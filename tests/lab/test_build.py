"""A small lab, built for real: what it writes, and what it leaves behind, which is nothing."""

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.lab.packages import needed, versions
from benchmarks.lab.workload import LabError
from benchmarks.lab.workloads import chosen
from ntgbench.datasets.captures import read_captures
from ntgbench.datasets.tables import read_table
from ntgbench.traffic.trace_files import read_trace_file

ROOT = Path(__file__).parents[2]
CLASSES = ("syslog", "dns")
POLLED = ("charger", "inverter", "meter", "plc")


@functools.cache
def why_not(classes=CLASSES) -> str:
    """Why a lab of these classes cannot be built here; "" when it can."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        versions(needed(chosen(classes)))
    except LabError as error:
        return str(error)
    probe = f"labprobe{os.getpid()}"
    tried = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"no namespaces can be made here: {tried.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", probe], check=True)
    return ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


def lab(out, name, *options, classes=CLASSES):
    command = [
        sys.executable,
        "-m",
        "benchmarks.lab",
        "--out",
        str(out),
        "--name",
        name,
        "--slots",
        "4",
        "--scale",
        "0.02",
    ]
    command += [word for one in classes for word in ("--class", one)]
    return subprocess.Popen([*command, *options], cwd=ROOT, stderr=subprocess.PIPE, text=True)


def namespaces(name):
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
    return [entry for entry in listed if entry.startswith(f"{name}-")]


@pytest.mark.slow
def test_a_build_is_labelled_read_back_and_gone(tmp_path):
    name = f"a{os.getpid() % 10**6}"
    with lab(tmp_path, name) as build:
        said = build.stderr.read()
        assert build.wait(120) == 0, said
    assert not namespaces(name)
    flows, _ = read_table(tmp_path / "lab.parquet")
    assert flows.classes == ("dns", "syslog")
    assert len(set(flows.session.tolist())) == 8
    first = flows.signed_pl[flows.offsets[:-1]]
    assert (first > 0).all(), "a client speaks first"
    syslog = flows.select(flows.label == 1)
    assert (syslog.signed_pl > 0).all(), "nobody answers a log message"
    facts = json.loads((tmp_path / "lab.json").read_text())
    assert facts["biflows"] == len(flows)
    assert facts["packets_not_captured"] == 0
    assert not facts["failed_sessions"]
    assert facts["classes"]["dns"]["sessions"] == {"1": 2, "2": 2}
    trace = read_trace_file(tmp_path / "lab-trace.parquet")
    assert facts["trace"]["packets"] == len(trace) > 0
    folder = tmp_path / "lab-pcap"
    sample, _ = read_captures(folder, sorted(folder.rglob("*.pcap")))
    assert sample.classes == flows.classes


@pytest.mark.slow
def test_a_build_that_is_ended_or_killed_leaves_nothing(tmp_path):
    name = f"b{os.getpid() % 10**6}"
    with lab(tmp_path, name) as ended:
        assert "sessions" in ended.stderr.readline()
        ended.send_signal(signal.SIGTERM)
        assert ended.wait(60) != 0
    assert not namespaces(name)
    with lab(tmp_path, name) as killed:
        assert "sessions" in killed.stderr.readline()
        killed.kill()
    assert namespaces(name)
    with lab(tmp_path, name, "--day", "1") as after:
        assert "left" in after.stderr.readline()
        after.send_signal(signal.SIGINT)
        assert after.wait(60) != 0
    assert not namespaces(name)


@pytest.mark.slow
@pytest.mark.skipif(bool(why_not(POLLED)), reason=why_not(POLLED))
def test_devices_with_longer_names_have_what_their_class_says(tmp_path):
    with lab(tmp_path, f"c{os.getpid() % 10**6}", classes=POLLED) as build:
        said = build.stderr.read()
        assert build.wait(120) == 0, said
    biflows = read_table(tmp_path / "lab.parquet")[0].to_biflows(10, 1460)[0]
    named = biflows.select((biflows.signed_pl[:, 0] == 11) & (biflows.lengths() == 10))
    assert len(named) > len(biflows) / 2
    name, settings, second, third = -named.signed_pl[:, [1, 3, 7, 9]].T
    for label, (more_settings, more_tables) in enumerate([(False, False), (False, True), (True, True), (True, False)]):
        own = named.label == label
        longer = name[own] > 55
        assert 0.2 < longer.mean() < 0.8
        np.testing.assert_array_equal(settings[own] > 40, longer == more_settings)
        np.testing.assert_array_equal(third[own] == second[own], longer == more_tables)
