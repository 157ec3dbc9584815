"""README.md: what it tells a user to do works, and what it shows is what the tool wrote."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ntgbench import Biflows, load_dataset
from ntgbench.report.markdown import render
from ntgbench.traffic.export import write_pcap

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def somebodys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with captures of two classes, four sessions each."""
    folder = tmp_path_factory.mktemp("somebody")
    whole = load_dataset("simulated").biflows
    for name in ("web-news", "call-voice"):
        (folder / "captures" / name).mkdir(parents=True)
        rows = np.flatnonzero(whole.label == whole.classes.index(name))[:80]
        for number, part in enumerate(np.array_split(rows, 4)):
            traffic = whole.select(part)
            write_pcap(
                Biflows(traffic.signed_pl, traffic.label, whole.classes), folder / f"captures/{name}/{number}.pcap"
            )
    for sidecar in folder.rglob("*.csv"):
        sidecar.unlink()
    return folder


@pytest.mark.slow
def test_commands_work_one_after_another(somebodys_folder: Path) -> None:
    """As a user would type them, in one folder, with one seed instead of several.

    Runs are planned only, except the one whose model later commands use.
    """
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in [line for block in blocks("sh") for line in block.splitlines()]:
        assert command.startswith("ntgbench ")
        if "llama" not in command:
            command = command.replace("ntgbench run ", "ntgbench plan ")
        done = subprocess.run(
            command.replace("--seeds 3", "--seeds 1"),
            shell=True,
            cwd=somebodys_folder,
            env={**os.environ, "PATH": binaries},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    # The Python of the README goes on in the same folder.
    program = "\n".join(blocks("python"))
    done = subprocess.run([sys.executable, "-c", program], cwd=somebodys_folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(Biflows.from_parquet(somebodys_folder / "synthetic.parquet")) > 1000


def test_there_are_exactly_two_set_up_commands() -> None:
    assert re.findall(r"^    make (\w+)", README, flags=re.MULTILINE) == ["run", "test"]


@pytest.mark.parametrize("target", ["run", "test", "lint", "bench", "bench-short"])
def test_make_knows_its_targets(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def committed(name: str) -> str:
    """A file as it was committed: `make run` writes the leaderboards in the working tree anew."""
    found = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=ROOT, capture_output=True, text=True)
    if found.returncode != 0:
        pytest.skip(f"this is no git checkout with {name} in it: {found.stderr.strip()}")
    return found.stdout


def test_the_excerpts_are_what_the_tool_wrote() -> None:
    excerpts = re.findall(
        r"<!-- excerpt of (\S+) -->\n(.*?)<!-- end of excerpt -->", committed("README.md"), flags=re.DOTALL
    )
    assert len(excerpts) == 2
    for name, excerpt in excerpts:
        assert excerpt.strip()
        assert excerpt.strip() in committed(name)


def test_the_committed_leaderboards_are_not_stale() -> None:
    rows = [json.loads(line) for line in committed("leaderboards/rows.jsonl").splitlines()]
    assert rows
    for name, text in render(rows).items():
        assert committed(f"leaderboards/{name}") == text


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
