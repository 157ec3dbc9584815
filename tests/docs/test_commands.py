"""Every command of README and of the documentation runs: page by page, in order, each page in one folder."""

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from guide import GUIDES, PAGES, PLUGINS, ROOT, blocks

from ntgbench import Biflows, load_dataset
from ntgbench.cli import cli
from ntgbench.protocol import bundled
from ntgbench.testing import example_traffic
from ntgbench.tracks.headers.example import example_trace
from ntgbench.traffic.export import write_pcap

COMMANDS = {page: [block for block in blocks(page) if block.kind == "sh"] for page in GUIDES}
PROGRAMS = [ROOT / "docs/python.md"]
RUN = [page for page in GUIDES if page in PROGRAMS or any(block.not_run is None for block in COMMANDS[page])]
RUN.remove(ROOT / "docs/tutorial-plugin.md")  # test_guides runs it, where it may install


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that pages speak of: captures of two classes, four sessions each, tables and traces."""
    folder = tmp_path_factory.mktemp("traffic")
    whole = load_dataset("simulated").traffic
    for name in ("web-news", "call-voice"):
        (folder / "captures" / name).mkdir(parents=True)
        rows = np.flatnonzero(whole.label == whole.classes.index(name))[:80]
        for number, session in enumerate(np.array_split(rows, 4)):
            path = folder / "captures" / name / f"{number}.pcap"
            write_pcap(Biflows(whole.signed_pl[session], whole.label[session], whole.classes), path)
    for sidecar in folder.rglob("*.csv"):
        sidecar.unlink()
    example_traffic().to_parquet(folder / "flows.parquet")
    example_traffic(seed=2).to_parquet(folder / "made.parquet")
    example_traffic(seed=3).to_parquet(folder / "held-out.parquet")
    trace = example_trace()
    write_pcap(trace, folder / "capture.pcap")
    write_pcap(example_trace(2), folder / "synthetic.pcap")
    heads = "srcip,dstip,srcport,dstport,proto,time,pkt_len,version,ihl,tos,id,flag,off,ttl"
    ends = zip(trace.source[:, 1] % 2**32, trace.destination[:, 1] % 2**32, strict=True)
    lines = [
        f"{source},{destination},1,2,17,{time // 1000},{length},4,5,0,0,DF,0,64"
        for (source, destination), time, length in zip(ends, trace.time_ns, trace.ip_length, strict=True)
    ]
    (folder / "trace.csv").write_text("\n".join([heads, *lines]) + "\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_commands_work_one_after_another(page: Path, traffic: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(traffic, tmp_path / "work")
    if page.name == "write-a-protocol.md":
        first, *_ = (block.code for block in blocks(page) if block.kind == "toml")
        (folder / "mine.toml").write_text(first)
    if page.name == "plot.md":
        (folder / "leaderboards").mkdir()
        shutil.copy(ROOT / "leaderboards/rows.jsonl", folder / "leaderboards")
    for block in COMMANDS[page]:
        if block.not_run is None:
            run(block.code, folder)
    if page in PROGRAMS:
        (program, *_) = (block.code for block in blocks(page) if block.kind == "python")
        run(shlex.join([sys.executable, "-c", program]), folder)


def run(code: str, folder: Path) -> None:
    """Run a block in a shell, as the user who has ntgbench on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"


NOT_RUN = [(page, block) for page in GUIDES for block in COMMANDS[page] if block.not_run is not None]


@pytest.mark.parametrize(("page", "block"), NOT_RUN, ids=[f"{page.name}-{block.not_run}" for page, block in NOT_RUN])
def test_commands_that_are_not_run_have_options_that_exist(page, block) -> None:
    lines = block.code.replace("\\\n", " ").splitlines()
    commands = [words[1:] for line in lines if (words := shlex.split(line, comments=True))[:1] == ["ntgbench"]]
    for words in commands:
        parse(list(itertools.takewhile(lambda word: word not in {">", "|", "&&"}, words)))
    told = f", {len(commands)} commands of ntgbench are only parsed" if commands else ""
    pytest.skip(f"{page.name}: not run: {block.not_run}{told}")


def parse(words: list[str]) -> None:
    """Read a command line as far as its command would be called; click says what is wrong with it."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
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
