"""README.md: its commands work, its excerpts are from the committed boards; links and commands of all pages."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from guide import ROOT, blocks

from ntgbench import Biflows, load_dataset
from ntgbench.cli import cli
from ntgbench.protocol import bundled
from ntgbench.report.markdown import render
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.export import write_pcap

README = (ROOT / "README.md").read_text()
PLUGINS = sorted(ROOT.glob("plugins/*/README.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PLUGINS]


@pytest.fixture
def folder_with_captures(tmp_path: Path) -> Path:
    """A folder with captures of two classes, four sessions each, and packet traces."""
    whole = load_dataset("simulated").traffic
    for name in ("web-news", "call-voice"):
        (tmp_path / "captures" / name).mkdir(parents=True)
        rows = np.flatnonzero(whole.label == whole.classes.index(name))[:80]
        for number, session in enumerate(np.array_split(rows, 4)):
            path = tmp_path / "captures" / name / f"{number}.pcap"
            write_pcap(Biflows(whole.signed_pl[session], whole.label[session], whole.classes), path)
    for sidecar in tmp_path.rglob("*.csv"):
        sidecar.unlink()
    trace = example_trace()
    write_pcap(trace, tmp_path / "capture.pcap")
    write_pcap(example_trace(2), tmp_path / "synthetic.pcap")
    heads = "srcip,dstip,srcport,dstport,proto,time,pkt_len,version,ihl,tos,id,flag,off,ttl"
    ends = zip(trace.source[:, 1] % 2**32, trace.destination[:, 1] % 2**32, strict=True)
    lines = [
        f"{source},{destination},1,2,17,{time // 1000},{length},4,5,0,0,DF,0,64"
        for (source, destination), time, length in zip(ends, trace.time_ns, trace.ip_length, strict=True)
    ]
    (tmp_path / "trace.csv").write_text("\n".join([heads, *lines]) + "\n")
    return tmp_path


@pytest.mark.slow
def test_commands_and_python_work_one_after_another(folder_with_captures: Path) -> None:
    """As a user types them in a shell, in one folder, with one seed.

    Runs are planned only, except the one whose model later commands use.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands = [line for block in blocks("sh", README) for line in block.splitlines()]
    assert len(commands) > 5
    (program,) = blocks("python", README)
    commands = [line if "llama" in line else line.replace("ntgbench run ", "ntgbench plan ") for line in commands]
    for command in [*commands, shlex.join([sys.executable, "-c", program])]:
        done = subprocess.run(
            command.replace("--seeds 3", "--seeds 1"),
            shell=True,
            cwd=folder_with_captures,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert len(Biflows.from_parquet(folder_with_captures / "synthetic.parquet")) > 1000


def test_there_are_exactly_two_set_up_commands() -> None:
    assert re.findall(r"^    make (\w+)", README, flags=re.MULTILINE) == ["run", "test"]


@pytest.mark.parametrize("target", ["run", "test", "lint", "bench", "bench-short"])
def test_make_has_its_targets(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def committed(name: str) -> str:
    """A file as it was committed: `make run` changes the leaderboards in the working tree."""
    found = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=ROOT, capture_output=True, text=True)
    if found.returncode != 0:
        pytest.skip(f"no git checkout with {name}: {found.stderr.strip()}")
    return found.stdout


def test_the_excerpts_are_from_the_committed_boards() -> None:
    excerpts = re.findall(
        r"<!-- excerpt of (\S+) -->\n(.*?)<!-- end of excerpt -->", committed("README.md"), flags=re.DOTALL
    )
    assert len(excerpts) == 3
    for name, excerpt in excerpts:
        assert excerpt.strip()
        assert excerpt.strip() in committed(name)


def test_the_committed_leaderboards_are_not_stale() -> None:
    rows = [json.loads(line) for line in committed("leaderboards/rows.jsonl").splitlines()]
    assert rows
    for name, text in render(rows).items():
        assert committed(f"leaderboards/{name}") == text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert link.startswith("https://") or (page.parent / link).exists(), link


RUNS = [
    line.removeprefix("$ ntgbench run ")
    for page in PLUGINS
    for line in re.findall(r"\$ ntgbench run.*", page.read_text())
]


@pytest.mark.parametrize("options", RUNS)
def test_runs_of_the_plugins_pages_have_valid_options(
    options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ntgbench plan` reads them as `ntgbench run` does, and starts nothing."""
    monkeypatch.chdir(tmp_path)
    load_dataset("simulated").traffic.to_parquet("flows.parquet")
    write_pcap(example_trace(), "capture.pcap")
    for name in ("made.csv", "made.parquet"):
        Path(name).touch()  # is read when the cell runs
    words = shlex.split(options)
    arguments = words if words[0] in bundled() else ["quick", "-d", "simulated", *words]
    done = CliRunner().invoke(cli, ["plan", *arguments, "--runs", str(tmp_path)])
    assert done.exit_code == 0, f"{done.output}{done.exception}"
