"""The guides to plugins: their code works, and the commands of the tutorial lead from nothing to a row."""

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
from guide import MODULES, ROOT, blocks, code

from ntgbench import hookspecs
from ntgbench.protocol import from_values
from ntgbench.testing import example_traffic
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.trace_files import write_trace_file

TEMPLATE = [path.read_text() for path in (ROOT / "ntgbench" / "template").rglob("*") if path.suffix in (".py", ".toml")]
EXCERPTS = code("python", "tutorial-plugin") + code("toml", "tutorial-plugin")


@pytest.mark.parametrize("block", EXCERPTS, ids=lambda block: block.splitlines()[1][:40])
def test_code_is_copied_from_the_template(block: str) -> None:
    assert any(block in text for text in TEMPLATE)


def test_every_hook_is_in_the_table_of_hooks() -> None:
    page = (ROOT / "docs/hooks.md").read_text()
    hooks = {name for name in hookspecs.__all__ if name.startswith("ntgbench_")}
    assert set(re.findall(r"^\| \[`(\w+)`\]\(#\1\) \|", page, flags=re.MULTILINE)) == hooks


def test_an_augmenter_a_metric_and_a_dataset_work(install, ntgbench, tmp_path) -> None:
    for name in ("turned", "upstream_gap", "easy"):
        install(name.replace("_", "-"), MODULES[name], module=name)
    done = ntgbench("run", "-d", "easy", "-s", "turned", "--seeds", 1, "--suite", "fidelity")
    assert done.returncode == 0, done.stderr
    rows = map(json.loads, (tmp_path / "leaderboards/rows.jsonl").read_text().splitlines())
    (turned,) = rows
    assert turned["metrics"]["fidelity/upstream_gap"]["value"] == 0.0
    assert ntgbench("check", "turned").returncode == 0
    assert ntgbench("check", "upstream_gap").returncode == 0


TRACES = """
version = 1
summary = "A trace"
track = "headers"
datasets = ["trace.parquet"]
systems = ["scattered"]
suites = ["temporal"]
seeds = 1
"""


def test_a_generator_and_a_metric_of_traces_work(install, ntgbench, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NTGBENCH_PLUGINS", "scattered,mean-pause")  # not all metrics of the suite
    for name in ("scattered", "mean_pause"):
        install(name.replace("_", "-"), MODULES[name], module=name)
    write_trace_file(example_trace(), tmp_path / "trace.parquet")
    (tmp_path / "mine.toml").write_text(TRACES)
    done = ntgbench("run", "mine.toml")
    assert done.returncode == 0, done.stderr
    (row,) = map(json.loads, (tmp_path / "leaderboards/rows.jsonl").read_text().splitlines())
    assert {"temporal/mean_pause", "temporal/mean_pause@test"} <= row["metrics"].keys()
    assert ntgbench("check", "scattered").returncode == 0
    checked = ntgbench("check", "mean_pause")
    assert checked.returncode == 0, checked.stdout
    (model,) = tmp_path.glob("runs/mine/*/scattered/*/fitted")
    done = ntgbench("generate", "--model", model, "-n", 300, "--out", "made.pcap")
    assert done.returncode == 0, done.stderr
    found = json.loads(ntgbench("measure", "trace.parquet", "made.pcap", "--suite", "temporal", "--json").stdout)
    assert found["mean_pause"]["value"] > 0


@pytest.mark.parametrize("text", code("toml", "write-a-protocol"), ids=["chains", "drift"])
def test_the_examples_of_protocols_are_valid(text: str) -> None:
    assert from_values({"name": "mine", **tomllib.loads(text)}, "the guide").version == 1


@pytest.mark.slow
def test_the_commands_lead_from_nothing_to_a_row(tmp_path: Path) -> None:
    """Every command of the tutorial, in a new environment; with little traffic, to save time."""
    example_traffic().to_parquet(tmp_path / "few.parquet")
    home = tmp_path / "environment"
    venv.create(home)
    (site,) = home.glob("lib/python*/site-packages")
    # The new environment sees what is installed here, pip included; the new plugin is installed into it.
    editable = [entry for entry in sys.path if entry.startswith(str(ROOT)) and "tests" not in Path(entry).parts]
    (site / "installed-here.pth").write_text("\n".join([sysconfig.get_path("purelib"), *editable]))
    shown = [
        block.code for block in blocks(ROOT / "docs/tutorial-plugin.md") if (block.kind, block.not_run) == ("sh", None)
    ]
    commands = [line for block in shown for line in block.splitlines()]
    assert [command.split()[1] for command in commands] == ["new", "install", "my-generator", "plugins", "check", "run"]
    for command in commands:
        # The scripts of this environment would start its own interpreter.
        command = re.sub(r"^(ntgbench|pip|pytest)\b", rf"{home}/bin/python -m \1", command)
        command = command.replace("-d simulated", "-d few.parquet")
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    rows = list(map(json.loads, (tmp_path / "leaderboards/rows.jsonl").read_text().splitlines()))
    assert {(row["system"], row["distribution"], row["status"]) for row in rows} == {
        ("real", "ntgbench", "ok"),
        ("my-generator", "my-generator", "ok"),
    }
    assert "`my-generator`" in (tmp_path / "leaderboards/few-utility.md").read_text()
