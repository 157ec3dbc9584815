"""`ntgbench measure`: files of any origin, scored as a run scores what a system makes."""

import json
import os
import signal
import subprocess
import sys

import command_line
import numpy as np
import pytest

from ntgbench import Biflows, load_dataset
from ntgbench.interfaces import Context, Exposed
from ntgbench.probing import PROBED
from ntgbench.running.codes import metrics_of
from ntgbench.scores import score
from ntgbench.systems import choose
from ntgbench.testing import example_traffic
from ntgbench.tracks.biflows.splits import equal_counts, split
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.export import write_pcap
from ntgbench.traffic.trace_files import write_trace_file

TRACE_METRICS = """
    from ntgbench import MetricSpec, hookimpl

    @hookimpl
    def ntgbench_metrics():
        common = {"suite": "copies", "goal": "min", "highest": None, "track": "headers"}
        return [
            MetricSpec("mine_length", "mine:lengths", "x", **common),
            MetricSpec("mine_none", "mine:lengths", "x", **common),
            MetricSpec("mine_common", "mine:in_common", "x", **common, against="train"),
            MetricSpec("mine_broken", "mine:broken", "x", **{**common, "suite": "bursts"}),
        ]

    def lengths(real, synthetic, seed):
        print("noise on standard output")
        gap = abs(float(real.ip_length.mean() - synthetic.ip_length.mean()))
        return {"mine_length": gap, "mine_length@ref": 2 * gap, "mine_none": "no flow has two packets"}

    def in_common(real, synthetic, seed):
        return {"mine_common": len(set(real.time_ns.tolist()) & set(synthetic.time_ns.tolist()))}

    def broken(real, synthetic, seed):
        raise RuntimeError("boom")
"""

STOPPED = """
    import os, signal
    from ntgbench import MetricSpec, hookimpl

    @hookimpl
    def ntgbench_metrics():
        return [MetricSpec(name, f"stopped:{name}", "x", "utility", "min") for name in ("first", "second")]

    def first(real, synthetic, seed):
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()

    def second(real, synthetic, seed):
        os.write(2, b"never")
        return {"second": 0.0}
"""


@pytest.fixture
def traces(install, tmp_path, monkeypatch):
    """Two traces as files, and the metrics of header traces of one plugin alone."""
    monkeypatch.setenv("NTGBENCH_PLUGINS", "mine,fidelity,utility")
    monkeypatch.setenv(PROBED, "1")  # it does not end the process; trying that takes a second each time
    install("mine", TRACE_METRICS)
    for name, seed in (("real", 1), ("made", 2)):
        write_trace_file(example_trace(seed), tmp_path / f"{name}.parquet")
    write_pcap(example_trace(2), tmp_path / "made.pcap")


def test_biflows_get_the_numbers_that_a_run_gives(command, tmp_path) -> None:
    # Classes in the order in which files give them; one class has no biflow to test with.
    example_traffic().to_parquet(tmp_path / "all.parquet")
    train, test = split(load_dataset(tmp_path / "all.parquet").traffic, 0.2, 1)
    made = choose("markov").fit(train, Context(seed=1)).sample(train.label, seed=2)
    for name, side in (("train", train), ("test", test), ("made", made)):
        side.to_parquet(tmp_path / f"{name}.parquet")
    done = command("measure", "test.parquet", "made.parquet", "--train", "train.parquet", "--json", "--seed", 5)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = score(metrics_of("biflows", "utility"), test, made, 5)
    for metric in metrics_of("biflows", "fidelity"):
        real = {"test": test, "train": train}[metric.against]
        expected |= score([metric], *equal_counts(real, made, 5), 5)
    privacy = score(metrics_of("biflows", "privacy"), Exposed(train, test), made, 5)
    assert found["single_hit"]["floor"] == privacy["single_hit@floor"]["value"]
    expected |= {key: one for key, one in privacy.items() if "@" not in key}
    assert {name: one["value"] for name, one in found.items()} == {name: one["value"] for name, one in expected.items()}
    assert found["macro_f1"].items() >= {"ref": None, "goal": "max", "suite": "utility"}.items()
    assert "note: 1 class has no real biflow: rare" in done.stderr


def test_privacy_needs_the_training_traffic(flows, command) -> None:
    named = command("measure", "example.parquet", "example.parquet", "--suite", "privacy", "--json")
    refused(named, "error: the suite privacy needs the traffic that the generator learnt from: --train")
    left_out = command("measure", "example.parquet", "example.parquet", "--json")
    assert "note: the suite privacy is left out: it needs --train" in left_out.stderr
    assert "single_hit" not in json.loads(left_out.stdout)


def test_classes_of_all_three_sides_are_matched_for_privacy(command, tmp_path) -> None:
    traffic = example_traffic()
    for name, kept in (("train", traffic.label != 1), ("real", traffic.label != 0), ("made", traffic.label == 0)):
        side = traffic.select(kept)
        used = np.unique(side.label)
        classes = [traffic.classes[one] for one in used]
        label = np.searchsorted(used, side.label).astype(np.int32)
        Biflows(side.signed_pl, label, classes).to_parquet(tmp_path / f"{name}.parquet")
    traffic.select(traffic.label < 2).to_parquet(tmp_path / "made.parquet")
    arguments = ("--train", "train.parquet", "--suite", "privacy", "--json")
    found = json.loads(command("measure", "real.parquet", "made.parquet", *arguments).stdout)
    # Of what occurs once, the 60 biflows of the first class are learnt and the 40 of the second are held out.
    assert (found["single_hit"]["value"], found["single_hit"]["floor"]) == (1.0, 1.0)
    assert found["exact_copies"]["value"] == 0.6
    assert "in classes that both sides have" in found["membership_auc"]["reason"]


def test_classes_are_matched_by_name(command, tmp_path) -> None:
    traffic = example_traffic()
    order = [2, 0, 3, 1]
    label = np.argsort(order).astype(np.int32)[traffic.label]
    for name, one in (
        ("real", traffic),
        ("turned", Biflows(traffic.signed_pl, label, [traffic.classes[old] for old in order])),
        ("other", Biflows(traffic.signed_pl, traffic.label, "wxyz")),
        ("fewer", traffic.select(traffic.label > 0)),
    ):
        one.to_parquet(tmp_path / f"{name}.parquet")
    same = command("measure", "real.parquet", "turned.parquet", "--suite", "fidelity", "--json")
    assert json.loads(same.stdout)["jsd_2gram"]["value"] == pytest.approx(0, abs=1e-12)
    fewer = command("measure", "real.parquet", "fewer.parquet", "--suite", "utility", "--json")
    assert json.loads(fewer.stdout)["accuracy"]["value"] < 0.5
    assert "1 class has no synthetic biflow: mail" in fewer.stderr
    other = command("measure", "real.parquet", "other.parquet")
    assert (other.returncode, other.stdout) == (1, "")
    assert "no class has both real and synthetic biflows" in other.stderr


def test_traces_are_told_from_the_files_and_forms_stand_beside_values(traces, command) -> None:
    done = command("measure", "real.parquet", "made.pcap", "--suite", "copies", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["mine_length"]["value"] > 0
    assert found["mine_length"]["ref"] == 2 * found["mine_length"]["value"]
    assert found["mine_none"] == {
        "value": None,
        "ref": None,
        "goal": "min",
        "suite": "copies",
        "reason": "no flow has two packets",
        "undefined": True,
    }
    assert "noise" in done.stderr
    assert "compared as traffic of the track headers" in done.stderr
    assert "mine_common" in done.stderr.split("compare with the training traffic: REAL stands for it")[0]


def test_copying_is_measured_against_the_training_traffic(traces, command) -> None:
    arguments = ("measure", "real.parquet", "made.pcap", "--track", "headers", "--suite", "copies", "--json")
    assert json.loads(command(*arguments).stdout)["mine_common"]["value"] == 0
    copied = command(*arguments, "--train", "made.parquet")
    assert json.loads(copied.stdout)["mine_common"]["value"] > 100
    assert "REAL stands for it" not in copied.stderr


def test_real_traffic_that_was_not_held_out_is_warned_of(traces, command) -> None:
    arguments = ("measure", "real.parquet", "made.parquet", "--track", "headers", "--suite", "copies", "--train")
    told = "warning: real.parquet is the training traffic itself"
    assert told in command(*arguments, "real.parquet").stderr
    assert told not in command(*arguments, "made.parquet").stderr


def test_a_metric_that_fails_stops_no_other_and_is_the_exit_status(traces, command) -> None:
    done = command("measure", "real.parquet", "made.parquet", "--suite", "bursts", "--suite", "copies")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "failed: mine_broken: RuntimeError: boom" in done.stderr
    rows = {words[0]: words[1:] for words in map(str.split, done.stdout.splitlines()) if len(words) > 1}
    assert rows["mine_broken"] == ["failed", "↓"]
    assert rows["mine_none"][0] == "undefined"
    assert float(rows["mine_length"][1]) == pytest.approx(2 * float(rows["mine_length"][0]), rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("real.parquet", "none.parquet"),
            "error: there is no file or folder none.parquet, and no dataset of that name",
        ),
        (("real.parquet", "empty.csv"), "As headers: empty.csv: the file is empty"),
        (("real.parquet", "flows.parquet"), "error: real.parquet and flows.parquet: no track reads this. As biflows: "),
        (("real.parquet", "made.pcap", "--track", "biflows"), "error: real.parquet: "),
        (("real.parquet", "folder", "--track", "headers"), "folder"),
        (
            ("real.parquet", "made.pcap", "--track", "heders"),
            "error: no track is called 'heders'; did you mean headers?",
        ),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(traces, command, tmp_path, arguments, said) -> None:
    example_traffic().to_parquet(tmp_path / "flows.parquet")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder").mkdir()
    refused(command("measure", *arguments, "--json"), said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("example.parquet", "example.parquet", "--suite", "augmentation"),
            "error: the suite augmentation fits systems",
        ),
        (("example.parquet", "example.parquet", "--suite", "efficiency"), "error: the suite efficiency fits systems"),
        (
            ("example.parquet", "example.parquet", "--suite", "fidelty"),
            "no suite of the track biflows is called 'fidelty'; did you mean fidelity?",
        ),
        (("simulated", "lab-none"), "error: there is no file or folder lab-none"),
    ],
)
def test_suites_that_need_a_system_and_names_that_nothing_has_are_refused(flows, command, arguments, said) -> None:
    refused(command("measure", *arguments, "--json"), said)


def refused(done, said: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_names_of_the_catalogue_are_read(command) -> None:
    done = command("measure", "simulated", "simulated", "--suite", "fidelity", "--json")
    assert json.loads(done.stdout)["jsd_1gram"]["value"] == pytest.approx(0, abs=1e-12)


def test_ctrl_c_stops_it_at_once(flows, tmp_path) -> None:
    """A metric that sends the signal of Ctrl-C to its own process, as a terminal would."""
    site = tmp_path / "site"
    site.mkdir()
    command_line.install(site, "stopped", STOPPED)
    done = subprocess.run(
        [sys.executable, "-m", "ntgbench", "measure", "example.parquet", "example.parquet", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site), "NTGBENCH_PLUGINS": "stopped"},
        capture_output=True,
        text=True,
        # What a shell starts in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert "never" not in done.stderr
