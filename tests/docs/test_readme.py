"""README.md is short and leads on; what is quoted from the boards is on the committed boards."""

import json
import re
import subprocess

import pytest
from guide import ROOT

from ntgbench.report.markdown import render

README = (ROOT / "README.md").read_text()


def test_it_is_two_screens() -> None:
    assert len(README.splitlines()) <= 110


def test_there_are_exactly_two_set_up_commands() -> None:
    assert re.findall(r"^    make (\w+)", README, flags=re.MULTILINE) == ["run", "test"]


@pytest.mark.parametrize("target", ["run", "test", "lint", "docs", "bench", "bench-short"])
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
        r"<!-- excerpt of (\S+) -->\n(.*?)<!-- end of excerpt -->", committed("docs/results.md"), flags=re.DOTALL
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
