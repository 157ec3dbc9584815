"""CONTRIBUTING.md: its code is the code that is tested, and its road from nothing to a row can be walked."""

import dataclasses
import inspect
import json
import re
import subprocess
import sys
import sysconfig
import tomllib
import typing
import venv
from pathlib import Path

import pytest

from ntgbench import hookspecs
from ntgbench.protocol import Protocol, from_values
from ntgbench.testing import example_traffic

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
TEMPLATE = [path.read_text() for path in (ROOT / "ntgbench" / "template").rglob("*") if path.suffix in (".py", ".toml")]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE, flags=re.DOTALL)


WHOLE = [block for block in blocks("python") if block.startswith('"""')]
CUT = [block for block in [*blocks("python"), *blocks("toml")] if block not in WHOLE]


@pytest.mark.parametrize("block", CUT, ids=lambda block: block.splitlines()[1][:40])
def test_code_is_cut_from_the_template(block: str) -> None:
    assert any(block in text for text in TEMPLATE)


@pytest.mark.parametrize("hook", [name for name in hookspecs.__all__ if name.startswith("ntgbench_")])
def test_every_hook_is_documented_with_its_signature(hook: str) -> None:
    function = getattr(hookspecs, hook)
    assert f"`{hook}{inspect.signature(function)}`".replace("'", "") in GUIDE
    assert len(function.__doc__.strip().split("\n\n")[1]) > 100


def test_whole_examples_work(install, command, tmp_path) -> None:
    for block in WHOLE:
        name = re.search(r'"(\w+):\w+"', block).group(1)
        install(name.replace("_", "-"), block, module=name)
    done = command("run", "-d", "easy", "-s", "turned", "-s", "copy", "--seeds", 1, "--suite", "fidelity")
    assert done.returncode == 0, done.stderr
    rows = {
        row["system"]: row for row in map(json.loads, (tmp_path / "leaderboards/rows.jsonl").read_text().splitlines())
    }
    assert rows["turned"]["metrics"]["fidelity/upstream_gap"]["value"] == 0.0
    assert command("check", "turned").returncode == 0
    assert command("check", "upstream_gap").returncode == 0


def keys(kind: type, prefix: str = "") -> list[str]:
    """Every key of a protocol's TOML, in the order of the dataclasses."""
    found = []
    for item in dataclasses.fields(kind):
        hint = typing.get_type_hints(kind)[item.name]
        found += keys(hint, f"{item.name}.") if dataclasses.is_dataclass(hint) else [prefix + item.name]
    return found


def test_the_table_of_a_protocol_has_every_key_and_no_other() -> None:
    assert re.findall(r"^\| `([a-z_.]+)` \|(?:[^|]+\|){3}$", GUIDE, flags=re.MULTILINE) == keys(Protocol)


def test_the_example_of_a_protocol_is_one() -> None:
    text = re.search(r"^    version = 1\n(?:(?:    .*)?\n)+", GUIDE, flags=re.MULTILINE).group()
    assert from_values({"name": "mine", **tomllib.loads(text)}, "the guide").budget.steps == 2000


@pytest.mark.slow
def test_the_road_from_nothing_to_a_row(tmp_path: Path) -> None:
    """Every command of the first part, in an environment of its own that has ntgbench and a new plugin.

    With one seed of little traffic, and one round of short repetitions: the numbers mean nothing.
    """
    protocol = (ROOT / "ntgbench" / "protocols" / "efficiency.toml").read_text()
    short = protocol.replace("seconds = 0.5", "seconds = 0.001\nclasses = 4").replace("rounds = 2", "rounds = 1")
    assert short != protocol
    (tmp_path / "efficiency.toml").write_text(short)
    example_traffic().to_parquet(tmp_path / "example.parquet")
    home = tmp_path / "environment"
    venv.create(home)
    site = Path(
        subprocess.run(
            [home / "bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    # ntgbench, its dependencies and pip as they are installed here; the plugin is installed into the new environment.
    (site / "ntgbench-of-the-tests.pth").write_text("\n".join([sysconfig.get_path("purelib"), *map(str, editable())]))
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert [command.split()[1] for command in commands if command.startswith("ntgbench")] == [
        "new",
        "plugins",
        "check",
        "run",
        "run",
    ]
    for command in commands:
        # Scripts of the test environment name its interpreter; modules do not.
        command = re.sub(r"^(ntgbench|pip|pytest)\b", rf"{home}/bin/python -m \1", command)
        command = command.replace("--seeds 3", "--seeds 1 -d example.parquet")
        command = command.replace("run efficiency", "run efficiency.toml -d example.parquet")
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    rows = list(map(json.loads, (tmp_path / "leaderboards/rows.jsonl").read_text().splitlines()))
    assert {(row["system"], row["distribution"], row["status"]) for row in rows} == {
        ("real", "ntgbench", "ok"),
        ("copy", "ntgbench", "ok"),
        ("my-generator", "my-generator", "ok"),
    }
    for board in ("example-utility", "example-efficiency"):
        assert "`my-generator`" in (tmp_path / f"leaderboards/{board}.md").read_text()


def editable() -> list[Path]:
    """Folders that an editable install of this repository has put on the import path."""
    return [Path(entry) for entry in sys.path if entry.startswith(str(ROOT)) and "tests" not in Path(entry).parts]
